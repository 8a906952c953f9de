"""Every codec in every kind of file: the same packets and pictures, and the same tag, or a refusal.

The keys of encrypted media are tried for each codec, too: each decoder finds noise in its own way.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from dashget.mux.keys import parse_keys
from dashget.mux.options import MuxOptions
from dashget.mux.run import mux_mirror
from dashget.store import LocalDirectory
from tests.integration.mux.conftest import Mirrored, mux
from tests.support.decoding import packets, pictures, samples
from tests.support.media import Tools
from tests.support.running import Events

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=3")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=3")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25")
CODECS = {
    "avc1": (*PICTURE, "-c:v", "libx264", "-bf", "2", "-g", "25"),
    "avc3": (*PICTURE, "-c:v", "libx264", "-g", "25", "-tag:v", "avc3"),
    "hvc1": (*PICTURE, *X265, "-tag:v", "hvc1"),
    "hev1": (*PICTURE, *X265, "-tag:v", "hev1"),
    "av01": (*PICTURE, "-c:v", "libsvtav1", "-preset", "12", "-g", "25"),
    "vp09": (*PICTURE, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25"),
    "mp4a": (*TONE, "-c:a", "aac"),
    "ac-3": (*TONE, "-c:a", "ac3"),
    "ec-3": (*TONE, "-c:a", "eac3"),
    "fLaC": (*TONE, "-c:a", "flac", "-strict", "experimental"),
    "Opus": (*TONE, "-c:a", "libopus"),
}
QUICK = ("hev1", "Opus")
ALL = [
    pytest.param(code, marks=() if code in QUICK else pytest.mark.slow) for code in sorted(CODECS)
]
WEB = ("av01", "vp09", "Opus")
KEY_ID, KEY = "0123456789abcdef0123456789abcdef", "11" * 16
Encoded = Callable[[str], Path]


@pytest.fixture(scope="module")
def encoded(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    """Return a function that encodes a picture or a tone, with each codec once."""
    made: dict[str, Path] = {}

    def make(code: str) -> Path:
        if code not in made:
            made[code] = tmp_path_factory.mktemp("codec") / "source.mp4"
            ending = ("-threads", "1", "-fflags", "+bitexact", str(made[code]))
            _run(tools.ffmpeg, "-v", "error", *CODECS[code], *ending)
        return made[code]

    return make


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("code", ALL)
def test_a_codec_is_copied_with_its_tag_or_refused(
    code: str, suffix: str, encoded: Encoded, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    source, file = encoded(code), tmp_path / f"show{suffix}"
    directory = tmp_path / code
    directory.mkdir()
    words = ("-c", "copy", "-strict", "experimental", "-f", "dash", "-seg_duration", "1")
    # As WebM, FFmpeg leaves the last packet of Opus out.
    words = (*words, "-dash_segment_type", "mp4")
    manifest = str(directory / "manifest.mpd")
    _run(tools.ffmpeg, "-v", "error", "-i", str(source), *words, manifest)
    root = mirrored(directory)
    if suffix == ".webm" and code not in WEB:
        with pytest.raises(dashget.MuxError, match=r"a \.webm file cannot hold "):
            mux(root, file)
        assert not file.exists()
        return
    mux(root, file, check=True)
    assert [packet[1:] for packet in packets(file)[0]] == [p[1:] for p in packets(source)[0]]
    if CODECS[code][:4] != PICTURE:
        heard, meant = samples(tools, file), samples(tools, source)
        # Matroska cannot hide what AC-3 begins with: 256 samples of two bytes.
        primed = 512 if suffix == ".mkv" and code in ("ac-3", "ec-3") else 0
        assert heard[primed:] == meant
    elif code != "av01":
        # The FFmpeg of the tests decodes AV1 on special hardware only.
        assert pictures(tools, file) == pictures(tools, source)
    if suffix == ".mp4":
        assert file.read_bytes().count(code.encode() + bytes(6)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["cenc", "cbcs"])
@pytest.mark.parametrize("code", sorted(set(CODECS) - {"avc3", "hev1"}))
def test_a_right_key_decrypts_each_codec_and_wrong_ones_never_pass(
    code: str, scheme: str, encoded: Encoded, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    kind = "video" if CODECS[code][:4] == PICTURE else "audio"
    directory = tmp_path / code
    directory.mkdir()
    _run(
        tools.packager,
        f"in={encoded(code)},stream={kind},output=media.mp4",
        *("--enable_raw_key_encryption", "--keys", f"key_id={KEY_ID}:key={KEY}"),
        *("--protection_scheme", scheme, "--clear_lead", "0", "--segment_duration", "1"),
        *("--mpd_output", "manifest.mpd", "--generate_static_live_mpd=false"),
        cwd=directory,
    )
    root = LocalDirectory(mirrored(directory))

    def write(key: str) -> None:
        options = MuxOptions(keys=parse_keys([f"{KEY_ID}:{key}"]), check=True)
        mux_mirror(root, tmp_path / "show.mp4", options, Events())

    for number in range(12):
        with pytest.raises(dashget.MuxError, match="cannot be decoded with the key"):
            write(f"{number:02x}a5" * 8)
        assert not list(tmp_path.glob("show*"))
    write(KEY)
    assert [p[1:] for p in packets(tmp_path / "show.mp4")[0]] == [
        p[1:] for p in packets(encoded(code))[0]
    ]


def _run(*words: str, cwd: Path | None = None) -> None:
    done = subprocess.run(
        words, cwd=cwd, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr[-1000:]
