"""``dashget demo`` as a new user meets it: what it says, what it leaves, what it never touches."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dashget.cli.app import run as run_words
from dashget.cli.commands import demo as command
from dashget.cli.commands.demo import _next_steps
from dashget.cli.printers.playing import program_words
from dashget.demo.presentation import BASE_URL, MANIFEST_URL, read_resources
from dashget.demo.server import serving
from tests.support.media import Tools, count_packets
from tests.support.program import (
    COMMAND,
    DEADLINE_SECONDS,
    SOURCES,
    Ended,
    environment,
    start,
    tree,
)

REPOSITORY = SOURCES.parent
README = REPOSITORY / "README.md"
SAID = """\
Mirroring a built-in presentation from a server on this machine
DashGet demo: static presentation, 2 periods, 12 representations -> {root}
Complete: 52 files, N
  52 downloaded
  received N in N (N), 53 requests
  mirror: {root}
  play it with: {program} play {root}
Verifying the mirror
No errors: 52 files, N
  52 compared by checksum, in N
Try next:
  {program} play {root}               watch it in the browser
  {program} list {root}/manifest.mpd  show what it contains
  {program} verify {root}             check every file again
  {program} URL{blank}  mirror a presentation of your own
"""
MEASURED = re.compile(r"\d[\d.,]* ([kMG]?B/s|[kMG]?B|ms|s)\b")


def demo(*arguments: str | Path, cwd: Path, more: Mapping[str, str] | None = None) -> Ended:
    """Run the demo in a new process: the way it was started is part of its output."""
    process = start("demo", *arguments, cwd=cwd, more=more)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    return Ended(process.returncode, out, err)


def said(program: str, root: str) -> str:
    """Return the output of a first run, without what was measured."""
    blank = " " * len(f"list {root}/manifest.mpd"[3:])
    return SAID.format(program=program, root=root, blank=blank)


def unmeasured(text: str) -> str:
    return MEASURED.sub("N", text)


def checksums(folder: Path) -> dict[str, str]:
    """Return the checksums of all files below a folder, also of the record."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A folder in which the demo has run once; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, demo(cwd=folder)


def test_the_demo_mirrors_verifies_and_names_next_steps(first: tuple[Path, Ended]) -> None:
    _, ended = first
    assert (ended.code, ended.out) == (0, "")
    program = f"{Path(sys.executable).name} -m dashget"
    assert unmeasured(ended.err) == said(program, "dashget-demo")


@pytest.mark.parametrize("name", ["--script=x", "-o", "http:x"])
def test_a_directory_that_looks_like_an_option_or_a_url_is_named_as_a_path(name: str) -> None:
    """Whoever pastes a step into a shell gets what it says."""
    steps = _next_steps(Path(name))
    assert f"play ./{name}" in steps
    assert f"list ./{name}/manifest.mpd" in steps
    assert f"verify ./{name}" in steps


def test_the_mirror_holds_exactly_the_presentation(first: tuple[Path, Ended]) -> None:
    folder, _ = first
    assert [path.name for path in folder.iterdir()] == ["dashget-demo"]
    files = tree(folder / "dashget-demo")
    local, sums = files.pop("manifest.local.mpd"), files.pop("SHA256SUMS")
    assert {BASE_URL + name: data for name, data in files.items()} == read_resources()
    assert b"bars/" in local
    summed = [line.split()[1] for line in sums.decode().splitlines()]
    assert sorted(summed) == sorted([*files, "manifest.local.mpd"])
    assert sum(map(len, files.values())) < 300_000


def test_every_next_step_works_as_printed(first: tuple[Path, Ended], tmp_path: Path) -> None:
    made, ended = first
    folder = shutil.copytree(made, tmp_path / "copy")
    steps = [line.split("  ")[1] for line in ended.err.partition("Try next:\n")[2].splitlines()]
    assert len(steps) == 4
    steps = [step for step in steps if " play " not in step]  # it does not end by itself
    with serving(read_resources()) as proxy:
        for step in steps:
            words = shlex.split(step)
            assert words[1:3] == ["-m", "dashget"]
            arguments = [MANIFEST_URL if word == "URL" else word for word in words[3:]]
            done = subprocess.run(
                [*COMMAND, *arguments],
                cwd=folder,
                env=environment(http_proxy=proxy),
                capture_output=True,
                text=True,
                timeout=DEADLINE_SECONDS,
                check=False,
            )
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("track", "packets"),
    [("video-360p", 250), ("video-180p", 250), ("audio-en", 236), ("audio-de", 236)],
)
@pytest.mark.parametrize("period", ["bars", "stripes"])
@pytest.mark.system
def test_every_track_can_be_decoded(
    period: str, track: str, packets: int, tools: Tools, first: tuple[Path, Ended], tmp_path: Path
) -> None:
    folder = first[0] / "dashget-demo" / period / track
    joined = tmp_path / "joined.mp4"
    names = ["init.mp4", *(f"{number}.m4s" for number in range(1, 6))]
    joined.write_bytes(b"".join((folder / name).read_bytes() for name in names))
    assert count_packets(tools, joined) == packets
    decoding = [tools.ffmpeg, "-v", "error", "-xerror", "-i", joined, "-f", "null", "-"]
    done = subprocess.run(decoding, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_second_run_finds_everything_there(tmp_path: Path) -> None:
    assert demo(cwd=tmp_path).code == 0
    before = checksums(tmp_path)
    again = demo(cwd=tmp_path)
    assert again.code == 0
    assert "  52 already there\n" in again.err
    assert "No errors: 52 files" in again.err
    assert checksums(tmp_path) == before


def test_a_second_run_completes_and_repairs_the_mirror(tmp_path: Path) -> None:
    root = tmp_path / "some where"
    assert demo("-o", root, cwd=tmp_path).code == 0
    before = tree(root)
    (root / "bars/video-360p/1.m4s").unlink()
    rotten = root / "stripes/audio-de/3.m4s"
    data = rotten.read_bytes()
    rotten.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    again = demo("-o", root, cwd=tmp_path)
    assert again.code == 0, again.err
    assert "1 downloaded, 51 already there" in again.err
    assert "1 fetched again" in again.err
    assert f"verify '{root}'" in again.err
    assert tree(root) == before


def test_an_interrupted_demo_is_continued_by_the_next_run(tmp_path: Path) -> None:
    process = start("demo", cwd=tmp_path)
    assert process.stderr is not None
    line = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=DEADLINE_SECONDS)
    assert line.startswith("Mirroring")
    # A slow test may press Ctrl-C when everything is done.
    assert process.returncode == -signal.SIGINT or "Try next" in rest
    assert "Traceback" not in rest
    again = demo(cwd=tmp_path)
    assert again.code == 0
    assert "No errors: 52 files" in again.err


