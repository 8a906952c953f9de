"""Invalid input: one clear sentence, a hint, the right exit code, nothing lost."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.origin import Origin
from tests.support.program import COMMAND, DEADLINE_SECONDS, Ended, environment, run, tree

pytestmark = pytest.mark.system

MPD = mpd(numbered("$Number$.m4s"), seconds=2)
USAGE, DOCUMENT, SELECTION, FETCH, STORE = 2, 3, 4, 5, 6


def sentence(ended: Ended) -> str:
    """Return the error's own line, having checked the form that all errors have."""
    lines = ended.err.splitlines()
    errors = [line for line in lines if line.startswith("dashget: error: ")]
    assert len(errors) == 1, ended.err
    assert "internal error" not in ended.err
    assert "Traceback" not in ended.err
    assert not errors[0].endswith(".")
    assert lines[-1].startswith("hint: "), ended.err
    return errors[0].removeprefix("dashget: error: ")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "origin"
    directory.mkdir()
    return directory


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("page.mpd", "<!DOCTYPE html>\n<html><body>Sign in</body></html>", "HTML"),
        ("page.html", "<html><body>Not found</body></html>", "HTML"),
        ("empty.mpd", "", "empty"),
        ("play.mpd", "#EXTM3U\n#EXT-X-VERSION:3\n", "HLS"),
        ("data.mpd", '{"error": "no"}', "JSON"),
        ("other.mpd", "<rss><channel/></rss>", "rss"),
    ],
)
def test_content_that_is_not_an_mpd_is_called_by_its_kind(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path, name: str, content: str, said: str
) -> None:
    (root / name).write_text(content)
    ended = run(nginx(root).url(name), "-o", "mirror", cwd=tmp_path)
    assert ended.code == DOCUMENT
    assert said in sentence(ended)
    assert not (tmp_path / "mirror").exists()


def test_a_truncated_mpd_is_an_error_that_says_where_it_broke(
    media: Path, root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    whole = (media / "list" / "manifest.mpd").read_text()
    (root / "manifest.mpd").write_text(whole[: len(whole) // 2])
    ended = run(nginx(root).url("manifest.mpd"), "-o", "mirror", cwd=tmp_path)
    assert ended.code == DOCUMENT
    assert "line" in sentence(ended)


def test_an_mpd_that_the_server_does_not_have_is_named_with_the_status(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    url = nginx(root).url("missing.mpd")
    ended = run(url, "-o", "mirror", cwd=tmp_path)
    assert ended.code == FETCH
    assert "404" in sentence(ended)
    assert url in ended.err
    assert not (tmp_path / "mirror").exists()


def test_a_host_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ended = run(f"http://127.0.0.1:{port}/a.mpd", "--retries", "0", cwd=tmp_path)
    assert ended.code == FETCH
    assert f"127.0.0.1:{port}" in sentence(ended)


@pytest.mark.parametrize("source", ["ftp://127.0.0.1/a.mpd", "http://", "nowhere.mpd", "rtsp:x"])
def test_an_argument_that_is_neither_a_url_nor_a_file_is_a_usage_error(
    tmp_path: Path, source: str
) -> None:
    ended = run(source, cwd=tmp_path)
    assert ended.code == USAGE
    assert source.partition(":")[0] in sentence(ended)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--video", "id=nobody", "--audio", "none", "--text", "none"), SELECTION),
        (("--video", "none", "--audio", "none", "--text", "none"), SELECTION),
        (("--video", "height<"), USAGE),
        (("--threads", "0"), USAGE),
        (("--threads", "many"), USAGE),
        (("-H", "no colon"), USAGE),
        (("--no-such-option",), USAGE),
    ],
)
def test_arguments_that_are_invalid_or_select_nothing_are_refused(
    media: Path,
    nginx: Callable[..., Origin],
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    url = nginx(media / "list").url("manifest.mpd")
    ended = run(url, "-o", "mirror", *arguments, cwd=tmp_path)
    assert ended.code == code, ended.err
    sentence(ended)
    assert not (tmp_path / "mirror").exists()


def test_an_output_that_is_a_file_is_refused_and_kept(
    media: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    (tmp_path / "mirror").write_text("mine")
    ended = run(nginx(media / "list").url("manifest.mpd"), "-o", "mirror", cwd=tmp_path)
    assert ended.code == STORE
    assert "mirror" in sentence(ended)
    assert (tmp_path / "mirror").read_text() == "mine"


def test_an_output_that_holds_another_presentation_is_refused_and_kept(
    media: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    first = nginx(media / "list").url("manifest.mpd")
    other = nginx(media / "number").url("manifest.mpd")
    assert run(first, "-o", "mirror", cwd=tmp_path).code == 0
    before = tree(tmp_path / "mirror")
    ended = run(other, "-o", "mirror", cwd=tmp_path)
    assert ended.code == STORE
    sentence(ended)
    assert first in ended.err
    assert other in ended.err
    assert tree(tmp_path / "mirror") == before


def test_an_output_below_a_file_cannot_be_made(
    media: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    url = nginx(media / "list").url("manifest.mpd")
    ended = run(url, "-o", Path("file", "mirror"), cwd=tmp_path)
    assert ended.code == STORE
    sentence(ended)


@pytest.mark.parametrize("name", ["x" * 300, "y/" * 3000], ids=["name", "path"])
def test_an_output_whose_name_is_too_long_cannot_be_made(tmp_path: Path, name: str) -> None:
    with FaultServer() as server:
        ended = run(server.on("/x.mpd", Answer(MPD)), "-o", name, cwd=tmp_path)
    assert ended.code == STORE
    assert "file name too long" in sentence(ended)


def test_a_closed_standard_input_is_an_error(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "-"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert ended.code == FETCH
    assert sentence(ended) == "cannot read standard input: it is closed"


def test_control_characters_of_a_manifest_never_reach_the_terminal(
    media: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    root = Path(shutil.copytree(media / "list", tmp_path / "origin"))
    document = (root / "manifest.mpd").read_text()
    hostile = "x&#x9B;2J&#x202E;y"
    document = document.replace('Representation id="0"', f'Representation id="{hostile}"')
    document = document.replace('media="chunk-stream0-00003', f'media="{hostile}-chunk')
    (root / "manifest.mpd").write_text(document)
    url = nginx(root).url("manifest.mpd")
    for command in ((url, "-o", "mirror", "-v"), ("list", url), ("plan", url)):
        ended = run(*command, cwd=tmp_path)
        shown = ended.out + ended.err
        assert "\x9b" not in shown
        assert "\u202e" not in shown
        assert "\x1b" not in shown


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_credentials_in_urls_of_a_manifest_are_never_shown(
    form: tuple[str, ...], tmp_path: Path
) -> None:
    with FaultServer() as server:
        base = server.url("/").replace("://", "://me:S3CRET@")
        document = mpd(numbered("$Number$.m4s"), before=f"<BaseURL>{base}</BaseURL>", seconds=2)
        url = server.on("/x.mpd", Answer(body=document))
        server.on("/1.m4s", Answer(status=500), Answer(status=404))
        ended = run(url, "-o", "mirror", "--retries", "1", "-v", *form, cwd=tmp_path)
    assert "1.m4s" in ended.out + ended.err
    assert "S3CRET" not in ended.out + ended.err
