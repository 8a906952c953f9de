"""Nothing runs at an import: no module of DashGet does more than define its names."""

from __future__ import annotations

import json
import mimetypes
import subprocess
import sys

import pytest

from tests.support.program import DEADLINE_SECONDS, SOURCES, environment
from tests.support.structure import modules

PUBLIC = ("dashget", "dashget.aio", "dashget.store", "dashget._public")
EVERY = sorted(set(modules()) - {"dashget.__main__"})
"""``__main__`` is the program itself."""
BY_AIOHTTP = {f"open {path}" for path in mimetypes.knownfiles}
"""aiohttp, which the server alone imports, reads the types of files that the system knows."""

WATCH = r"""
import importlib, json, os, signal, sys

names, ours = json.loads(sys.argv[1]), sys.argv[2]
seen = []
CODE = (".py", ".pyc", ".so", ".pth", ".pyd")
HARMLESS = ("import", "compile", "exec", "marshal.", "code.", "object.", "sys._getframe",
            "os.listdir", "os.scandir", "ctypes.", "builtins.id", "glob.", "_ctypes", "gc.")

def by_us():
    # Look past the import system to the module that asked.
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(ours):
            return True
        if not name.startswith("<frozen"):
            return False
        frame = frame.f_back
    return False

class Watched(dict):
    def __getitem__(self, key):
        if by_us():
            seen.append(f"environ {key!r}")
        return super().__getitem__(key)
    def get(self, key, default=None):
        if by_us():
            seen.append(f"environ {key!r}")
        return super().get(key, default)
    def __contains__(self, key):
        if by_us():
            seen.append(f"environ {key!r}")
        return super().__contains__(key)

def audit(event, arguments):
    if event.startswith(HARMLESS):
        return
    if event == "open":
        path = os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "a descriptor"
        if path.endswith(CODE):
            return
        event = f"open {path}"
    seen.append(event)

import atexit, threading
start = threading.Thread.start
def starting(thread):
    seen.append("thread")
    start(thread)

register = atexit.register
def registering(function, *rest, **more):
    if by_us():
        seen.append(f"atexit {function!r}")
    return register(function, *rest, **more)

signals = {number: signal.getsignal(number) for number in signal.valid_signals()}
if len(sys.argv) > 3:
    names = []
os.environ = Watched(os.environ)
atexit.register = registering
threading.Thread.start = starting
sys.addaudithook(audit)
for name in names:
    importlib.import_module(name)
if len(sys.argv) > 3:
    exec(compile(sys.argv[3], ours + "/made_up.py", "exec"))
after = {number: signal.getsignal(number) for number in signal.valid_signals()}
if after != signals:
    seen.append("signal")
print(json.dumps(seen))
"""


def seen_during(names: list[str], code: str | None = None) -> list[str]:
    """Import modules in a new process; return what they did that has an effect."""
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-W", "error", "-c", WATCH),
            *(json.dumps(names), str(SOURCES), *([] if code is None else [code])),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", PUBLIC)
def test_importing_a_public_module_does_nothing_else(name: str) -> None:
    assert seen_during([name]) == []


def test_importing_every_module_does_nothing_else() -> None:
    assert len(EVERY) > 200
    assert [seen for seen in seen_during(EVERY) if seen not in BY_AIOHTTP] == []


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("open('/etc/hostname')", "open /etc/hostname"),
        ("import os; os.environ.get('HOME')", "environ 'HOME'"),
        ("import os; os.environ['PATH']", "environ 'PATH'"),
        ("import os; 'PATH' in os.environ", "environ 'PATH'"),
        ("import os; os.getenv('PATH')", "environ 'PATH'"),
        ("import socket; socket.socket()", "socket.__new__"),
        ("import atexit; atexit.register(print, end='')", "atexit <built-in function print>"),
        ("import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)", "signal"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
        ("import threading as t; t.Thread(target=str).start()", "thread"),
        ("import os; os.mkdir('/nowhere/at/all')", "os.mkdir"),
    ],
)
def test_the_watch_sees_each_effect(code: str, told: str) -> None:
    seen = seen_during([], f"try:\n    {code}\nexcept OSError:\n    pass")
    assert told in seen or any(each.startswith(told) for each in seen)
