"""What is refused, and that nothing is left of it: holes, locks, files that are there."""

from __future__ import annotations

import errno
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

import dashget
from dashget.mux.direct import writer
from dashget.mux.options import MuxOptions
from dashget.mux.run import mux_mirror
from dashget.mux.selection import Choices
from dashget.store import LocalDirectory
from tests.integration.mux.conftest import Mirrored, mux
from tests.support.decoding import packets
from tests.support.faultserver import Answer, FaultServer
from tests.support.media import Tools
from tests.support.program import tree
from tests.support.running import Events, mirror

GONE = "chunk-stream0-00003.m4s"
ENGLISH = Choices(audio="lang=en,best")


@pytest.fixture
def root(media: Path, mirrored: Mirrored, tmp_path: Path) -> Path:
    """A mirror that a test may damage."""
    return Path(shutil.copytree(mirrored(media / "timeline"), tmp_path / "mirror"))


def test_a_missing_segment_is_refused_by_name(root: Path, tmp_path: Path) -> None:
    (root / GONE).unlink()
    with pytest.raises(dashget.MirrorIncompleteError) as caught:
        mux(root, tmp_path / "show.mp4")
    assert caught.value.message == f"1 of the files are not there: {GONE} (missing)"
    assert caught.value.paths == (GONE,)
    assert caught.value.exit_code == 1
    assert not list(tmp_path.glob("show*"))


def test_a_segment_of_another_size_is_refused_by_name(root: Path, tmp_path: Path) -> None:
    with (root / GONE).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(dashget.MirrorIncompleteError, match=re.escape(GONE)):
        mux(root, tmp_path / "show.mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_gaps_that_are_allowed_keep_their_place_in_time(
    suffix: str, root: Path, tmp_path: Path
) -> None:
    whole, holed = tmp_path / f"whole{suffix}", tmp_path / f"holed{suffix}"
    mux(root, whole, ENGLISH)
    (root / GONE).unlink()
    events = mux(root, holed, ENGLISH, allow_gaps=True, check=True)
    assert events.warnings() == [f"1 of the files are not there: {GONE} (missing)"]
    video, audio = packets(whole)
    assert packets(holed) == [[p for p in video if not 2 <= p[0] < 3], audio]


def test_without_its_initialization_segment_a_track_is_refused_whatever_is_allowed(
    root: Path, tmp_path: Path
) -> None:
    (root / "init-stream0.m4s").unlink()
    with pytest.raises(dashget.MirrorIncompleteError, match="cannot be read at all"):
        mux(root, tmp_path / "show.mp4", allow_gaps=True)


