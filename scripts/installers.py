"""What puts packages into an environment: uv where it is there, else pip.

No pip is put into the environment, which would take longer than all packages together. The
pip of the Python that runs this installs into the environment (``pip --python``, since 22.3);
where there is none, the one that ``ensurepip`` brings is run from its archive. Nothing is
compiled in advance: Python compiles what is used.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_SHOWN = 200
_PIP_WITH_OPTION_PYTHON = (22, 3)
_QUIET_PIP = (
    *("--disable-pip-version-check", "--no-input", "install"),
    *("--no-compile", "--progress-bar", "off"),
)
_TOLD = ("building", "collecting", "downloading", "installing", "prepar", "processing", "updating")
"""Beginnings of lines of output that say what is being done."""
_DROPPED = (
    *("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON"),
    *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_COMPILE_BYTECODE"),
)
"""Variables that would install elsewhere, or more."""
_OF_PIP = {"PIP_INDEX_URL": "UV_INDEX_URL", "PIP_CERT": "SSL_CERT_FILE"}
"""Variables of pip with what uv calls them; it reads none of pip's."""
_INDEX = "the package index cannot be reached"
_NETWORK = "check the network, and HTTPS_PROXY behind a proxy; the same command tries again"
_PROXY = ("the proxy does not let through to the package index", "check HTTPS_PROXY")
_CERTIFICATE = (
    "the certificate of the package index is not trusted",
    "behind a TLS proxy, set PIP_CERT to its authority's certificate",
)
_FULL = ("the disk is full", "free some space and run again")
_TAMPERED = (
    "a package is not the one of the pinned list (other checksum)",
    "the package index, or a proxy, has changed it; nothing of it was installed",
)
_CAUSES = {
    "No space left on device": _FULL,
    "Disk quota exceeded": _FULL,
    "DO NOT MATCH THE HASHES": _TAMPERED,
    "Hash mismatch": _TAMPERED,
    "CERTIFICATE_VERIFY_FAILED": _CERTIFICATE,
    "invalid peer certificate": _CERTIFICATE,
    "ProxyError": _PROXY,
    "tunnel error": _PROXY,
    "Failed to establish a new connection": (_INDEX, _NETWORK),
    "Temporary failure in name resolution": (_INDEX, _NETWORK),
    "Name or service not known": (_INDEX, _NETWORK),
    "ConnectTimeoutError": (_INDEX, _NETWORK),
    "ReadTimeoutError": (_INDEX, _NETWORK),
    "dns error": (_INDEX, _NETWORK),
    "client error (Connect)": (_INDEX, _NETWORK),
    "operation timed out": (_INDEX, _NETWORK),
}
"""Texts in the output of an installer, with their meaning and a hint."""
_FINAL = (_FULL, _TAMPERED)


class SetUpError(Exception):
    """The environment cannot be made: a sentence, and a hint."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class StepError(Exception):
    """A program failed: the reason, a hint, and whether it is known what to do about it."""

    def __init__(self, output: str, code: int) -> None:
        known = next((cause for text, cause in _CAUSES.items() if text in output), None)
        reason, hint = known or (_last_error(output) or _last_words(output, code), None)
        super().__init__(reason)
        self.reason = reason
        self.hint = hint or "run the same command again once that is mended"
        self.known = known is not None
        """Other versions of the packages would fail alike."""
        self.final = known in _FINAL
        """Another installer would fail alike, or should not succeed."""


@dataclass(frozen=True)
class Installer:
    """A program that installs packages; options and requirements follow its command."""

    name: str
    command: tuple[str, ...]

    @property
    def is_pip(self) -> bool:
        """Return True for pip, in whichever way it is started."""
        return self.name != "uv"


@dataclass(frozen=True)
class Steps:
    """Run programs with their output in a log; they hold the lock as long as they live."""

    directory: Path
    log: Path
    lock: int
    show: Callable[[str], None]

    def run(self, *command: str) -> None:
        """Run a program to its end; raise StepError. What it says that it does is shown."""
        try:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                pass_fds=(self.lock,),
            )
        except OSError as err:
            raise StepError(f"error: {err.strerror}", 126) from err
        output = []
        with process, self.log.open("a", errors="replace") as log:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            try:
                for line in process.stdout:
                    output.append(line)
                    log.write(line)
                    log.flush()
                    if told := _told(line):
                        self.show(told)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise StepError("".join(output), process.returncode)


def find_installers(python: Path) -> list[Installer]:
    """Return what can install for the environment's Python, the quickest first."""
    found = []
    uv = None if os.environ.get("PIP_NO_INDEX") else shutil.which("uv")
    if uv is not None:
        found.append(Installer("uv", (uv, "pip", "install", "--python", str(python))))
    if _own_pip() >= _PIP_WITH_OPTION_PYTHON:
        into = ("-m", "pip", "--python", str(python))
        found.append(Installer("pip", (sys.executable, *into, *_QUIET_PIP)))
    archive = _archived_pip()
    if archive is not None:
        found.append(Installer("ensurepip's pip", (str(python), str(archive / "pip"), *_QUIET_PIP)))
    return found


def _own_pip() -> tuple[int, ...]:
    """Return the version of the running Python's pip; empty if there is none that works."""
    try:
        version = importlib.import_module("pip").__version__
    except (ImportError, AttributeError):
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _archived_pip() -> Path | None:
    """Return the archive of the pip that comes with Python, or with the distribution."""
    folders = [Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled")]
    of_the_distribution = sysconfig.get_config_var("WHEEL_PKG_DIR")
    if of_the_distribution:
        folders.append(Path(of_the_distribution))
    archives = [path for folder in folders for path in sorted(folder.glob("pip-*.whl"))]
    return archives[-1] if archives else None


def _environment() -> dict[str, str]:
    environment = {name: text for name, text in os.environ.items() if name not in _DROPPED}
    for of_pip, of_uv in _OF_PIP.items():
        if of_pip in environment:
            environment.setdefault(of_uv, environment[of_pip])
    environment.setdefault("PIP_RETRIES", "3")  # 5 are 9 seconds without a network
    return {**environment, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}


def _told(line: str) -> str | None:
    """Return what a line of output says about what is being done, if anything."""
    text = line.strip()
    if text.startswith("WARNING: Retrying"):
        return "no answer from the package index; trying again"
    return text.partition(" (from ")[0] if text.lower().startswith(_TOLD) else None


def _last_words(output: str, code: int) -> str:
    """Return the exit code, with the last line of the output as far as it can be printed."""
    line = ([line.strip() for line in output.splitlines() if line.strip()] or [""])[-1]
    words = "".join(filter(str.isprintable, line))[:_SHOWN]
    return f"exit code {code}: {words}" if words else f"exit code {code}"


def _last_error(output: str) -> str | None:
    """Return what an installer gives as the reason: its last error, or the cause below it."""
    lines = [line.strip() for line in output.splitlines()]
    errors = [line for line in lines if re.match(r"(?i)(error|caused by|cause): |╰─▶ ", line)]
    return errors[-1].partition(" ")[2].removeprefix("by: ") if errors else None
