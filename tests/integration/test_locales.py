"""Names, output and arguments in every kind of locale: a mirror is the same in all of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.locales import folder_of_locales
from tests.support.program import COMMAND, DEADLINE_SECONDS, environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has names in Unicode everywhere")

SHOW = "\N{CJK UNIFIED IDEOGRAPH-65E5}\N{CJK UNIFIED IDEOGRAPH-672C}"
MEDIA = "caf\N{LATIN SMALL LETTER E WITH ACUTE}\N{SNOWMAN}"
TITLE = "\N{CJK UNIFIED IDEOGRAPH-984C} \N{LATIN SMALL LETTER E WITH ACUTE}"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LOCALES = {
    "C": {"LC_ALL": "C"},
    "C, ASCII": ASCII,
    "POSIX, ASCII": ASCII | {"LC_ALL": "POSIX"},
    "UTF-8": {"LC_ALL": "C.UTF-8"},
    "UTF-8, strict ASCII output": {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "ascii:strict"},
    "UTF-8, strict Latin-1 output": {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1:strict"},
    "Latin-1": {"LC_ALL": "en_US.ISO-8859-1"},
    "Latin-1, UTF-8 mode": {"LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "1"},
    "EUC-JP": {"LC_ALL": "ja_JP.EUC-JP"},
}

FEW = pytest.mark.parametrize("program", ["C, ASCII", "Latin-1", "EUC-JP"], indirect=True)


class Run:
    """Runs the program in a locale; arguments and output are bytes."""

    def __init__(self, cwd: Path, locale: dict[str, str]) -> None:
        self.cwd = cwd
        self.locale = locale

    def __call__(self, *arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.cwd,
            env=environment(**self.locale),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert b"internal error" not in done.stderr
        assert b"Traceback" not in done.stderr
        return done


@pytest.fixture(params=LOCALES)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    locale = LOCALES[request.param]
    if "." in locale["LC_ALL"] and locale["LC_ALL"] != "C.UTF-8":
        folder = folder_of_locales()
        if folder is None:
            pytest.skip("localedef and the sources of locales are missing")
        locale = locale | {"LOCPATH": str(folder)}
    yield Run(tmp_path, locale)
    # pytest removes it by names that its own locale may lack.
    shutil.rmtree(os.fsencode(tmp_path), ignore_errors=True)


@pytest.fixture
def url(server: FaultServer) -> str:
    before = f"<ProgramInformation><Title>{TITLE}</Title></ProgramInformation>"
    content = mpd(numbered(f"{MEDIA}/$Number$.m4s"), before=before)
    found = server.on("/%E6%97%A5%E6%9C%AC/x.mpd", Answer(content))
    for number in (1, 2, 3):
        server.on(f"/%E6%97%A5%E6%9C%AC/caf%C3%A9%E2%98%83/{number}.m4s", Answer(b"abc"))
    return found


def names(folder: Path) -> set[bytes]:
    """Return the names of all files below a folder, as the disk has them."""
    return {
        os.path.relpath(os.path.join(above, name), os.fsencode(folder))
        for above, _, files in os.walk(os.fsencode(folder))
        for name in files
        if b".dashget" not in above
    }


def test_a_mirror_has_the_same_names_in_every_locale(program: Run, url: str) -> None:
    done = program(url)
    assert done.returncode == 0, done.stderr
    media = {f"{SHOW}/{MEDIA}/{number}.m4s".encode() for number in (1, 2, 3)}
    manifests = {f"{SHOW}/x.mpd".encode(), f"{SHOW}/x.local.mpd".encode()}
    assert names(program.cwd) == media | manifests
    again = program(url, "--json", "--checksums", "sha256")
    summary = json.loads(again.stdout.splitlines()[-1])
    assert (again.returncode, summary["outcomes"], summary["root"]) == (0, {"present": 3}, SHOW)
    sums = program.cwd / os.fsdecode(SHOW.encode()) / "SHA256SUMS"
    assert f"  {MEDIA}/1.m4s\n".encode() in sums.read_bytes()


@FEW
def test_what_was_made_in_one_locale_is_complete_in_every_other(program: Run, url: str) -> None:
    made = Run(program.cwd, LOCALES["UTF-8"])
    assert made(url, "--checksums", "sha256").returncode == 0
    folder = SHOW.encode()
    assert program("verify", folder).returncode == 0
    gone = os.path.join(os.fsencode(program.cwd), folder, MEDIA.encode(), b"2.m4s")
    os.unlink(gone)
    found = program("verify", folder, "--json")
    told = [json.loads(line) for line in found.stdout.splitlines()]
    paths = [event["path"] for event in told if event["event"] == "finding"]
    assert (found.returncode, paths) == (1, [f"{MEDIA}/2.m4s"])
    assert program("verify", folder, "--repair").returncode == 0
    os.unlink(gone)
    again = program(folder, "--json")
    assert json.loads(again.stdout.splitlines()[-1])["outcomes"] == {"downloaded": 1, "present": 2}
    assert made("verify", SHOW).returncode == 0


@FEW
def test_a_stray_and_a_name_that_is_no_text_are_named(program: Run, url: str) -> None:
    assert program(url, "-o", "m").returncode == 0
    for stray in (f"{MEDIA}.txt".encode(), b"caf\xe9.txt"):
        with open(os.path.join(os.fsencode(program.cwd), b"m", stray), "wb"):
            pass
    done = program("verify", "m", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    strays = [each["path"] for each in found if each.get("problem") == "stray"]
    assert strays == [f"{MEDIA}.txt", "caf\udce9.txt"]
    assert b"stray" in program("verify", "m").stdout


@FEW
def test_arguments_that_are_utf_8_are_read_so(program: Run, url: str) -> None:
    plain = url.replace("%E6%97%A5%E6%9C%AC", SHOW)
    assert program(plain.encode(), "-o", f"{MEDIA}!".encode()).returncode == 0
    assert f"{MEDIA}!/x.mpd".encode() in names(program.cwd)
    assert program("list", plain.encode()).returncode == 0
    saved = os.path.join(os.fsencode(program.cwd), f"{SHOW}.mpd".encode())
    shutil.copy(os.path.join(os.fsencode(program.cwd), f"{MEDIA}!/x.mpd".encode()), saved)
    words = (f"{SHOW}.mpd".encode(), "--base-url", plain.encode(), "-o", "local")
    assert program(*words).returncode == 0
    again = program("local", "--json")
    assert json.loads(again.stdout.splitlines()[-1])["outcomes"] == {"present": 3}
    assert program(url, "--video", f"id={SHOW}".encode(), "-o", "n").returncode == 4


@FEW
def test_errors_about_names_are_sentences(program: Run, url: str) -> None:
    for words in (
        (f"{SHOW}.mpd".encode(),),
        ("verify", SHOW.encode()),
        (b"caf\xe9.mpd",),
        (url, "--cookies", f"{MEDIA}.txt".encode()),
        (url, "--cacert", b"caf\xe9.pem"),
        (url, f"--{SHOW}".encode()),
    ):
        done = program(*words)
        assert done.returncode in (2, 6), done.stderr
        assert done.stderr.startswith(b"dashget: error: ")


def test_what_an_output_lacks_is_escaped(program: Run, url: str) -> None:
    done = program(url, "-v")
    listed = program("list", url)
    program(url, "--help")
    assert (done.returncode, listed.returncode) == (0, 0)
    lacks = {"ascii:strict", "latin-1:strict"} & set(program.locale.values())
    if lacks or "C.UTF-8" not in program.locale.values():
        return
    assert TITLE.encode() in done.stderr
    assert TITLE.encode() in listed.stdout
