"""``dashget play``: the page is for itself, and the player comes once."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dashget.serve.npm import LOCK, PLAYER, pinned
from tests.support.program import run
from tests.support.serving import Server, serving


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds a player, as far as the server is concerned."""
    folder = tmp_path_factory.mktemp("cache")
    player = folder / "dashget" / f"{PLAYER}-{pinned(LOCK, PLAYER)[0]}"
    player.mkdir(parents=True)
    (player / "shaka-player.ui.js").write_text("the player")
    style = "a{b:c}@font-face{font-family:R;src:url(https://fonts.example/r.ttf)}d{e:f}"
    (player / "controls.css").write_text(style)
    (player / "LICENSE").write_text("the licence")
    return folder


@pytest.fixture(scope="module")
def playing(show: Path, cache: Path) -> Iterator[Server]:
    more = {"XDG_CACHE_HOME": str(cache)}
    with serving("play", show, "--no-open", cwd=show.parent, more=more) as server:
        yield server


def timeline(server: Server, stage: str = "checked") -> dict[str, Any]:
    """Ask for the timeline until a stage is reached."""
    waited = threading.Event()
    for _ in range(200):
        found: dict[str, Any] = json.loads(server.get("/.dashget/timeline/show").body)
        if found["stage"] in (stage, "failed"):
            return found
        waited.wait(0.05)
    raise AssertionError(found)


def test_the_page_and_its_files_are_served(playing: Server) -> None:
    assert playing.addresses == [f"http://127.0.0.1:{playing.port}/"]
    page = playing.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert playing.get("/.dashget/shaka-player.ui.js").body == b"the player"
    assert playing.get("/.dashget/page.js").headers["content-type"].startswith("text/javascript")
    assert playing.get("/.dashget/LICENSE").body == b"the licence"
    named = [part.split('"')[0] for part in page.body.decode().split('="/.dashget/')[1:]]
    assert len(named) == 5
    for name in named:
        assert playing.get(f"/.dashget/{name}").status == 200


def test_nothing_of_the_page_names_another_host(playing: Server) -> None:
    assert playing.get("/.dashget/controls.css").body == b"a{b:c}d{e:f}"
    folder = Path(LOCK).parents[1] / "page"
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path
        assert "innerHTML" not in text, path


def test_the_page_learns_which_mirrors_there_are(playing: Server) -> None:
    (found,) = json.loads(playing.get("/.dashget/shows.json").body)
    assert found["name"] == "show"
    assert found["manifest"] == "/show/manifest.local.mpd"
    assert playing.get(found["manifest"]).status == 200
    assert playing.get(found["timeline"]).status == 200
    assert playing.get("/.dashget/timeline/other").status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Host": "evil.example"},
    ],
)
def test_pages_of_other_origins_read_nothing(headers: Mapping[str, str], playing: Server) -> None:
    for path in ("/show/manifest.local.mpd", "/.dashget/shows.json", "/.dashget/page.js"):
        answer = playing.get(path, headers)
        assert answer.status in (403, 421)
        assert "access-control-allow-origin" not in answer.headers


def test_a_link_from_elsewhere_leads_to_the_page_only(playing: Server) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert playing.get("/", followed).status == 200
    assert playing.get("/show/page.html", followed).status == 403
    own = playing.get("/show/large.m4s", {"Sec-Fetch-Site": "same-origin"})
    assert own.status == 200
    assert own.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in own.headers


def test_the_policy_of_the_page_is_strict(playing: Server) -> None:
    headers = playing.get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_the_timeline_tells_what_is_here(playing: Server) -> None:
    found = timeline(playing)
    assert found["title"] == "DashGet demo"
    assert [(p["id"], p["start"], p["end"]) for p in found["periods"]] == [
        ("bars", 0, 10),
        ("stripes", 10, 20),
    ]
    assert len(found["rows"]) == 12
    assert {run["state"] for row in found["rows"] for run in row["runs"]} == {"here"}
    assert found["troubles"] == []


