"""The launcher ``./dashget``, run for real in a copy of the checkout.

Most cases use a stub in the place of Python, which plays ``venv`` and ``pip`` and writes
down what it was asked, so that they are quick and need no network. ``environment.py``
itself always runs on the real Python. The last case is real from end to end.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

_PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "dashget"
version = "1.0"
dependencies = []

[tool.ruff]
line-length = 100
"""

_STUB = """\
#!/bin/sh
# Plays Python: the probe, venv, pip, and an interpreter for environment.py.
PATH=/usr/bin:/bin
echo "$*" | head -n 1 >>"{calls}"
case $1 in
    -c) echo "{answer}" ;;
    -I) exit 0 ;;
    -SP)
        shift 2
        echo "ran: $*"
        exit 7 ;;
    */environment.py)
        shift
        exec "{python}" -c 'import runpy, sys
sys.executable = "{stub}"
sys.argv[0] = "{environment}"
runpy.run_path("{environment}", run_name="__main__")' "$@" ;;
    -m)
        if [ "$2" = venv ]; then
            mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "made" >"$3/half-made"
        else
            . "{pip}"
            bin=$(dirname "$0")
            printf '%s\\n' '#!/bin/sh' 'echo "ran: $*"' 'exit 7' >"$bin/dashget"
            chmod +x "$bin/dashget"
        fi ;;
esac
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
    def calls(self) -> list[str]:
        """Commands that the stubs were asked to run, without probes and the program itself."""
        log = self.path / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if not line.startswith(("-c", "-I", "-SP"))]

    def stub(self, name: str = "python3", answer: str | None = None) -> Path:
        """Put a stub into PATH; ``answer`` is what the probe hears, by default all is well."""
        path = self.path / name
        path.write_text(
            _STUB.format(
                calls=self.path / "calls",
                answer=answer or f"good {path}",
                python=sys.executable,
                stub=path,
                environment=self.root / "scripts" / "environment.py",
                pip=self.path / "pip.sh",
            )
        )
        path.chmod(0o755)
        return path

    def pip(self, script: str) -> None:
        """Say in shell what pip does before it installs."""
        (self.path / "pip.sh").write_text(script)

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


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "a checkout"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(REPOSITORY / "dashget", root)
    for name in ("python.sh", "environment.py", "start.py"):
        shutil.copy(REPOSITORY / "scripts" / name, root / "scripts")
    (root / "pyproject.toml").write_text(_PROJECT)
    path = tmp_path / "path"
    path.mkdir()
    for name in ("cmp", "readlink"):
        (path / name).symlink_to(str(shutil.which(name)))
    checkout = Checkout(root, path)
    checkout.pip("")
    return checkout


def test_the_first_start_installs_and_says_so_in_one_line_and_then_runs(
    checkout: Checkout,
) -> None:
    checkout.stub()
    code, out, err = checkout.run("list", "two words", "")
    assert (code, out) == (7, "ran: list two words \n")
    assert err == f"dashget: installing into {checkout.venv} (once; this takes a moment)\n"
    assert checkout.calls[1:] == [
        f"-m venv {checkout.venv}",
        "-m pip --disable-pip-version-check --no-input install --editable .",
    ]


def test_a_later_start_goes_straight_through(checkout: Checkout) -> None:
    stub = checkout.stub()
    checkout.run()
    stub.unlink()
    asked = len(checkout.calls)
    assert checkout.run("again") == (7, "ran: again\n", "")
    assert len(checkout.calls) == asked


def test_the_launcher_is_found_through_symbolic_links_from_any_directory(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.stub()
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    (elsewhere / "absolute").symlink_to(checkout.root / "dashget")
    (elsewhere / "relative").symlink_to(Path("..", "a checkout", "dashget"))
    (elsewhere / "chain").symlink_to("relative")
    for name in ("absolute", "relative", "chain"):
        code, out, _ = checkout.run(name, program=elsewhere / name, cwd=elsewhere)
        assert (code, out) == (7, f"ran: {name}\n")
    (tmp_path / "venv").mkdir()
    done = subprocess.run(
        ["/bin/sh", "dashget", "bare"],
        cwd=checkout.root,
        env={"PATH": str(checkout.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "ran: bare\n")


def test_a_missing_python_is_one_sentence_and_a_hint(checkout: Checkout) -> None:
    code, out, err = checkout.run()
    assert (code, out) == (1, "")
    assert err == (
        "dashget: no Python found: DashGet needs 3.11 or newer\n"
        "hint: install Python, or name one with DASHGET_PYTHON=/path/to/python\n"
    )
    assert not checkout.venv.exists()


def test_a_python_that_is_too_old_is_named(checkout: Checkout) -> None:
    checkout.stub(answer="old 3.9")
    code, _, err = checkout.run()
    assert code == 1
    assert err.startswith("dashget: Python 3.9 is too old: DashGet needs 3.11 or newer\nhint: ")


def test_a_python_without_venv_gets_a_hint_which_package_to_install(checkout: Checkout) -> None:
    checkout.stub(answer="bare 3.11")
    code, _, err = checkout.run()
    assert code == 1
    assert "Python 3.11 is here without venv and ensurepip" in err
    assert "hint: on Debian and Ubuntu, install python3-venv (or python3.11-venv)" in err


def test_commands_that_start_an_unsuitable_python_are_passed_over(checkout: Checkout) -> None:
    for name, script in (("python3.13", "exit 127"), ("python3.12", "echo nonsense")):
        (checkout.path / name).write_text(f"#!/bin/sh\n{script}\n")
        (checkout.path / name).chmod(0o755)
    checkout.stub("python3.11", answer="bare 3.11")
    checkout.stub("python3")
    assert checkout.run()[0] == 7


def test_dashget_python_decides_which_python_is_used(checkout: Checkout, tmp_path: Path) -> None:
    checkout.stub(answer="old 3.6")
    chosen = checkout.stub("chosen").rename(tmp_path / "a python")
    chosen.write_text(chosen.read_text().replace(str(checkout.path / "chosen"), str(chosen)))
    checkout.environment["DASHGET_PYTHON"] = str(chosen)
    assert checkout.run()[0] == 7


def test_a_dashget_python_that_does_not_run_is_named(checkout: Checkout) -> None:
    checkout.stub()
    checkout.environment["DASHGET_PYTHON"] = "/nowhere/python"
    code, _, err = checkout.run()
    assert code == 1
    assert "dashget: DASHGET_PYTHON is not a Python that runs: /nowhere/python\n" in err


def test_a_directory_named_venv_is_not_taken_for_the_module(tmp_path: Path) -> None:
    (tmp_path / "module_that_is_not").mkdir()
    text = (REPOSITORY / "scripts" / "python.sh").read_text()
    probe = text.partition("probe='")[2].partition("'")[0]
    done = subprocess.run(
        [sys.executable, "-c", probe.replace('"ensurepip"', '"module_that_is_not"')],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("bare 3.")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("Failed to establish a new connection: [Errno 111]", "the package index cannot be"),
        ("Temporary failure in name resolution", "the package index cannot be reached"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("SSLError CERTIFICATE_VERIFY_FAILED", "the certificate of the package index is not"),
        ("ERROR: one\nERROR: No matching distribution found for x", "No matching distribution"),
        ("error: metadata-generation-failed\n\nhint: See above", "metadata-generation-failed;"),
        ("words", "exit code 3"),
    ],
)
def test_a_failing_pip_is_explained_and_the_next_start_mends_it(
    checkout: Checkout, output: str, said: str
) -> None:
    checkout.stub()
    checkout.pip(f"cat <<'END'\n{output}\nEND\nexit 3\n")
    code, out, err = checkout.run()
    log = checkout.venv / "launcher" / "setup.log"
    assert (code, out) == (1, "")
    assert f"dashget: DashGet could not be installed: {said}" in err.replace("\nhint: ", ";")
    assert f"; the full output: {log}\n" in err
    assert output in log.read_text()
    checkout.pip("")
    (checkout.venv / "half-made").write_text("of the first attempt")
    assert checkout.run("now")[:2] == (7, "ran: now\n")
    assert (checkout.venv / "half-made").read_text() == "made\n"


def test_a_set_up_that_was_killed_is_started_again(checkout: Checkout) -> None:
    checkout.stub()
    checkout.pip("kill -9 $PPID; exit 0")
    code, out, _ = checkout.run()
    assert (code, out) == (128 + signal.SIGKILL, "")
    checkout.pip("")
    assert checkout.run("now")[:2] == (7, "ran: now\n")


def test_ctrl_c_during_the_set_up_ends_it_and_the_next_start_mends_it(
    checkout: Checkout,
) -> None:
    checkout.stub()
    fifo = checkout.path / "fifo"
    os.mkfifo(fifo)
    checkout.pip(f'read -r go <"{fifo}"; exit 9')
    # The fifo opens when the stub reads: then the set-up is in the middle of pip.
    with checkout.start() as process, fifo.open("w"):
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    assert "dashget: interrupted while installing; the same command starts again\n" in err
    checkout.pip("")
    assert checkout.run("now")[:2] == (7, "ran: now\n")


def test_of_two_first_starts_one_installs_and_the_other_waits(checkout: Checkout) -> None:
    checkout.stub()
    fifo = checkout.path / "fifo"
    os.mkfifo(fifo)
    checkout.pip(f'read -r go <"{fifo}"')
    with checkout.start("first") as first:
        assert first.stderr is not None
        assert "installing into" in first.stderr.readline()
        with checkout.start("second") as second:
            assert second.stderr is not None
            assert second.stderr.readline() == (
                f"dashget: waiting for another run that is installing into {checkout.venv}\n"
            )
            with fifo.open("w") as go:
                go.write("go\n")
            assert second.communicate(timeout=60) == ("ran: second\n", "")
        assert first.communicate(timeout=60)[0] == "ran: first\n"
    assert [call for call in checkout.calls if "pip" in call] == [
        "-m pip --disable-pip-version-check --no-input install --editable ."
    ]


def test_changed_dependencies_are_installed_and_the_environment_stays(
    checkout: Checkout,
) -> None:
    checkout.stub()
    checkout.run()
    (checkout.venv / "half-made").write_text("kept")
    project = checkout.root / "pyproject.toml"
    project.write_text(_PROJECT.replace("dependencies = []", 'dependencies = ["lxml"]'))
    code, _, err = checkout.run()
    assert code == 7
    assert err == f"dashget: updating {checkout.venv} (once; this takes a moment)\n"
    assert (checkout.venv / "half-made").read_text() == "kept"
    assert checkout.run()[2] == ""


def test_a_change_that_no_installation_uses_costs_nothing(checkout: Checkout) -> None:
    checkout.stub()
    checkout.run()
    project = checkout.root / "pyproject.toml"
    project.write_text(_PROJECT.replace("line-length = 100", "line-length = 99"))
    asked = len(checkout.calls)
    assert checkout.run("x") == (7, "ran: x\n", "")
    assert not [call for call in checkout.calls[asked:] if call.startswith("-m")]


def contributor(checkout: Checkout) -> tuple[int, list[str], str]:
    """Make the environment of ``scripts/test``; exit code, calls of pip, what it says."""
    (checkout.root / "requirements").mkdir(exist_ok=True)
    python = checkout.stub()
    before = len(checkout.calls)
    script = checkout.root / "scripts/environment.py"
    done = subprocess.run(
        [python, script, "scripts/test", checkout.root, checkout.venv, "dev"],
        env={"PATH": str(checkout.path), "HOME": str(checkout.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    installs = [call.partition(" install ")[2] for call in checkout.calls[before:]]
    return done.returncode, [call for call in installs if call], done.stderr


def test_contributors_get_the_pinned_packages_and_new_ones_when_the_pins_change(
    checkout: Checkout,
) -> None:
    pins = checkout.root / "requirements/dev.txt"
    pins.parent.mkdir()
    pins.write_text("lxml==1 --hash=sha256:00\n")
    pinned = [f"--require-hashes --requirement {pins}", "--no-deps --editable ."]
    assert contributor(checkout)[:2] == (0, pinned)
    assert contributor(checkout) == (0, [], "")
    pins.write_text("lxml==2 --hash=sha256:00\n")
    assert contributor(checkout)[:2] == (0, pinned)


def test_the_newest_packages_are_taken_where_the_pinned_ones_cannot_be_installed(
    checkout: Checkout,
) -> None:
    pins = checkout.root / "requirements/dev.txt"
    pins.parent.mkdir()
    pins.touch()
    checkout.pip('case "$*" in *--require-hashes*) echo "ERROR: no such version"; exit 1 ;; esac')
    code, calls, said = contributor(checkout)
    assert (code, calls[1:]) == (0, ["--editable .[dev]"])
    assert "DashGet could not be installed: no such version\n" in said
    assert "hint: the newest versions are taken in place of requirements/dev.txt\n" in said


def test_a_checkout_that_was_moved_is_installed_again(checkout: Checkout) -> None:
    checkout.stub()
    checkout.run()
    checkout.root = checkout.root.rename(checkout.root.with_name("moved"))
    checkout.stub()
    code, out, err = checkout.run("x")
    assert (code, out) == (7, "ran: x\n")
    assert "installing into" in err


def test_an_environment_whose_python_has_gone_is_made_again(checkout: Checkout) -> None:
    checkout.stub()
    checkout.run()
    python = checkout.venv / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    code, _, err = checkout.run()
    assert code == 7
    assert "installing into" in err


def test_an_environment_of_the_users_own_is_used_and_never_cleared(checkout: Checkout) -> None:
    stub = checkout.stub()
    (checkout.venv / "bin").mkdir(parents=True)
    (checkout.venv / "mine").write_text("kept")
    shutil.copy(stub, checkout.venv / "bin" / "python")
    checkout.pip("exit 3")
    assert checkout.run()[0] == 1
    checkout.pip("")
    assert checkout.run()[0] == 7
    assert (checkout.venv / "mine").read_text() == "kept"


def test_a_directory_of_the_user_that_is_not_an_environment_is_refused(
    checkout: Checkout,
) -> None:
    checkout.stub()
    checkout.venv.mkdir()
    (checkout.venv / "mine").write_text("kept")
    code, _, err = checkout.run()
    assert code == 1
    assert f"dashget: {checkout.venv} was not made by this command" in err
    assert (checkout.venv / "mine").read_text() == "kept"


def test_a_place_that_cannot_be_written_is_named(checkout: Checkout) -> None:
    checkout.stub()
    checkout.venv.symlink_to("/proc/nowhere")
    code, _, err = checkout.run()
    assert code == 1
    assert err.startswith("dashget: cannot write ")
    assert f"pipx install '{checkout.root}'\n" in err


@pytest.mark.slow
def test_a_real_first_start_with_the_real_venv_and_pip_needs_no_more_than_python(
    checkout: Checkout,
) -> None:
    (checkout.root / "backend.py").write_text(_BACKEND)
    package = checkout.root / "src" / "dashget"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text("def main():\n    print('it runs')\n")
    checkout.environment |= {
        "DASHGET_PYTHON": sys.executable,
        "PATH": f"{checkout.path}:{os.defpath}",
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": "/nowhere",
    }
    code, out, err = checkout.run()
    assert (code, out) == (0, "it runs\n"), err
    assert err.count("\n") == 1
    (package / "cli.py").write_text("import sys\ndef main():\n    print('pulled', *sys.argv[1:])\n")
    assert checkout.run("two words", "") == (0, "pulled two words \n", "")


_BACKEND = '''
"""A build backend of a few lines, so that nothing has to be fetched."""
import os, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "dashget-1.0-py3-none-any.whl"
    info = "dashget-1.0.dist-info/"
    files = {
        "dashget.pth": os.path.abspath("src") + "\\n",
        info + "METADATA": "Metadata-Version: 2.1\\nName: dashget\\nVersion: 1.0\\n",
        info + "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        info + "entry_points.txt": "[console_scripts]\\ndashget = dashget.cli:main\\n",
    }
    record = "".join(f"{file},,\\n" for file in [*files, info + "RECORD"])
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        for file, text in {**files, info + "RECORD": record}.items():
            wheel.writestr(file, text)
    return name
'''
