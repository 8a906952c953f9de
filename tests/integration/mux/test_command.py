"""``dashget URL --mux FILE`` and ``dashget mux DIR FILE``, as programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.mux.conftest import Mirrored
from tests.support.decoding import packets
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run as dashget
from tests.support.program import tree

FORM = "ondemand"


@pytest.fixture
def show(media: Path) -> Iterator[FaultServer]:
    with FaultServer() as server:
        for name, data in tree(media / FORM).items():
            server.on(f"/{name}", Answer(data))
        yield server


def test_a_url_becomes_one_file_and_the_mirror_goes(show: FaultServer, tmp_path: Path) -> None:
    done = dashget(show.url("/manifest.mpd"), "--mux", "show.mp4", cwd=tmp_path)
    assert done.code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["show.mp4"]
    assert "show.mp4: 5 tracks, 6.00 s" in done.err
    assert "every packet checked" in done.err
    assert not show.asked("/small.mp4")


def test_the_mirror_stays_if_it_is_wanted(show: FaultServer, tmp_path: Path) -> None:
    url = show.url("/manifest.mpd")
    assert dashget(url, "--mux", "a.mkv", "--keep-mirror", cwd=tmp_path).code == 0
    assert dashget(url, "--mux", "b.mkv", "-o", "show", cwd=tmp_path).code == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a.mkv", "a.mkv.mirror", "b.mkv", "show"}
    assert (tmp_path / "show" / "small.mp4").exists()
    assert not (tmp_path / "a.mkv.mirror" / "small.mp4").exists()
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_a_file_that_is_missing_on_the_server_leaves_the_mirror_and_no_file(
    show: FaultServer, tmp_path: Path
) -> None:
    show.on("/large.mp4", refuse(404))
    url = show.url("/manifest.mpd")
    done = dashget(url, "--mux", "show.mp4", "--retries", "0", cwd=tmp_path)
    assert done.code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["show.mp4.mirror"]


def test_events_of_both_steps_are_told(show: FaultServer, tmp_path: Path) -> None:
    done = dashget(show.url("/manifest.mpd"), "--mux", "show.mp4", "--json", cwd=tmp_path)
    events = done.events
    assert [e["event"] for e in events if e["event"] in ("summary", "muxed")] == [
        "summary",
        "muxed",
    ]
    assert events[-1]["path"] == "show.mp4"
    assert events[-1]["checked"] is True


def test_a_name_of_a_file_for_a_mirror_asks_if_mux_was_meant(tmp_path: Path) -> None:
    done = dashget("http://h.example/x.mpd", "-o", "movie.mp4", cwd=tmp_path)
    assert done.code == 2
    assert "did you mean --mux movie.mp4?" in done.err


def test_what_is_refused_is_refused_before_any_request(show: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "there.mp4").write_bytes(b"mine")
    url = show.url("/manifest.mpd")
    for words, said in (
        (("--mux", "show.avi"), "unknown kind of file: show.avi"),
        (("--mux", "there.mp4"), "there.mp4 exists"),
        (("--split",), "--split: only with --mux FILE"),
        ((url, "--mux", "show.mp4"), "--mux: only for a single URL"),
    ):
        done = dashget(url, *words, cwd=tmp_path)
        assert done.code == 2
        assert said in done.err
    assert not show.asked("/manifest.mpd")


def test_audio_alone_takes_no_video(show: FaultServer, tmp_path: Path) -> None:
    assert dashget(show.url("/manifest.mpd"), "--mux", "show.m4a", cwd=tmp_path).code == 0
    assert len(packets(tmp_path / "show.m4a")) == 2
    assert not show.asked("/large.mp4")


def test_subtitles_go_where_they_are_wanted(show: FaultServer, tmp_path: Path) -> None:
    url = show.url("/manifest.mpd")
    done = dashget(url, "--mux", "none.mp4", "--subtitles", "none", cwd=tmp_path)
    assert done.code == 0
    assert "none.mp4: 3 tracks" in done.err
    assert not show.asked("/en.vtt")
    done = dashget(url, "--mux", "show.m4a", "--subtitles", "files", cwd=tmp_path)
    assert done.code == 0
    assert "show.en.srt: subtitles" in done.err
    assert (tmp_path / "show.fr.srt").read_text().startswith("1\n00:00:00,000 --> 00:00:02,000\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "none.mp4",
        "show.en.srt",
        "show.fr.srt",
        "show.m4a",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--subtitles", "srt"), "--subtitles: unknown place: 'srt'"),
        (("--subtitles", "none", "--text", "lang=en"), "--text and --subtitles none"),
    ],
)
def test_places_for_subtitles_that_do_not_exist_are_refused(
    words: tuple[str, ...], message: str, show: FaultServer, tmp_path: Path
) -> None:
    done = dashget(show.url("/manifest.mpd"), "--mux", "show.mp4", *words, cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name",
    ["http:a.mkv", "rtmp:a.mkv", "unix:a.mkv", "concat:a|b.mkv", "cache:a.mkv", "tee:a.mkv", "pipe:1.mp4",
     "fd:1.mp4", "file:a.mp4", "data:a.mkv", "subfile,,start,0,end,0,,:a.mkv", "crypto+file:a.mkv", "%d.mp4"],
)  # fmt: skip
def test_a_name_that_looks_like_an_address_is_that_of_a_file(
    name: str, media: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    done = dashget("mux", str(mirrored(media / FORM)), name, cwd=tmp_path)
    assert done.code == 0, done.err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert not done.out
