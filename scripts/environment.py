"""Make or renew the environment of a launcher: ``./dashget`` and ``scripts/test`` run this.

The checkout is installed editable: what runs is the checkout as it stands, so a
``git pull`` can leave nothing stale but the dependencies. For those, ``pyproject.toml``
as it was installed is kept in the environment, under ``launcher/``, beside the path of
the checkout (an environment cannot be moved), the lock and pip's output. That copy is
written last: an environment without it was not finished and is made anew.

One run at a time works on an environment; the lock is the kernel's and ends with its
holder, and with the pip of a holder that was killed.

The environment of a contributor (an extra is named) takes its packages from
``requirements/dev.txt``, where every version is pinned and every file has its hash. Where
that fails, as on a platform for which a version has no file, it says so and takes the
newest versions.
"""

from __future__ import annotations

import sys

try:
    import contextlib
    import fcntl
    import os
    import shlex
    import shutil
    import subprocess
    import tomllib
    from collections.abc import Iterator
    from dataclasses import dataclass
    from pathlib import Path
except KeyboardInterrupt:
    sys.exit(130)  # nothing is begun yet

_LOCK = "lock"
_LOG = "setup.log"
_MADE = "made-by-launcher"
_ROOT = "root"
_STAMP = "pyproject.toml"
_PINS = Path("requirements", "dev.txt")

_CAUSES = (
    ("No space left on device", "the disk is full", "free some space and run again"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "the certificate of the package index is not trusted",
        "behind a TLS proxy, set PIP_CERT to its authority's certificate",
    ),
    (
        "Failed to establish a new connection",
        "the package index cannot be reached",
        "check the network, and HTTPS_PROXY behind a proxy; the same command tries again",
    ),
    (
        "Temporary failure in name resolution",
        "the package index cannot be reached",
        "check the network, and HTTPS_PROXY behind a proxy; the same command tries again",
    ),
)
"""Texts in pip's output, with their meaning and a hint."""


