"""The launcher ``./dashget``, run for real in a copy of the checkout, among stubs.

``test_installers`` has what installs packages, and the cases that are real from end to end.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.launcher import REPOSITORY, Checkout, make_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path)


def test_the_first_start_installs_and_says_so_in_one_line_and_then_runs(
    checkout: Checkout,
) -> None:
    checkout.stub()
    code, out, err = checkout.run("list", "two words", "")
    assert (code, out) == (7, "ran: list two words \n")
    assert err == f"dashget: installing 2 packages into {checkout.venv} with pip (once)\n"
    assert checkout.calls[1:] == [
        f"-I -m venv --without-pip {checkout.venv}",
        f"-m pip --python {checkout.venv}/bin/python --disable-pip-version-check --no-input install"
        " --no-compile --progress-bar off --no-deps --require-hashes"
        f" --requirement {checkout.pins}",
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


@pytest.mark.parametrize("name", [b"caf\xe9", b"a:b", b"two\nlines"])
def test_a_checkout_where_venv_cannot_work_is_named(checkout: Checkout, name: bytes) -> None:
    checkout.root = checkout.root.rename(checkout.root.parent / os.fsdecode(name))
    checkout.stub()
    code, out, err = checkout.run()
    assert (code, out) == (1, "")
    assert "Python cannot make an environment in a directory of this name: '" in err
    assert err.endswith("\nhint: move the checkout to a path in UTF-8 without colons\n")
    assert err.count("\n") == 2


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
    assert "Python 3.11 is here without venv, or without pip and ensurepip" in err
    assert "hint: on Debian and Ubuntu, install python3-venv (or python3.11-venv); els" in err


def test_a_python_without_pip_is_enough_where_uv_is(checkout: Checkout) -> None:
    checkout.stub(answer=f"lone 3.11 {checkout.path}/python3")
    checkout.ways()
    code, _, err = checkout.run()
    assert (code, err[:60]) == (1, "dashget: Python 3.11 is here without venv, or without pip an")
    checkout.uv("exit 0")
    code, _, err = checkout.run()
    assert (code, err) == (
        7,
        f"dashget: installing 2 packages into {checkout.venv} with uv (once)\n",
    )


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
        [sys.executable, "-c", probe.replace('"venv"', '"module_that_is_not"')],
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
        assert "installing 2 packages into" in first.stderr.readline()
        with checkout.start("second") as second:
            assert second.stderr is not None
            assert second.stderr.readline() == (
                f"dashget: waiting for another run that is installing into {checkout.venv}\n"
            )
            with fifo.open("w") as go:
                go.write("go\n")
            assert second.communicate(timeout=60) == ("ran: second\n", "")
        assert first.communicate(timeout=60)[0] == "ran: first\n"
    assert len(checkout.installs) == 1


def test_changed_pins_are_installed_and_the_environment_stays(checkout: Checkout) -> None:
    checkout.stub()
    checkout.run()
    (checkout.venv / "half-made").write_text("kept")
    checkout.pins.write_text(checkout.pins.read_text().replace("msgspec==5.0", "msgspec==5.1"))
    code, _, err = checkout.run()
    assert code == 7
    assert err == f"dashget: updating 2 packages in {checkout.venv} with pip (once)\n"
    assert (checkout.venv / "half-made").read_text() == "kept"
    assert checkout.run()[2] == ""


def test_a_change_of_the_project_that_no_pin_knows_costs_nothing(checkout: Checkout) -> None:
    checkout.stub()
    checkout.run()
    (checkout.root / "pyproject.toml").write_text("[project]\n")
    asked = len(checkout.calls)
    assert checkout.run("x") == (7, "ran: x\n", "")
    assert len(checkout.calls) == asked


def test_a_checkout_that_was_moved_is_installed_again(checkout: Checkout) -> None:
    checkout.stub()
    checkout.run()
    checkout.root = checkout.root.rename(checkout.root.with_name("moved"))
    checkout.stub()
    code, out, err = checkout.run("x")
    assert (code, out) == (7, "ran: x\n")
    assert "installing 2 packages into" in err


def test_an_environment_whose_python_has_gone_is_made_again(checkout: Checkout) -> None:
    checkout.stub()
    checkout.run()
    python = checkout.venv / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    code, _, err = checkout.run()
    assert code == 7
    assert "installing 2 packages into" in err


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


MODULES = ("sitecustomize", "usercustomize", "dashget", "pycurl", "msgspec", "rich", "venv", "pip",
           "ensurepip", "encodings", "importlib", "os", "_signal", "gc", "argparse", "json", "installers")  # fmt: skip


def made(tmp_path: Path) -> tuple[Path, Path]:
    """Return a checkout that is set up, and another directory."""
    root, here = tmp_path / "checkout", tmp_path / "here"
    for folder in (root / ".venv" / "bin", root / ".venv" / "launcher", here):
        folder.mkdir(parents=True)
    for name in ("dashget", "src", "scripts", "requirements"):
        (root / name).symlink_to(REPOSITORY / name)
    (root / "dashget").unlink()
    shutil.copy(REPOSITORY / "dashget", root / "dashget")
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (root / ".venv" / "lib").symlink_to(Path(sys.prefix) / "lib")
    shutil.copy(REPOSITORY / "requirements" / "run.txt", root / ".venv" / "launcher")
    (root / ".venv" / "launcher" / "root").write_text(f"{root}\n")
    return root, here


@pytest.mark.parametrize("entry", [None, "", ":", "::/nowhere", "."])
def test_no_module_of_the_current_directory_runs(entry: str | None, tmp_path: Path) -> None:
    root, here = made(tmp_path)
    for name in MODULES:
        (here / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})")
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    if entry is not None:
        environment["PYTHONPATH"] = entry
    probe = f'. "{REPOSITORY}/scripts/python.sh"; find_python dashget && "$python" -Es'
    for command in (
        [root / "dashget", "--version"],
        [root / "dashget", "list", "nothing.mpd"],
        ["sh", "-c", f'{probe} "{REPOSITORY}/scripts/environment.py"'],
    ):
        done = subprocess.run(command, cwd=here, env=environment, capture_output=True, check=False)
        assert b"internal error" not in done.stderr
    assert done.stderr, "it has said what is missing"
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()


@pytest.mark.parametrize("path", [":{}", "{}:", ".:{}", "{}::/nowhere", "../here:{}", "x:./:{}:"])
def test_no_program_of_the_current_directory_runs(path: str, tmp_path: Path) -> None:
    root, here = made(tmp_path)
    for name in ("cmp", "readlink", "python", "python3", "python3.11", "uv", "env", "sh"):
        (here / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/ran\nexit 1\n")
        (here / name).chmod(0o755)
    (tmp_path / "dashget").symlink_to(root / "dashget")
    environment = {**os.environ, "PATH": path.format("/usr/bin:/bin")}
    for program in (root, tmp_path):
        done = subprocess.run(
            [program / "dashget", "--version"],
            cwd=here, env=environment, capture_output=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout[:8]) == (0, b"dashget "), done.stderr
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()


@pytest.mark.parametrize("name", ["PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__", "PYTHONHOME"])
def test_no_variable_leads_python_elsewhere(name: str, tmp_path: Path) -> None:
    root, here = made(tmp_path)
    environment = {**os.environ, name: str(here / "python")}
    done = subprocess.run(
        [root / "dashget", "--version", "-v"], env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
