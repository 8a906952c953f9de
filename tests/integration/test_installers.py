"""What the first start of ``./dashget`` installs with, and what it says when that fails.

The last cases are real from end to end: the real venv, pip and uv install a real wheel.
"""

from __future__ import annotations

import hashlib
import os
import pty
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.launcher import REPOSITORY, Checkout, make_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = make_checkout(tmp_path)
    checkout.stub()
    return checkout


def pinned(name: str) -> dict[str, str]:
    """Return the packages of a list with what follows each: version, marker and hashes."""
    text = (REPOSITORY / "requirements" / name).read_text()
    lines = [line for line in text.splitlines() if line.strip()[:1] != "#"]
    entries = "\n".join(lines).replace("\\\n", "").splitlines()
    return {entry.partition("==")[0]: entry for entry in entries}


def test_the_pins_of_the_launcher_are_those_of_contributors_and_fit_the_project() -> None:
    ours, theirs = pinned("run.txt"), pinned("dev.txt")
    assert [name for name, entry in ours.items() if theirs[name] != entry] == []
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"]:
        requirement = Requirement(text)
        version = ours[requirement.name].partition("==")[2].split()[0]
        assert requirement.specifier.contains(version), text


def test_uv_is_taken_where_it_is_there(checkout: Checkout) -> None:
    checkout.uv("exit 0")
    code, _, err = checkout.run()
    assert (code, err) == (
        7,
        f"dashget: installing 2 packages into {checkout.venv} with uv (once)\n",
    )
    assert checkout.installs == [
        f"uv pip install --python {checkout.venv}/bin/python"
        f" --no-deps --require-hashes --requirement {checkout.pins}"
    ]


def test_uv_is_told_the_index_and_the_certificate_that_pip_is_told(checkout: Checkout) -> None:
    checkout.uv('echo "$UV_INDEX_URL $SSL_CERT_FILE ${UV_SYSTEM_PYTHON:-none}" >"$HOME/told"')
    checkout.environment |= {
        "PIP_INDEX_URL": "https://mirror/",
        "PIP_CERT": "/ca",
        "UV_SYSTEM_PYTHON": "1",
    }
    assert checkout.run()[0] == 7
    assert (checkout.path / "told").read_text() == "https://mirror/ /ca none\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "echo \"error: unexpected argument '--python' found\" >&2; exit 2",
            "unexpected argument '",
        ),
        ("echo; echo it broke; exit 3", "exit code 3: it broke;"),
        ("exit 3", "exit code 3;"),
        ("kill -9 $$", "exit code -9;"),
        (
            "echo 'error: no'; echo '  Caused by: dns error'; exit 1",
            "the package index cannot be r",
        ),
        ("echo '  cause: invalid peer certificate: x'; exit 1", "the certificate of the package i"),
    ],
)
def test_where_uv_fails_pip_is_tried(checkout: Checkout, script: str, said: str) -> None:
    checkout.uv(script)
    code, _, err = checkout.run()
    first, second, *_ = err.splitlines()
    assert code == 7
    assert first.endswith("with uv (once)")
    assert second.startswith(f"dashget: uv failed: {said}")
    assert second.endswith("; pip is tried instead")
    assert len(checkout.installs) == 2


def test_a_uv_that_is_no_program_is_passed_over(checkout: Checkout) -> None:
    (checkout.path / "uv").write_bytes(b"\x7fELF and no more")
    (checkout.path / "uv").chmod(0o755)
    code, _, err = checkout.run()
    assert code == 7
    assert "dashget: uv failed: Exec format error; pip is tried instead\n" in err


@pytest.mark.parametrize("version", ["", "22.2"])
def test_the_archived_pip_is_taken_where_pythons_own_cannot_do_it(
    checkout: Checkout, version: str
) -> None:
    checkout.ways(pip=version, archive="/archive.whl")
    code, _, err = checkout.run()
    assert code == 7
    assert err.endswith("with ensurepip's pip (once)\n")
    assert checkout.installs[0].startswith("/archive.whl/pip --disable-pip-version-check")


def test_no_way_to_install_is_one_sentence(checkout: Checkout) -> None:
    checkout.ways()
    code, _, err = checkout.run()
    assert code == 1
    assert "python3 has neither ensurepip nor pip 22.3 or newer, and no uv is here\n" in err
    assert "hint: install one of them: on Debian and Ubuntu, python3-venv\n" in err


def test_a_full_disk_ends_it_at_once_and_a_dead_network_after_pip(checkout: Checkout) -> None:
    checkout.ways(pip="24.0", archive="/archive.whl")
    checkout.uv("echo 'error: No space left on device (os error 28)'; exit 2")
    code, _, err = checkout.run()
    assert (code, len(checkout.installs)) == (1, 1)
    assert "dashget: DashGet could not be installed: the disk is full\nhint: free some" in err
    checkout.uv("echo 'error: dns error'; exit 2")
    checkout.pip("echo 'ProxyError(Cannot connect to proxy., Connection refused)'; exit 1")
    code, _, err = checkout.run()
    assert (code, len(checkout.installs)) == (1, 3)
    assert "installed: the proxy does not let through to the package index\nhint: check HTTP" in err


