"""One file as a call of the library: its keywords, its events, its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.demo.presentation import MANIFEST_URL, read_resources
from dashget.demo.server import serving
from dashget.mux.options import Subtitles, Thumbnail
from dashget.session.muxing import mux_options
from tests.support.running import Events

pytest.importorskip("av", reason="PyAV is missing")

KEY = f"{'1' * 32}:{'2' * 32}"


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mirror of ``dashget demo``."""
    root = tmp_path_factory.mktemp("library") / "show"
    with serving(read_resources()) as proxy:
        assert dashget.mirror(MANIFEST_URL, root, proxy=proxy, no_proxy="").complete
    return root


@pytest.fixture
def session() -> Iterator[dashget.Session]:
    """A session, which is closed with the test."""
    with dashget.Session() as session:
        yield session


def test_a_mirror_becomes_one_file(session: dashget.Session, show: Path, tmp_path: Path) -> None:
    events = Events()
    file = tmp_path / "show.mp4"
    (muxed,) = session.mux(show, file, audio="lang=en", check=True, observer=events)
    assert file.stat().st_size == muxed.bytes
    assert muxed.checked
    assert [event for event in events if isinstance(event, dashget.Muxed)] == [muxed]


def test_options_and_keywords_go_together(
    session: dashget.Session, show: Path, tmp_path: Path
) -> None:
    options = dashget.MuxOptions(split=True, check=True)
    written = session.mux(show, tmp_path / "show.mkv", options, check=False)
    assert [Path(muxed.path).name for muxed in written] == ["show-1.mkv", "show-2.mkv"]
    assert [muxed.checked for muxed in written] == [False, False]
    only = session.mux(str(show), str(tmp_path / "first.m4a"), period="0", audio="lang=de")
    assert [muxed.tracks for muxed in only] == [1]


def test_the_events_end_with_the_file(session: dashget.Session, show: Path, tmp_path: Path) -> None:
    with session.mux_events(show, tmp_path / "show.mp4", subtitles="files=vtt") as events:
        last = list(events)[-1]
    assert isinstance(last, dashget.Muxed)
    assert last.subtitles
    assert all(name.endswith(".vtt") for name in last.subtitles)


def test_it_works_for_asyncio(show: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with dashget.aio.Session() as session:
            (muxed,) = await session.mux(show, tmp_path / "a.mkv", subtitles="none")
            (same,) = await session.mux(show, tmp_path / "b.mkv", text="none")
            events = [event async for event in session.mux_events(show, tmp_path / "c.mkv")]
        assert (muxed.tracks, muxed.packets) == (same.tracks, same.packets)
        assert isinstance(events[-1], dashget.Muxed)

    asyncio.run(main())


def test_a_stop_leaves_no_unfinished_file(
    session: dashget.Session, show: Path, tmp_path: Path
) -> None:
    stop = dashget.Stop()
    stop.request()
    assert session.mux(show, tmp_path / "show.mkv", stop=stop) == ()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("root", "file", "keywords", "message"),
    [
        ("https://a.example/x.mpd", "a.mp4", {}, "mux takes the directory of a mirror, not a URL"),
        (7, "a.mp4", {}, "root: not a path"),
        (".", 7, {}, "file: not a path"),
        (".", "a.avi", {}, "unknown kind of file: a.avi"),
        (".", "a.mp4", {"split": "yes"}, "split: not True or False"),
        (".", "a.mp4", {"video": 1}, "video: not text"),
        (".", "a.mp4", {"video": "nonsense"}, "nonsense"),
        (".", "a.mp4", {"subtitles": "beside"}, "--subtitles: unknown place"),
        (".", "a.mp4", {"subtitles": "none", "text": "all"}, "subtitles: 'none' beside text="),
        (".", "a.mp4", {"keys": [KEY, 5]}, "keys: not text, but a int"),
        (".", "a.mp4", {"keys": [KEY, KEY[:40]]}, "the key of key 2 is not 32"),
        (".", "a.mp4", {"cover": "poster.jpg"}, "cover: neither 'thumbnail' nor bytes"),
        (".", "a.mp4", {"cover": b"GIF89a"}, "cover: neither JPEG nor PNG"),
    ],
)
def test_a_wrong_argument_is_named(
    session: dashget.Session,
    root: Any,
    file: Any,
    keywords: dict[str, Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dashget.UsageError) as caught:
        session.mux(root, file, **keywords)
    assert message in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_directory_that_is_no_mirror_and_a_missing_file_are_errors(
    session: dashget.Session, show: Path, tmp_path: Path
) -> None:
    with pytest.raises(dashget.StoreError, match="is missing or empty"):
        session.mux(tmp_path, tmp_path / "a.mp4")
    (tmp_path / "show.mp4").touch()
    with pytest.raises(dashget.UsageError, match=r"show\.mp4 exists"):
        session.mux(show, tmp_path / "show.mp4")


def test_keywords_are_spelled_as_on_the_command_line() -> None:
    options = mux_options(None, {"keys": KEY, "subtitles": "files", "cover": "thumbnail"})
    assert options.subtitles is Subtitles.SUBRIP
    assert options.cover is Thumbnail.THUMBNAIL
    assert options.keys.get("1" * 32) == "2" * 32
    assert mux_options(None, {"subtitles": "none"}).choices.text == "none"
    assert mux_options(options, {"video": "best"}).keys == options.keys
