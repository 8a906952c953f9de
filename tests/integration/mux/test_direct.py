"""Fragments of every form become the same file directly and packet by packet, with right times."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest

from dashget.media.isobmff import iter_boxes
from dashget.mux import run
from dashget.mux.options import MuxOptions
from dashget.mux.run import mux_mirror
from dashget.mux.writer import Copy
from dashget.store import LocalDirectory
from tests.integration.mux.conftest import Mirrored, leaves, mux
from tests.support.decoding import ffmpeg, packets, pictures, samples, starts
from tests.support.media import Tools
from tests.support.running import Events

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=4")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4")
ORDERED = ("-c:v", "libx264", "-bf", "2", "-b_strategy", "0", "-g", "25", "-sc_threshold", "0")
MOVED = "+negative_cts_offsets"
FORMS = {
    "one fragment": "+empty_moov+default_base_moof",
    "fragments": "+frag_keyframe+empty_moov+default_base_moof",
    "below zero": f"+frag_keyframe+empty_moov+default_base_moof{MOVED}",
    "a fragment for each frame": "+frag_every_frame+empty_moov+default_base_moof",
    "a fragment for each frame below zero": f"+frag_every_frame+empty_moov+default_base_moof{MOVED}",
    "places in the whole file": "+frag_keyframe+empty_moov",
    "no places in the header": "+frag_keyframe+empty_moov+omit_tfhd_offset",
    "an edit list": "+frag_keyframe+delay_moov+default_base_moof",
    "indexed": "+frag_keyframe+delay_moov+default_base_moof+global_sidx",
}
Directly = list[bool]


@pytest.fixture
def directly(monkeypatch: pytest.MonkeyPatch) -> Directly:
    """Return a list that gets True for each file that is written directly, else False."""
    seen: Directly = []

    class Seen(run.DirectWriter):
        def write(self, path: Path, name: str) -> Copy:
            seen.append(False)
            copy = super().write(path, name)
            seen[-1] = True
            return copy

    monkeypatch.setattr(run, "DirectWriter", Seen)
    return seen


def presentation(target: Path, *files: Path) -> Path:
    """Make a presentation of whole files."""
    target.mkdir()
    sets = []
    for file in files:
        (target / file.name).write_bytes(file.read_bytes())
        kind = "video" if file.name.startswith("video") else "audio"
        sets.append(
            f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp4"><Representation'
            f' id="{file.stem}" bandwidth="1"><BaseURL>{file.name}</BaseURL></Representation>'
            "</AdaptationSet>"
        )
    (target / "manifest.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT2S"'
        ' mediaPresentationDuration="PT4S" profiles="urn:mpeg:dash:profile:full:2011"><Period>'
        f"{''.join(sets)}</Period></MPD>"
    )
    return target


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_fragments_becomes_the_same_file(
    form: str, tools: Tools, mirrored: Mirrored, directly: Directly, tmp_path: Path
) -> None:
    video, audio = tmp_path / "video.mp4", tmp_path / "audio.mp4"
    flags = ("-movflags", FORMS[form], "-threads", "1")
    ffmpeg(tools, *PICTURE, *ORDERED, *flags, str(video))
    ffmpeg(tools, *TONE, "-c:a", "aac", "-frag_duration", "1000000", *flags, str(audio))
    file = tmp_path / "show.mp4"
    mux(mirrored(presentation(tmp_path / "source", video, audio)), file, check=True)
    assert directly == [True]
    assert pictures(tools, file) == pictures(tools, video)
    assert samples(tools, file) == samples(tools, audio)
    times = sorted(time for time, _, _ in packets(file)[0])
    assert [time - times[0] for time in times] == [Fraction(n, 25) for n in range(100)]
    # FFmpeg writes the delay of coding as presentation time, where offsets stay above zero.
    delayed = MOVED not in FORMS[form] and "delay_moov" not in FORMS[form]
    assert starts(file)[0] == (Fraction(2, 25) if delayed else 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_pictures_with_offsets_below_zero_are_shown_when_they_should_be(
    suffix: str, tools: Tools, mirrored: Mirrored, tmp_path: Path
) -> None:
    video = tmp_path / "video.mp4"
    flags = ("-movflags", FORMS["below zero"], "-threads", "1")
    ffmpeg(tools, *PICTURE, *ORDERED, *flags, str(video))
    file = tmp_path / f"show{suffix}"
    mux(mirrored(presentation(tmp_path / "source", video)), file, check=True)
    times = sorted(time for time, _, _ in packets(file)[0])
    assert times == [Fraction(n, 25) for n in range(100)]


def _zero_first_offsets(data: bytearray, fragment: int) -> None:
    """Let the pictures of the fragments before one be shown in the order of coding."""
    moofs = [box for box in iter_boxes(data) if box.type == "moof"]
    for moof in moofs[:fragment]:
        at = data.index(b"trun", moof.start) + 4
        flags, count = struct.unpack_from(">II", data, at)
        words = sum(1 for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag)
        first = at + 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
        for number in range(count):
            struct.pack_into(">i", data, first + 4 * (words * (number + 1) - 1), 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_offsets_that_fall_below_zero_later_move_no_picture(
    suffix: str, tools: Tools, mirrored: Mirrored, tmp_path: Path
) -> None:
    video = tmp_path / "video.mp4"
    flags = ("-movflags", FORMS["below zero"], "-threads", "1")
    ffmpeg(tools, *PICTURE, *ORDERED, *flags, str(video))
    data = bytearray(video.read_bytes())
    _zero_first_offsets(data, 2)
    video.write_bytes(data)
    file = tmp_path / f"show{suffix}"
    mux(mirrored(presentation(tmp_path / "source", video)), file, check=True)
    times = sorted(time for time, _, _ in packets(file)[0])
    assert times == [Fraction(n, 25) for n in range(100)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_pictures_of_which_none_is_a_key_stay_so(
    suffix: str, tools: Tools, mirrored: Mirrored, tmp_path: Path
) -> None:
    video = tmp_path / "video.mp4"
    flags = ("-movflags", FORMS["fragments"], "-threads", "1")
    ffmpeg(tools, *PICTURE, *ORDERED, *flags, str(video))
    data = bytearray(video.read_bytes())
    for moof in [box for box in iter_boxes(data) if box.type == "moof"]:
        # The flags of the first sample come after count and offset.
        struct.pack_into(">I", data, data.index(b"trun", moof.start) + 16, 0x01010000)
    video.write_bytes(data)
    file = tmp_path / f"show{suffix}"
    root = mirrored(presentation(tmp_path / "source", video))
    mux_mirror(LocalDirectory(root), file, MuxOptions(check=True), Events())
    if suffix == ".mp4":
        assert leaves(file)["/moov/trak/mdia/minf/stbl/stss"] == [bytes(8)]
        return
    with av.open(str(file), options={"fflags": "+nofillin+noparse"}) as container:
        assert not any(packet.is_keyframe for packet in container.demux(video=0))


def test_the_index_is_before_the_media(media: Path, mirrored: Mirrored, tmp_path: Path) -> None:
    """So a file plays while it is still fetched from a web server."""
    file = tmp_path / "show.mp4"
    mux(mirrored(media / "timeline"), file)
    assert [box.type for box in iter_boxes(file.read_bytes())] == ["ftyp", "moov", "mdat"]