class SetUpError(Exception):
    """The environment cannot be made: a sentence, and a hint."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Environment:
    """A virtual environment that belongs to a checkout."""

    command: str
    root: Path
    directory: Path
    extra: str | None = None

    @property
    def notes(self) -> Path:
        """The folder for the launcher's notes."""
        return self.directory / "launcher"

    @property
    def pins(self) -> Path | None:
        """The list of pinned packages, if this environment is made from one."""
        pins = self.root / _PINS
        return pins if self.extra and pins.exists() else None

    @property
    def python(self) -> Path:
        return self.directory / "bin" / "python"

    def prepare(self) -> None:
        """Leave a complete environment, or raise SetUpError or OSError."""
        self._claim()
        with self._lock() as lock:
            if self._is_complete():
                return
            if self._is_installed_here() and self._dependencies_unchanged():
                self._write_stamp()
                return
            self._install(lock)

    def _claim(self) -> None:
        """Create the directory, with a mark that it is ours to clear."""
        self.notes.mkdir(parents=True, exist_ok=True)
        if all(entry == self.notes for entry in self.directory.iterdir()):
            (self.notes / _MADE).touch()

    @contextlib.contextmanager
    def _lock(self) -> Iterator[int]:
        with (self.notes / _LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say(f"waiting for another run that is installing into {self.directory}")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()

    def _is_installed_here(self) -> bool:
        """Return True if an installation was finished at this place and its Python runs."""
        try:
            installed_root = (self.notes / _ROOT).read_text().rstrip("\n")
        except FileNotFoundError:
            return False
        finished = (self.notes / _STAMP).exists() and installed_root == str(self.root)
        return finished and (self.directory / "bin" / "dashget").exists() and self._has_python()

    def _is_complete(self) -> bool:
        same = self._is_installed_here() and self._stamp_text() == self._project_text()
        return same and self._pins_unchanged()

    def _pins_unchanged(self) -> bool:
        try:
            noted = (self.notes / _PINS.name).read_text()
        except FileNotFoundError:
            noted = ""
        return noted == self._pins_text()

    def _dependencies_unchanged(self) -> bool:
        """Return True if only settings have changed that an installation does not use."""

        def relevant(text: str) -> list[object]:
            tables = tomllib.loads(text)
            hatch = tables.get("tool", {}).get("hatch")
            return [tables.get("project"), tables.get("build-system"), hatch]

        try:
            same = relevant(self._stamp_text()) == relevant(self._project_text())
            return same and self._pins_unchanged()
        except tomllib.TOMLDecodeError:
            return False

    def _has_python(self) -> bool:
        """Return True if the environment has a working pip on a Python that is new enough."""
        check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        try:
            done = subprocess.run(
                [str(self.python), "-I", "-c", check],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError:
            return False
        return done.returncode == 0

    def _install(self, lock: int) -> None:
        ours = (self.notes / _MADE).exists()
        fresh = not self._is_installed_here() and (ours or not self._has_python())
        if fresh and not ours:
            raise SetUpError(
                f"{self.directory} was not made by this command and has no working Python 3.11",
                "remove that directory and run again",
            )
        doing = "installing into" if fresh else "updating"
        self.say(f"{doing} {self.directory} (once; this takes a moment)")
        with contextlib.suppress(FileNotFoundError):
            (self.notes / _STAMP).unlink()
        (self.notes / _LOG).write_bytes(b"")
        if fresh:
            self._clear()
            making = [sys.executable, "-m", "venv", str(self.directory)]
            self._run(making, lock, "no environment could be made")
        if not (self.pins and self._install_pinned(self.pins, lock)):
            what = f".[{self.extra}]" if self.extra else "."
            self._pip(["--editable", what], lock)
        self._write_stamp()

    def _install_pinned(self, pins: Path, lock: int) -> bool:
        """Install exactly the listed versions; if that fails, print the reason and return False."""
        try:
            self._pip(["--require-hashes", "--requirement", str(pins)], lock)
        except SetUpError as err:
            self.say(f"{err}\nhint: the newest versions are taken in place of {_PINS}")
            return False
        self._pip(["--no-deps", "--editable", "."], lock)
        return True

    def _pip(self, arguments: list[str], lock: int) -> None:
        pip = [str(self.python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        self._run([*pip, "install", *arguments], lock, "DashGet could not be installed")

    def _clear(self) -> None:
        """Remove what an earlier attempt left, but not the notes: the lock is among them."""
        for entry in self.directory.iterdir():
            if entry == self.notes:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _run(self, arguments: list[str], lock: int, failure: str) -> None:
        """Run a step with its output in the log. It holds the lock as long as it lives."""
        dropped = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
        environment = {name: text for name, text in os.environ.items() if name not in dropped}
        log = self.notes / _LOG
        with log.open("ab") as output:
            done = subprocess.run(
                arguments,
                cwd=self.root,
                env={**environment, "PIP_USER": "0"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lock,),
                check=False,
            )
        if done.returncode != 0:
            reason, hint = _explain(log.read_text(errors="replace"), done.returncode)
            raise SetUpError(f"{failure}: {reason}", f"{hint}; the full output: {log}")

    def _write_stamp(self) -> None:
        (self.notes / _ROOT).write_text(f"{self.root}\n")
        (self.notes / _PINS.name).write_text(self._pins_text())
        unfinished = self.notes / f"{_STAMP}.new"
        unfinished.write_text(self._project_text())
        unfinished.replace(self.notes / _STAMP)

    def _stamp_text(self) -> str:
        return (self.notes / _STAMP).read_text()

    def _pins_text(self) -> str:
        return self.pins.read_text() if self.pins else ""

    def _project_text(self) -> str:
        return (self.root / "pyproject.toml").read_text()

    def say(self, text: str) -> None:
        """Print a line for the user, in the launcher's name."""
        sys.stderr.write(f"{self.command}: {text}\n")
        sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """Prepare ``COMMAND ROOT DIRECTORY [EXTRA]`` and return the exit code."""
    command, root, directory, *extra = arguments
    environment = Environment(command, Path(root), Path(directory), *extra)
    try:
        environment.prepare()
    except SetUpError as err:
        environment.say(f"{err}\nhint: {err.hint}")
    except OSError as err:
        reason = err.strerror or str(err)
        environment.say(f"cannot write {err.filename or directory}: {reason}")
        instead = f"pipx install {shlex.quote(root)}"
        sys.stderr.write(f"hint: the checkout must be writable; else: {instead}\n")
    except KeyboardInterrupt:
        environment.say("interrupted while installing; the same command starts again")
        return 130
    else:
        return 0
    return 1


def _explain(output: str, code: int) -> tuple[str, str]:
    """Return the reason for a failure of pip or venv, from its output, and a hint."""
    for text, reason, hint in _CAUSES:
        if text in output:
            return reason, hint
    hint = "run the same command again once that is mended"
    errors = [line for line in output.splitlines() if line.lower().startswith("error: ")]
    return (errors[-1].partition(": ")[2] if errors else f"exit code {code}"), hint


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
