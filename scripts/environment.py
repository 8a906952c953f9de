"""Make or renew the environment of a launcher: ``./dashget`` and ``scripts/test`` run this.

An environment has the packages of a list in which every version is pinned and every file has
its hash, ``requirements/run.txt`` or, for contributors (``dev``), ``requirements/dev.txt``. An
extra of the project, such as ``play``, is added to an environment that has the packages of
``requirements/run.txt``, when a command first needs it. The
checkout itself is not installed, but found where it stands: a ``git pull`` can leave nothing
stale but the packages. For those, the list as it was installed is kept in the environment,
under ``launcher/``, beside the path of the checkout (an environment cannot be moved), the lock
and the installer's output. That copy is written last: an environment without it was not
finished and is made anew.

One run at a time works on an environment; the lock is the kernel's and ends with its holder,
and with the installer of a holder that was killed.

Where the pinned list cannot be installed, as on a platform for which a version has no file,
this says so and takes the newest versions.
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
    from collections.abc import Iterator, Sequence
    from dataclasses import dataclass
    from itertools import pairwise
    from pathlib import Path

    from installers import Installer, SetUpError, StepError, Steps, find_installers
except KeyboardInterrupt:
    sys.exit(130)  # nothing is begun yet

_LOCK = "lock"
_LOG = "setup.log"
_MADE = "made-by-launcher"
_ROOT = "root"
_NOT_INSTALLED = "DashGet could not be installed"
_KINDS = ("run", "dev")
"""The lists that make an environment; all others are extras, which are added to one."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that belongs to a checkout."""

    command: str
    root: Path
    directory: Path
    kind: str = "run"

    @property
    def notes(self) -> Path:
        """The folder for the launcher's notes."""
        return self.directory / "launcher"

    @property
    def pins(self) -> Path:
        """The list of pinned packages."""
        return self.root / "requirements" / f"{self.kind}.txt"

    @property
    def python(self) -> Path:
        return self.directory / "bin" / "python"

    def prepare(self) -> None:
        """Leave a complete environment, or raise SetUpError or OSError."""
        self._require_usable_path()
        self._claim()
        with self._lock() as lock:
            if not self._is_complete():
                self._install(lock)

    def _require_usable_path(self) -> None:
        """Refuse what venv cannot stand in a path, or what a line of a file cannot hold."""
        path = str(self.directory)
        if os.fsencode(path).decode(errors="replace") != path or {":", "\n"} & set(path):
            raise SetUpError(
                f"Python cannot make an environment in a directory of this name: {path!r}",
                "move the checkout to a path in UTF-8 without colons",
            )

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

    @property
    def _stamp(self) -> Path:
        return self.notes / self.pins.name

    @property
    def _is_extra(self) -> bool:
        return self.kind not in _KINDS

    def _is_installed_here(self) -> bool:
        """Return True if an installation was finished at this place and its Python runs."""
        try:
            installed_root = (self.notes / _ROOT).read_text().rstrip("\n")
        except FileNotFoundError:
            return False
        kinds = _KINDS if self._is_extra else (self.kind,)
        finished = any((self.notes / f"{kind}.txt").exists() for kind in kinds)
        return finished and installed_root == str(self.root) and self._has_python()

    def _is_complete(self) -> bool:
        installed = self._is_installed_here() and self._stamp.exists()
        return installed and self._stamp.read_bytes() == self.pins.read_bytes()

    def _has_python(self) -> bool:
        """Return True if the environment has a working Python that is new enough."""
        check = "import sys; sys.exit(sys.version_info < (3, 11))"
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
        if fresh and self._is_extra:
            raise SetUpError(
                f"{self.directory} has no DashGet to which {self.kind} could be added",
                "run ./dashget --version first",
            )
        installers = find_installers(self.python)
        if not installers:
            raise SetUpError(
                f"{sys.executable} has neither ensurepip nor pip 22.3 or newer, and no uv is here",
                "install one of them: on Debian and Ubuntu, python3-venv",
            )
        count = f"{self.pins.read_text().count('==')} packages"
        doing = f"installing {count} into" if fresh else f"updating {count} in"
        if self._is_extra:
            doing = f"adding the packages of dashget[{self.kind}] to"
        self.say(f"{doing} {self.directory} with {installers[0].name} (once)")
        # Other versions for all may be others for an extra, too: it is looked at anew.
        for stamp in [self._stamp] if self._is_extra else list(self.notes.glob("*.txt")):
            stamp.unlink(missing_ok=True)
        (self.notes / _LOG).write_bytes(b"")
        steps = Steps(self.root, self.notes / _LOG, lock, self._show)
        try:
            if fresh:
                self._clear()
                self._make(steps)
            self._install_packages(steps, installers)
        finally:
            self._show("")
        self._write_entries()
        self._write_stamp()

    def _make(self, steps: Steps) -> None:
        self._show("making an environment")
        try:
            steps.run(
                sys.executable,
                "-I",
                "-m",
                "venv",
                "--without-pip",
                os.path.realpath(self.directory),
            )
        except StepError as failed:
            raise self._error("no environment could be made", failed) from failed

    def _install_packages(self, steps: Steps, installers: Sequence[Installer]) -> None:
        """Install the pinned packages with the first that can; else the newest ones."""
        pinned = ("--no-deps", "--require-hashes", "--requirement", str(self.pins))
        *_, last = installers
        self._show("asking the package index")
        for installer, other in pairwise(installers):
            try:
                steps.run(*installer.command, *pinned)
            except StepError as failed:
                if failed.final or (failed.known and installer.is_pip):
                    raise self._error(_NOT_INSTALLED, failed) from failed
                self._say_instead(installer, failed, f"{other.name} is tried instead")
            else:
                return
        try:
            steps.run(*last.command, *pinned)
        except StepError as failed:
            if failed.known:
                raise self._error(_NOT_INSTALLED, failed) from failed
            self._say_instead(last, failed, "the newest versions are taken in place of the pinned")
        else:
            return
        try:
            steps.run(*last.command, *self._requirements())
        except StepError as failed:
            raise self._error(_NOT_INSTALLED, failed) from failed

    def _say_instead(self, installer: Installer, failed: StepError, instead: str) -> None:
        self._show("")
        self.say(f"{installer.name} failed: {failed.reason}; {instead}")

    def _requirements(self) -> list[str]:
        """Return what pyproject.toml asks for, without versions pinned."""
        project = tomllib.loads((self.root / "pyproject.toml").read_text())["project"]
        extras = project.get("optional-dependencies", {})

        def expanded(requirements: Sequence[str]) -> Iterator[str]:
            for requirement in requirements:
                name, bracket, extra = requirement.partition("[")
                if name == project["name"] and bracket:
                    yield from expanded(extras[extra.rstrip("]")])
                else:
                    yield requirement

        return list(expanded([*project["dependencies"], *extras.get(self.kind, [])]))

    def _error(self, what: str, failed: StepError) -> SetUpError:
        log = self.notes / _LOG
        return SetUpError(f"{what}: {failed.reason}", f"{failed.hint}; the full output: {log}")

    def _clear(self) -> None:
        """Remove what an earlier attempt left, but not the notes: the lock is among them."""
        for entry in self.directory.iterdir():
            if entry == self.notes:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _write_entries(self) -> None:
        """Let the environment's Python find the checkout, and write ``bin/dashget``."""
        for packages in self.directory.glob("lib/python*/site-packages"):
            (packages / "dashget.pth").write_text(f"{self.root / 'src'}\n")
        script = self.python.with_name("dashget")
        start = shlex.join([str(self.python), "-IS", str(self.root / "scripts" / "start.py")])
        script.unlink(missing_ok=True)
        script.write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        script.chmod(0o755)

    def _write_stamp(self) -> None:
        (self.notes / _ROOT).write_text(f"{self.root}\n")
        unfinished = self._stamp.with_suffix(".new")
        unfinished.write_bytes(self.pins.read_bytes())
        unfinished.replace(self._stamp)

    def say(self, text: str) -> None:
        """Print a line for the user, in the launcher's name."""
        sys.stderr.write(f"{self.command}: {text}\n")
        sys.stderr.flush()

    def _show(self, text: str) -> None:
        """Show on a terminal what is being done, in place of what was shown before."""
        if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            width = shutil.get_terminal_size().columns - 3
            sys.stderr.write(f"\r\x1b[K  {text[:width]}" if text else "\r\x1b[K")
            sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """Prepare ``COMMAND ROOT DIRECTORY [KIND]`` and return the exit code."""
    command, root, directory, *kind = arguments
    environment = Environment(command, Path(root), Path(directory), *kind)
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
