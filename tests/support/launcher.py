"""A copy of the checkout's launcher in a world of stubs: Python, uv and pip that play along.

The stubs write down what they were asked, so that a first start is quick and needs no network.
``environment.py`` itself always runs on the real Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = ("python.sh", "environment.py", "installers.py", "start.py")

_PROJECT = """\
[project]
name = "dashget"
dependencies = ["msgspec>=5"]

[project.optional-dependencies]
test = ["pytest>=8"]
dev = ["dashget[test]", "nox"]
"""
PINS = """\
# A list.
msgspec==5.0 \\
    --hash=sha256:00
rich==15.0 \\
    --hash=sha256:01
"""

_PYTHON = """\
#!/bin/sh
# Plays Python: the probe, venv, pip, and an interpreter for environment.py.
given=$PATH
PATH=/usr/bin:/bin
echo "$*" | head -n 1 >>"{calls}"
case $1 in
    -Es)
        case $2 in
            -c) echo "{answer}"; exit 0 ;;
        esac
        shift 2
        PATH=$given
        exec "{python}" "{real}" "{stub}" "{ways}" "{environment}" "$@" ;;
    -c) echo "{answer}" ;;
    -I)
        if [ "$2 $3" = "-m venv" ]; then
            mkdir -p "$5/bin" && cp "$0" "$5/bin/python" && echo "made" >"$5/half-made"
        fi ;;
    -IS)
        shift 2
        echo "ran: $*"
        exit 7 ;;
    -m)
        . "{pip}" ;;
    */pip) . "{pip}" ;;
esac
"""
_REAL = """\
import runpy, sys, types
from pathlib import Path
_, stub, ways, environment, *arguments = sys.argv
sys.path.insert(0, str(Path(environment).parent))
import installers
version, _, archive = Path(ways).read_text().partition(" ")
sys.modules["pip"] = types.SimpleNamespace(__version__=version) if version else None
installers._archived_pip = lambda: Path(archive) if archive else None
sys.executable = stub
sys.argv = [environment, *arguments]
runpy.run_path(environment, run_name="__main__")
"""


@dataclass
class Checkout:
    """A copy of the checkout's launcher and a PATH that holds nothing but stubs."""

    root: Path
    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def pins(self) -> Path:
        """The list of pinned packages for the launcher."""
        return self.root / "requirements" / "run.txt"

    @property
    def calls(self) -> list[str]:
        """Commands that the stubs were asked to run, without probes and the program itself."""
        log = self.path / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if not line.startswith(("-Es -c", "-I -c", "-IS"))]

    @property
    def installs(self) -> list[str]:
        """Calls that install packages."""
        return [call for call in self.calls if " install " in call]

    def stub(self, name: str = "python3", answer: str | None = None) -> Path:
        """Put a stub into PATH; ``answer`` is what the probe hears, by default all is well."""
        path = self.path / name
        script = _PYTHON.format(
            calls=self.path / "calls",
            answer=answer or f"good {path}",
            python=sys.executable,
            real=self.path / "real.py",
            stub=path,
            ways=self.path / "ways",
            environment=self.root / "scripts" / "environment.py",
            pip=self.path / "pip.sh",
        )
        path.write_bytes(os.fsencode(script))
        path.chmod(0o755)
        return path

    def uv(self, script: str) -> None:
        """Put a uv into PATH: what it does, in shell."""
        path = self.path / "uv"
        path.write_text(f'#!/bin/sh\necho "uv $*" >>"{self.path}/calls"\n{script}\n')
        path.chmod(0o755)

    def pip(self, script: str) -> None:
        """Say in shell what pip does, with whichever Python it is started."""
        (self.path / "pip.sh").write_text(script)

    def ways(self, pip: str = "", archive: str = "") -> None:
        """Say which pip the Python of the start has, and which archive of one."""
        (self.path / "ways").write_text(f"{pip} {archive}")

    def start(
        self, *arguments: str, program: Path | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(program or self.root / "dashget"), *arguments],
            cwd=cwd or self.root.parent,
            env={"PATH": str(self.path), "HOME": str(self.path), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *arguments: str, program: Path | None = None, cwd: Path | None = None
    ) -> tuple[int, str, str]:
        """Run to the end; exit code, stdout, stderr."""
        with self.start(*arguments, program=program, cwd=cwd) as process:
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err


def make_checkout(folder: Path) -> Checkout:
    """Copy the launcher into a new folder; its Python has a pip, and there is no uv."""
    root = folder / "a checkout"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(REPOSITORY / "dashget", root)
    for name in SCRIPTS:
        shutil.copy(REPOSITORY / "scripts" / name, root / "scripts")
    (root / "pyproject.toml").write_text(_PROJECT)
    path = folder / "path"
    path.mkdir()
    for name in ("cmp", "readlink"):
        (path / name).symlink_to(str(shutil.which(name)))
    (path / "real.py").write_text(_REAL)
    checkout = Checkout(root, path)
    checkout.pins.parent.mkdir()
    checkout.pins.write_text(PINS)
    checkout.pip("")
    checkout.ways(pip="24.0")
    return checkout
