"""Signals stop a run in order; a second Ctrl-C ends it at once."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dashget.cli.signals import stopping_on_signals
from dashget.cli.streams import outliving
from dashget.common.stopping import Stop
from tests.support.program import DEADLINE_SECONDS, environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")


@pytest.fixture(autouse=True)
def _no_signal_ends_the_tests() -> Iterator[None]:
    def fail(number: int, _: object) -> None:
        raise AssertionError(f"{signal.Signals(number).name} was not handled")

    earlier = {number: signal.signal(number, fail) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in earlier.items():
        signal.signal(number, handler)


@pytest.fixture
def stop() -> Iterator[Stop]:
    """A run in progress that can stop in order."""
    stop = Stop()
    with stop.answered():
        yield stop


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_first_signal_requests_an_orderly_stop(stop: Stop, name: str) -> None:
    with stopping_on_signals(stop):
        signal.raise_signal(signal.Signals[name])
        assert stop.requested


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_second_signal_ends_at_once(stop: Stop, name: str) -> None:
    with stopping_on_signals(stop):
        signal.raise_signal(signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.Signals[name])


@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_repeated_hang_ups_do_not_end_at_once(stop: Stop, first: str) -> None:
    with stopping_on_signals(stop):
        for number in (signal.Signals[first], signal.SIGHUP, signal.SIGHUP):
            signal.raise_signal(number)
    assert stop.requested


def test_a_hang_up_before_the_run_interrupts() -> None:
    with stopping_on_signals(Stop()), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGHUP)


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_what_is_ignored_stays_ignored(stop: Stop, name: str) -> None:
    """A shell without job control has its background jobs ignore Ctrl-C; nohup, a closed terminal."""
    number = signal.Signals[name]
    earlier = signal.signal(number, signal.SIG_IGN)
    try:
        with stopping_on_signals(stop):
            signal.raise_signal(number)
            assert not stop.requested
            signal.raise_signal(signal.SIGTERM)
            assert stop.requested
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, earlier)


@pytest.mark.parametrize(
    ("name", "code"), [("SIGINT", -signal.SIGINT), ("SIGTERM", 130), ("SIGHUP", 130)]
)
def test_a_signal_during_imports_prints_one_line(name: str, code: int) -> None:
    program = (
        "import signal\n"
        "import dashget.cli, dashget.cli.app\n"
        "def run(_):\n    signal.raise_signal(signal." + name + ")\n"
        "dashget.cli.app.run = run\n"
        "dashget.cli.main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (code, "dashget: error: interrupted\n")


class Gone(io.StringIO):
    """A closed terminal."""

    def __init__(self, number: int = errno.EIO) -> None:
        super().__init__()
        self._number = number

    def isatty(self) -> bool:
        return True

    def write(self, data: str, /) -> int:
        raise OSError(self._number, os.strerror(self._number))

    def flush(self) -> None:
        raise OSError(self._number, os.strerror(self._number))


def test_output_to_a_closed_terminal_is_dropped() -> None:
    stream = outliving(Gone())
    assert stream.write("abc") == 3
    stream.flush()
    assert stream.isatty()


def test_other_output_errors_are_raised() -> None:
    stream = outliving(Gone(errno.ENOSPC))
    with pytest.raises(OSError, match="space"):
        stream.write("abc")
    with pytest.raises(OSError, match="space"):
        stream.flush()
    pipe = io.StringIO()
    assert outliving(pipe) is pipe


def test_a_second_ctrl_c_while_the_first_is_answered_ends_the_process_at_once() -> None:
    program = (
        "import os, signal\n"
        "from dashget.cli import leave_interrupted\n"
        "from dashget.cli.signals import stopping_on_signals\n"
        "from dashget.common.stopping import Stop\n"
        "signal.signal(signal.SIGINT, leave_interrupted)\n"
        "with stopping_on_signals(Stop()):\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    except KeyboardInterrupt:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == "dashget: error: interrupted\n"