@pytest.mark.parametrize(
    "output", ["ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "Hash mismatch for `msgspec`"]
)
def test_a_package_with_another_checksum_is_never_replaced_by_an_unpinned_one(
    checkout: Checkout, output: str
) -> None:
    checkout.pip(f"echo '{output}'; exit 1")
    code, _, err = checkout.run()
    assert (code, len(checkout.installs)) == (1, 1)
    assert "a package is not the one of the pinned list (other checksum)\nhint: the package" in err


def test_the_newest_packages_are_taken_where_the_pinned_ones_cannot_be_installed(
    checkout: Checkout,
) -> None:
    checkout.pip('case "$*" in *--require-hashes*) echo "ERROR: no such version"; exit 1 ;; esac')
    code, _, err = checkout.run()
    assert code == 7
    assert "pip failed: no such version; the newest versions are taken in place of the pin" in err
    assert checkout.installs[-1].endswith(" off msgspec>=5")


def test_what_is_done_is_shown_on_a_terminal_in_place(checkout: Checkout) -> None:
    checkout.pip(
        "echo 'Collecting msgspec==5.0 (from -r x (line 3))'; echo 'Looking in indexes: x';"
        " echo 'WARNING: Retrying (Retry(total=2'; echo '  Downloading msgspec-5.0.whl (5 MB)'"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [checkout.root / "dashget"],
        env={"PATH": str(checkout.path), "HOME": str(checkout.path), "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        check=False,
        timeout=60,
    )
    os.close(theirs)
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 7
    assert said.partition("\n")[2].split("\r\x1b[K") == [
        *("", "  making an environment", "  asking the package index", "  Collecting msgspec==5.0"),
        "  no answer from the package index; trying again",
        *("  Downloading msgspec-5.0.whl (5 MB)", ""),
    ]


def contributor(checkout: Checkout) -> tuple[int, list[str], str]:
    """Make the environment of ``scripts/test``; exit code, calls of pip, what it says."""
    before = len(checkout.installs)
    done = subprocess.run(
        [
            *(checkout.path / "python3", "-Es", checkout.root / "scripts/environment.py"),
            *("scripts/test", checkout.root, checkout.venv, "dev"),
        ],
        env={"PATH": str(checkout.path), "HOME": str(checkout.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    installs = [call.partition(" off ")[2] for call in checkout.installs[before:]]
    return done.returncode, installs, done.stderr


def test_contributors_get_the_pinned_packages_and_new_ones_when_the_pins_change(
    checkout: Checkout,
) -> None:
    pins = checkout.pins.with_name("dev.txt")
    pins.write_text("msgspec==1 --hash=sha256:00\n")
    installed = [f"--no-deps --require-hashes --requirement {pins}"]
    assert contributor(checkout)[:2] == (0, installed)
    assert contributor(checkout) == (0, [], "")
    pins.write_text("msgspec==2 --hash=sha256:00\n")
    assert contributor(checkout)[:2] == (0, installed)
    checkout.pip('case "$*" in *--require-hashes*) echo "ERROR: no such version"; exit 1 ;; esac')
    pins.write_text("msgspec==3 --hash=sha256:00\n")
    code, calls, _ = contributor(checkout)
    assert (code, calls[1:]) == (0, ["msgspec>=5 pytest>=8 nox"])


def make_wheel(folder: Path) -> str:
    """Write a wheel of one module, and return its line in a list of pins."""
    wheel = folder / "thing-1.0-py3-none-any.whl"
    info = "thing-1.0.dist-info/"
    files = {
        "thing.py": "said = 'it runs'\n",
        info + "METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
        info + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, info + "RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, text in {**files, info + "RECORD": record}.items():
            archive.writestr(file, text)
    return f"thing==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


@pytest.mark.slow
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_real_first_start_needs_no_more_than_python_or_uv(tmp_path: Path, installer: str) -> None:
    checkout = make_checkout(tmp_path)
    checkout.pins.write_text(make_wheel(checkout.path))
    package = checkout.root / "src" / "dashget"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text("import thing\ndef main():\n    print(thing.said)\n")
    checkout.environment |= {
        "DASHGET_PYTHON": sys.executable,
        "PATH": f"{checkout.path}:{os.defpath}",
        "PYTHONPATH": "/nowhere",
        "PIP_FIND_LINKS": str(checkout.path),
        "UV_FIND_LINKS": str(checkout.path),
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    if installer == "uv":
        uv = shutil.which("uv", path=str(Path(sys.executable).parent))
        assert uv is not None
        (checkout.path / "uv").symlink_to(uv)
    else:
        checkout.environment["PIP_NO_INDEX"] = "1"
    code, out, err = checkout.run()
    assert (code, out) == (0, "it runs\n"), err
    assert err.count("\n") == 1
    assert f"{installer}" in err
    (package / "cli.py").write_text("import sys\ndef main():\n    print('pulled', *sys.argv[1:])\n")
    assert checkout.run("two words", "") == (0, "pulled two words \n", "")
    ended = checkout.run("x", program=checkout.venv / "bin" / "dashget")
    assert ended == (0, "pulled x\n", "")
    module = [str(checkout.venv / "bin" / "python"), "-c", "import dashget.cli; dashget.cli.main()"]
    assert subprocess.run(module, capture_output=True, check=True).stdout == b"pulled\n"