def test_the_timeline_tells_what_is_missing_and_damaged(
    show: Path, cache: Path, tmp_path: Path
) -> None:
    root = tmp_path / "show"
    shutil.copytree(show, root)
    (root / "bars/video-360p/3.m4s").unlink()
    rotten = root / "stripes/audio-de/2.m4s"
    data = rotten.read_bytes()
    rotten.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    more = {"XDG_CACHE_HOME": str(cache)}
    with serving("play", root, "--no-open", cwd=tmp_path, more=more) as server:
        found = timeline(server)
        troubles = [(t["path"], t["state"], t["start"]) for t in found["troubles"]]
        assert troubles == [
            ("bars/video-360p/3.m4s", "missing", 4.0),
            ("stripes/audio-de/2.m4s", "damaged", pytest.approx(12, abs=0.01)),
        ]
        (row,) = (r for r in found["rows"] if r["id"] == "360p" and r["period"] == 0)
        assert [(r["start"], r["end"], r["state"]) for r in row["runs"]] == [
            (0, 4, "here"),
            (4, 6, "missing"),
            (6, 10, "here"),
        ]
        # A file that comes is here at the next look.
        shutil.copy(show / "bars/video-360p/3.m4s", root / "bars/video-360p")
        with (root / ".dashget/record.jsonl").open("a") as record:
            record.write("\n")
        waited = threading.Event()
        for _ in range(100):
            found = timeline(server)
            if len(found["troubles"]) == 1:
                break
            waited.wait(0.05)
        assert [t["path"] for t in found["troubles"]] == ["stripes/audio-de/2.m4s"]
        # What was damaged and is mended is found to be sound, as soon as it may be checked again.
        shutil.copy(show / "stripes/audio-de/2.m4s", root / "stripes/audio-de")
        for _ in range(100):
            with (root / ".dashget/record.jsonl").open("a") as record:
                record.write("\n")
            if not timeline(server)["troubles"]:
                break
            waited.wait(0.05)
        assert timeline(server)["troubles"] == []


def test_a_browser_is_opened_unless_it_is_not_wanted(
    show: Path, cache: Path, tmp_path: Path
) -> None:
    opened = tmp_path / "opened"
    os.mkfifo(opened)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{opened}\n')
    browser.chmod(0o755)
    more = {"XDG_CACHE_HOME": str(cache), "BROWSER": str(browser)}
    with serving("play", show, cwd=tmp_path, more=more) as server:
        assert opened.read_text() == f"{server.addresses[0]}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a screen")
def test_without_a_screen_no_browser_of_the_terminal_is_opened(
    show: Path, cache: Path, tmp_path: Path
) -> None:
    lynx = tmp_path / "bin" / "lynx"
    lynx.parent.mkdir()
    lynx.write_text(f"#!/bin/sh\ntouch {tmp_path}/opened\n")
    lynx.chmod(0o755)
    none = dict.fromkeys(("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"), "")
    path = f"{lynx.parent}{os.pathsep}{os.defpath}"
    more = {"XDG_CACHE_HOME": str(cache), "PATH": path, **none}
    with serving("play", show, cwd=tmp_path, more=more) as server:
        assert server.process.stderr is not None
        lines = {server.process.stderr.readline() for _ in range(2)}
        assert lines == {
            "Ctrl-C ends the server\n",
            "no browser was found: open the address above in one\n",
        }
    assert not (tmp_path / "opened").exists()


def test_a_player_that_cannot_be_fetched_is_one_sentence(show: Path, tmp_path: Path) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    more = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": str(npm.parent)}
    ended = run("play", show, "--no-open", cwd=tmp_path, more=more)
    assert ended.code == 1
    assert ended.err.splitlines()[1:] == [
        f"dashget: error: {PLAYER}@{pinned(LOCK, PLAYER)[0]} comes by npm, which is not here",
        "hint: install npm (on Debian and Ubuntu: apt install npm), and run the same command again",
    ]
    npm.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    npm.chmod(0o755)
    ended = run("play", show, "--no-open", cwd=tmp_path, more=more)
    assert ended.code == 1
    assert "npm could not fetch shaka-player@" in ended.err
    assert ended.err.endswith(
        "hint: check the network and npm's settings; the same command tries again\n"
    )
    (tmp_path / "a file").touch()
    more["XDG_CACHE_HOME"] = str(tmp_path / "a file")
    ended = run("play", show, "--no-open", cwd=tmp_path, more=more)
    assert ended.code == 1
    assert "hint: XDG_CACHE_HOME names another folder for it" in ended.err
    assert "Traceback" not in ended.err


def test_ctrl_c_ends_it_at_once_in_the_middle_of_a_check(show: Path, cache: Path) -> None:
    more = {"XDG_CACHE_HOME": str(cache)}
    with serving("play", show, "--no-open", cwd=show.parent, more=more) as server:
        server.get("/.dashget/timeline/show")
        code, err = server.interrupt()
        assert (code, err) == (-2, "Ctrl-C ends the server\n")


@pytest.mark.utf_8
@pytest.mark.parametrize("name", [b"caf\xe9", b"a b&c#d%20", "日本".encode(), b"...", b".hidden"])
def test_a_directory_of_any_name_is_played(
    name: bytes, show: Path, cache: Path, tmp_path: Path
) -> None:
    root = tmp_path / os.fsdecode(name)
    if name == b"...":
        root = root / "x"
        root.parent.mkdir()
    shutil.copytree(show, root)
    more = {"XDG_CACHE_HOME": str(cache)}
    with serving("play", root, "--no-open", cwd=tmp_path, more=more) as server:
        (found,) = json.loads(server.get("/.dashget/shows.json").body)
        assert server.get(found["manifest"]).status == 200
        assert server.get(found["timeline"]).status == 200
