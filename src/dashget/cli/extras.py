"""Packages that only some commands need: an extra of the project each.

``./dashget`` installs them into its environment at the first use. Elsewhere a sentence says what
to install.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from dashget.errors import DashGetError, UsageError


def require(extra: str, module: str, what: str) -> None:
    """Make sure that a module of an extra can be imported; raise UsageError if it cannot.

    ``what`` names the package for people.
    """
    if importlib.util.find_spec(module) is not None:
        return
    checkout = _checkout()
    if checkout is not None:
        _install(checkout, extra)
        importlib.invalidate_caches()
        if importlib.util.find_spec(module) is not None:
            return
    raise UsageError(
        f"this command needs {what}, which is not installed",
        hint=f"pip install 'dashget[{extra}]', or pipx install 'dashget[{extra}]'",
    )


def _checkout() -> tuple[Path, Path] | None:
    """Return the checkout and the environment of ``./dashget``, if that has started us."""
    root = Path(__file__).resolve().parents[3]
    environment = Path(sys.executable.rpartition("/bin/")[0] or ".")
    try:
        known = (environment / "launcher" / "root").read_text().rstrip("\n")
    except OSError:
        return None
    started = (root / "scripts" / "environment.py").exists()
    return (root, environment) if started and known == str(root) else None


def _install(checkout: tuple[Path, Path], extra: str) -> None:
    import subprocess

    root, environment = checkout
    # The Python that the environment was made from has pip or ensurepip.
    python = getattr(sys, "_base_executable", None) or sys.executable
    script = root / "scripts" / "environment.py"
    command = [python, "-Es", str(script), "dashget", str(root), str(environment), extra]
    if subprocess.run(command, check=False).returncode != 0:
        raise DashGetError(
            f"the packages for this command could not be installed into {environment}",
            hint="the same command tries again",
        )