@pytest.mark.parametrize("said", [True, False])
def test_encrypted_media_are_refused_with_scheme_and_key_also_without_a_word_in_the_manifest(
    said: bool, media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    source = tmp_path / "locked"
    source.mkdir()
    kid = "0123456789abcdef0123456789abcdef"
    _run(
        tools.packager,
        f"in={media}/.sources/small.mp4,stream=video,output=v.mp4,drm_label=A",
        "--enable_raw_key_encryption",
        *("--keys", f"label=A:key_id={kid}:key={'00' * 16}", "--clear_lead", "0"),
        *("--mpd_output", "manifest.mpd", "--generate_static_live_mpd=false"),
        cwd=source,
    )
    manifest = source / "manifest.mpd"
    text = manifest.read_text()
    assert "<ContentProtection" in text
    if not said:
        text = re.sub(r"<ContentProtection.*</ContentProtection>", "", text, flags=re.DOTALL)
        manifest.write_text(re.sub(r"<ContentProtection[^>]*/>", "", text))
        assert "<ContentProtection" not in manifest.read_text()
    with pytest.raises(dashget.MuxError) as caught:
        mux(mirrored(source), tmp_path / "show.mp4")
    assert "is encrypted: cenc" in caught.value.message
    assert "key id 01234567-89ab-cdef-0123-456789abcdef" in caught.value.message
    assert not list(tmp_path.glob("show*"))


def test_samples_with_encryption_boxes_are_refused_whatever_their_entry_says(
    media: Path, root: Path, tmp_path: Path
) -> None:
    segment = root / "chunk-stream0-00001.m4s"
    data = segment.read_bytes()
    # Of the same length: the size is the recorded one.
    assert data.count(b"tfdt") == 1
    segment.write_bytes(data.replace(b"tfdt", b"senc"))
    with pytest.raises(dashget.MuxError, match="is encrypted: unknown scheme"):
        mux(root, tmp_path / "show.mp4")


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "show.mp4"
    file.write_bytes(b"mine")
    with pytest.raises(dashget.UsageError, match=r"show.mp4 exists$"):
        mux(root, file)
    assert file.read_bytes() == b"mine"
    mux(root, file, overwrite=True)
    assert len(packets(file)) == 3


@pytest.mark.parametrize("name", ["alone.mp4", "a.mp4", ".dashget/show.mp4"])
def test_a_file_of_the_mirror_is_never_replaced(name: str, media: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for part in ("alone.mp4", "a.mp4.part"):
        shutil.copy(media / ".sources" / "large.mp4", source / part)
    (source / "manifest.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT6S"><Period><AdaptationSet mimeType="video/mp4">'
        '<Representation id="a" bandwidth="2"><BaseURL>alone.mp4</BaseURL></Representation>'
        '<Representation id="b" bandwidth="1"><BaseURL>a.mp4.part</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    )
    root = tmp_path / "mirror"
    with FaultServer() as server:
        for path, data in tree(source).items():
            server.on(f"/{path}", Answer(data))
        mirror(server.url("/manifest.mpd"), root)
    there = tree(root)
    (tmp_path / "link").symlink_to(root)
    with pytest.raises(dashget.UsageError, match=r"a file of the mirror$"):
        mux(root, tmp_path / "link" / name, overwrite=True)
    assert tree(root) == there
    mux(root, root / "show.mp4")
    assert len(packets(root / "show.mp4")) == 1


def test_a_full_disk_is_told_once_and_with_what_helps(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer, "write_all", full)
    file = tmp_path / "show.mp4"
    with pytest.raises(dashget.StoreError) as caught:
        mux(root, file)
    assert caught.value.message == f"cannot write {file}: No space left on device"
    assert caught.value.hint == "check the disk"
    assert not list(tmp_path.glob("show*"))


def test_a_codec_that_a_kind_of_file_cannot_hold_is_refused_by_name(
    root: Path, tmp_path: Path
) -> None:
    with pytest.raises(dashget.MuxError, match=r"a \.webm file cannot hold h264") as caught:
        mux(root, tmp_path / "show.webm")
    assert caught.value.hint == "give the file a name that ends in .mkv"


def test_transport_streams_are_refused_by_name(
    media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    """Their packets would change in another container, and could not be compared."""
    source = tmp_path / "streams"
    source.mkdir()
    track = f"in={media}/.sources/small.mp4,stream=video,segment_template=$Number$.ts"
    playlists = ("--segment_duration", "1", "--hls_master_playlist_output", "all.m3u8")
    _run(tools.packager, track, *playlists, cwd=source)
    (source / "manifest.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT6S"><Period>'
        '<AdaptationSet mimeType="video/mp2t"><SegmentTemplate media="$Number$.ts" duration="1"/>'
        '<Representation id="v" bandwidth="9"/></AdaptationSet></Period></MPD>'
    )
    for suffix in (".mp4", ".mkv"):
        with pytest.raises(dashget.MuxError, match="video v of Period 0 is MPEG-2 TS, which"):
            mux(mirrored(source), tmp_path / f"show{suffix}")
    assert not list(tmp_path.glob("show*"))


def test_what_is_no_media_is_refused(root: Path, tmp_path: Path) -> None:
    init = root / "init-stream0.m4s"
    init.write_bytes(b"<html>".ljust(init.stat().st_size))
    with pytest.raises(dashget.MuxError, match=r"video 0 of Period 0 cannot be read"):
        mux(root, tmp_path / "show.mp4")
    assert not list(tmp_path.glob("show*"))


def test_media_that_break_off_inside_leave_no_file(root: Path, tmp_path: Path) -> None:
    segment = root / GONE
    segment.write_bytes(b"x" * segment.stat().st_size)
    with pytest.raises(dashget.MirrorIncompleteError, match=f"{re.escape(GONE)} is damaged"):
        mux(root, tmp_path / "show.mp4")
    assert not list(tmp_path.glob("show*"))


def test_a_request_to_stop_leaves_no_file(root: Path, tmp_path: Path) -> None:
    stop = dashget.Stop()
    stop.request()
    place, file = LocalDirectory(root), tmp_path / "show.mp4"
    assert mux_mirror(place, file, MuxOptions(), Events(), stop) == ()
    assert not list(tmp_path.glob("show*"))


def test_a_damaged_manifest_says_what_mends_it(root: Path, tmp_path: Path) -> None:
    (root / "manifest.mpd").write_text("junk")
    with pytest.raises(dashget.MPDError) as caught:
        mux(root, tmp_path / "show.mp4")
    assert caught.value.hint == "dashget verify --repair fetches the manifest again"


def test_a_file_that_is_not_what_was_written_gets_no_name(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def corrupt(file: BinaryIO, hidden: object) -> None:
        # The index stands before the media.
        middle = file.seek(0, 2) // 2
        file.seek(middle)
        byte = file.read(1)
        file.seek(middle)
        file.write(bytes([byte[0] ^ 1]))

    monkeypatch.setattr("dashget.mux.run.hide_beginnings", corrupt)
    with pytest.raises(dashget.MuxError, match="as hash"):
        mux(root, tmp_path / "show.mp4", check=True)
    assert not list(tmp_path.glob("show*"))


_KILLED = """\
import os, sys
from pathlib import Path
from dashget.mux import feed, run
from dashget.mux.direct import copying
from dashget.mux.direct import writer
from dashget.mux.options import MuxOptions
from dashget.store import LocalDirectory

packets, pieces = int(sys.argv[3]), int(sys.argv[4])
count, copy = feed.Feed.__iter__, copying.Source.copy

def dying(self):
    global packets
    for packet in count(self):
        packets -= 1
        if not packets:
            os.kill(os.getpid(), 9)
        yield packet

def dying_copy(self, *what):
    global pieces
    pieces -= 1
    if not pieces:
        os.kill(os.getpid(), 9)
    copy(self, *what)

feed.Feed.__iter__ = dying
copying.Source.copy = dying_copy
run.mux_mirror(LocalDirectory(Path(sys.argv[1])), Path(sys.argv[2]), MuxOptions(), print)
"""


@pytest.mark.parametrize(
    ("suffix", "packet", "piece"),
    [(".mp4", 1, 0), (".mp4", 0, 5), (".mkv", 1, 0), (".mkv", 400, 0)],
)
def test_a_kill_leaves_no_final_name_and_the_next_run_writes_the_file(
    suffix: str, packet: int, piece: int, root: Path, tmp_path: Path
) -> None:
    file, whole = tmp_path / f"show{suffix}", tmp_path / f"whole{suffix}"
    words = [sys.executable, "-c", _KILLED, str(root), str(file), str(packet), str(piece)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert not file.exists()
    mux(root, file)
    mux(root, whole)
    assert file.read_bytes() == whole.read_bytes()


def _run(*words: str, cwd: Path) -> None:
    subprocess.run(words, cwd=cwd, check=True, capture_output=True, stdin=subprocess.DEVNULL)
