"""Ctrl-C while the program still loads ends it as a later one does, without a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.faultserver import Answer, FaultServer
from tests.support.program import COMMAND, DEADLINE_SECONDS, environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")

_SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
_INTERRUPTER = """\
import os, _signal, sys

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPTED_MODULE"]:
            sys.meta_path.remove(self)
            _signal.raise_signal(_signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
"""
_MODULES = (
    "contextlib", "typing", "argparse", "dashget.cli.app", "dashget.cli.commands.listing", "dashget.errors",
    "dashget.session", "msgspec", "dashget.transfer.curl.libcurl", "dashget.transfer.engine",
)  # fmt: skip
"""Some that are loaded one after the other; any other would do."""


def interrupted(
    path: Path, module: str, program: tuple[str, ...], arguments: tuple[str, ...] = ("list", "x")
) -> tuple[int, str]:
    """Start the program, send it SIGINT when it loads a module; return exit code and stderr."""
    (path / "interrupter.py").write_text(_INTERRUPTER)
    paths = environment()["PYTHONPATH"]
    ended = subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=path,
        env=environment(INTERRUPTED_MODULE=module, PYTHONPATH=f"{paths}{os.pathsep}{path}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    return ended.returncode, ended.stderr


def script(path: Path, body: str) -> tuple[str, ...]:
    """Return how to run a script with an interrupter, without ``site``, which loads much."""
    file = path / "program.py"
    file.write_text(f"import interrupter\n{body}")
    return "-SP", str(file)


INSTALLED = "from dashget.cli import main\nmain()\n"
"""The script that pip writes for ``dashget`` in ``[project.scripts]``, in short."""


def packages() -> str:
    return f"import sys\nsys.path += {[entry for entry in sys.path if entry]!r}\n"


@pytest.mark.parametrize("module", _MODULES)
def test_while_modules_load_it_ends_the_program_quietly(module: str, tmp_path: Path) -> None:
    program = script(tmp_path, packages() + INSTALLED)
    ended = interrupted(tmp_path, module, program)
    assert ended == (-signal.SIGINT, "dashget: error: interrupted\n")


def of_the_checkout(name: str) -> str:
    return f"__file__ = {str(_SCRIPTS / name)!r}\nexec(open(__file__).read())\n"


@pytest.mark.parametrize("module", ["dashget", "dashget.version", "dashget.cli"])
def test_the_launcher_is_quiet_also_before_anything_can_answer(module: str, tmp_path: Path) -> None:
    program = script(tmp_path, of_the_checkout("start.py"))
    assert interrupted(tmp_path, module, program) == (-signal.SIGINT, "")


def test_so_is_the_module(tmp_path: Path) -> None:
    body = "import runpy\nrunpy.run_module('dashget', run_name='__main__')\n"
    program = script(tmp_path, packages() + body)
    assert interrupted(tmp_path, "dashget.cli", program) == (-signal.SIGINT, "")


@pytest.mark.parametrize("module", ["contextlib", "tomllib"])
def test_so_is_the_set_up_of_the_first_start(module: str, tmp_path: Path) -> None:
    program = script(tmp_path, of_the_checkout("environment.py"))
    assert interrupted(tmp_path, module, program, ("dashget", "x", "y")) == (130, "")
    assert not (tmp_path / "y").exists()


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    body = "import _signal\n_signal.signal(_signal.SIGINT, _signal.SIG_IGN)\n"
    program = script(tmp_path, body + packages() + INSTALLED)
    code, said = interrupted(tmp_path, "dashget.cli.commands.listing", program)
    assert (code, said[:18]) == (2, "dashget: error: 'x")


def test_at_the_question_for_a_password_it_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    termios = pytest.importorskip("termios")
    ours, theirs = os.openpty()
    before = termios.tcgetattr(theirs)
    with subprocess.Popen(
        [*COMMAND, "list", "http://127.0.0.1/x.mpd", "--user", "me"],
        cwd=tmp_path,
        env=environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as program:
        said = b""
        while not said.endswith(b"Password for me: "):
            said += os.read(ours, 100)
        assert termios.tcgetattr(theirs) != before
        program.send_signal(signal.SIGINT)
        assert program.wait(DEADLINE_SECONDS) == -signal.SIGINT
    assert termios.tcgetattr(theirs) == before
    os.close(theirs)
    os.close(ours)


def test_ctrl_c_ends_also_the_loop_of_a_shell(server: FaultServer, tmp_path: Path) -> None:
    held, asked = threading.Event(), threading.Event()
    url = server.on("/x.mpd", Answer(b"", hold=held, note=lambda _: asked.set()))
    loop = 'for round in 1 2 3; do echo round; "$@"; done; echo after'
    with subprocess.Popen(
        ["bash", "-c", loop, "bash", *COMMAND, url, "-o", "m"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as shell:
        assert asked.wait(DEADLINE_SECONDS)
        os.killpg(shell.pid, signal.SIGINT)
        out, _ = shell.communicate(timeout=DEADLINE_SECONDS)
    held.set()
    assert (shell.returncode, out) == (-signal.SIGINT, "round\n")