@pytest.mark.parametrize("other", ["a file", "another mirror"])
def test_a_directory_with_other_files_is_left_alone(other: str, tmp_path: Path) -> None:
    root = tmp_path / "dashget-demo"
    if other == "a file":
        (root / "deep").mkdir(parents=True)
        (root / "deep" / "diary.txt").write_text("mine")
    else:
        mpd = MANIFEST_URL.replace("demo", "mine")
        resources = {url.replace("demo", "mine"): data for url, data in read_resources().items()}
        with serving(resources) as proxy:
            made = start(mpd, "-o", root, cwd=tmp_path, more={"http_proxy": proxy})
            made.communicate(timeout=DEADLINE_SECONDS)
            assert made.returncode == 0
    before = checksums(tmp_path)
    ended = demo(cwd=tmp_path)
    assert (ended.code, ended.out) == (6, "")
    assert ended.err == (
        "dashget: error: dashget-demo contains files that are not the demo's\n"
        "hint: choose another directory with -o\n"
    )
    assert checksums(tmp_path) == before
    assert demo("-o", "elsewhere", cwd=tmp_path).code == 0


@pytest.mark.parametrize("begun", [(), (".dashget",)])
def test_an_empty_directory_and_one_barely_begun_are_used(
    begun: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "dashget-demo").joinpath(*begun).mkdir(parents=True)
    assert demo(cwd=tmp_path).code == 0


def test_a_directory_that_cannot_be_made_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ended = demo("-o", "file/demo", cwd=tmp_path)
    assert ended.code == 6
    message, hint = ended.err.splitlines()
    assert re.fullmatch(r"dashget: error: cannot use file/demo\S*: not a directory", message)
    assert hint.startswith("hint: choose a directory that you can write to")


def test_proxies_of_the_environment_are_not_used(tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9"
    proxies = {"http_proxy": dead, "ALL_PROXY": dead, "NO_PROXY": "*", "no_proxy": "*"}
    assert demo(cwd=tmp_path, more=proxies).code == 0


@pytest.mark.system
def test_without_a_loopback_interface_the_error_says_so(tmp_path: Path) -> None:
    alone = ["unshare", "--net"]
    able = shutil.which("unshare") is not None
    if not able or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("cannot make a network namespace")
    done = subprocess.run(
        [*alone, *COMMAND, "demo"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "dashget: error: cannot start the demo's server on 127.0.0.1: network is unreachable\n"
        "hint: check that the loopback interface of this machine is up\n"
    )
    assert not list(tmp_path.iterdir())


def test_the_readme_shows_what_the_checkouts_launcher_prints(tmp_path: Path) -> None:
    (tmp_path / "scripts").symlink_to(REPOSITORY / "scripts")
    (tmp_path / "src").symlink_to(REPOSITORY / "src")
    (tmp_path / "dashget").symlink_to(REPOSITORY / "dashget")
    done = subprocess.run(
        [sys.executable, "-IS", tmp_path / "scripts" / "start.py", "demo"],
        cwd=tmp_path,
        env={**environment(), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert unmeasured(done.stderr) == said("./dashget", "dashget-demo")
    shown = re.search(r"```\n\$ \./dashget demo\n(.*?)```", README.read_text(), re.DOTALL)
    assert shown is not None
    assert unmeasured(shown[1]) == unmeasured(done.stderr)


def test_control_characters_of_the_directory_are_printed_escaped(tmp_path: Path) -> None:
    ended = demo("-o", "a\x1b[31mb", cwd=tmp_path)
    assert ended.code == 0
    assert "\x1b" not in ended.err
    assert "verify 'a\\x1b[31mb'" in ended.err


@pytest.mark.parametrize(
    ("argument", "searched", "program"),
    [
        ("bin/dashget", "bin", ["dashget"]),
        ("bin/dashget", "", ["./bin/dashget"]),
        ("gone/dashget", "", ["dashget"]),
    ],
)
def test_the_program_is_named_as_it_can_be_started(
    argument: str,
    searched: str,
    program: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = tmp_path / "bin" / "dashget"
    script.parent.mkdir()
    script.touch(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / argument)])
    monkeypatch.setenv("PATH", str(tmp_path / searched) if searched else str(tmp_path / "none"))
    assert list(program_words()) == program


def test_a_program_in_another_folder_is_named_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / "dashget"
    script.parent.mkdir()
    script.touch(0o755)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert list(program_words()) == [str(script)]


def test_a_demo_that_is_stopped_while_it_mirrors_ends_as_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*given: Any) -> int:
        given[-1].request()
        return 1

    monkeypatch.setattr(command, "_mirror", stopped)
    assert run_words(["demo", "-o", str(tmp_path / "demo")]) == 130
