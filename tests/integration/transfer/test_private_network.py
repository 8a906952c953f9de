"""Private addresses, seen from the network: every address of the world is one server's.

Each case is a run of the real command in a network namespace of its own; see
``tests/support/namespace.py``. What is asserted is what the network saw, and not what was said.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support import namespace
from tests.support.namespace import PRIVATE, PROXY, PUBLIC, document
from tests.support.once import Once
from tests.support.program import environment

ROOT = Path(__file__).resolve().parents[3]
HOME = {(PUBLIC, 80)}
INNER = {(PRIVATE, 80)}


def led(host: str, base: str, query: str = "base") -> str:
    """Return the URL of a manifest that names ``base``, or is redirected there."""
    return f"http://{host}/m.mpd?{query}={quote(base, safe='')}"


def proxied(words: list[str], allowed: set[tuple[str, int]], code: int) -> Any:
    return (["--proxy", f"http://{PROXY}:3128", *words], allowed, code)


def socks(kind: str, words: list[str], allowed: set[tuple[str, int]], code: int | None) -> Any:
    return (["--proxy", f"{kind}://127.0.0.1:{namespace.SOCKS}", *words], allowed, code)


HIDDEN = (
    "10.0.0.7", "[fec0::1]", "[64:ff9b::a00:7]", "[2002:a00:7::1]", "[::ffff:10.0.0.7]",
    "[::10.0.0.7]", "0x0a000007", "167772167", "012.0.0.7", "10.7", "0.0.0.0", "localhost",
    "a.localhost", "10\u30020\u30020\u30027", "inner.example", "inner.example.", "six.example",
    "translated.example", "tunnelled.example", "mapped.example", "rebind.example:8000",
)  # fmt: skip
"""Ways to a private address."""
SAVED = document("http://10.0.0.7/").decode()
CASES: dict[str, Any] = {
    "honest": ([led("public.example", "http://other.example/")], {*HOME, ("93.184.216.35", 80)}, 0),
    "honest, inside": (["http://inner.example/m.mpd"], INNER, 0),
    "honest, this machine": (["http://localhost:8000/m.mpd"], {("127.0.0.1", 8000), ("::1", 8000)}, 0),
    "honest, allowed": (
        ["--allow-private", led("public.example", "http://inner.example/")], HOME | INNER, 0,
    ),
    **{f"named: {host}": ([led("public.example", f"http://{host}/")], HOME, 1) for host in HIDDEN
       if host != "rebind.example:8000"},
    **{f"redirect: {host}": ([led("public.example", f"http://{host}/m.mpd", "to")], HOME, 5)
       for host in HIDDEN if host != "rebind.example:8000"},
    **{f"remote element: {host}": ([led("public.example", f"http://{host}/p.mpd", "remote")], HOME, 1)
       for host in HIDDEN if host != "rebind.example:8000"},
    "another port of the name": ([led("rebind.example", "http://rebind.example:8000/")], HOME, 1),
    "a second answer": (["http://flip.example/m.mpd"], {*HOME, *INNER}, None),
    "one public, one private": (["http://mixed.example/m.mpd"], HOME, 0),
    "another port of this machine": (
        [led("localhost:8000", "http://localhost:80/")], {("127.0.0.1", 8000), ("::1", 8000)}, 1,
    ),
    "private, then public": (
        [led("inner.example", led("public.example", "http://10.0.0.9/"), "to")], INNER | HOME, 1,
    ),
    "public only": (["--public-only", "http://inner.example/m.mpd"], set(), 5),
    "public only, this machine": (["--public-only", "http://127.0.0.1:8000/m.mpd"], set(), 5),
    "saved": (["saved.mpd"], set(), 1),
    "saved, with a base": (["saved.mpd", "--base-url", "http://public.example/m.mpd"], set(), 1),
    "by a proxy": proxied(["http://public.example/m.mpd"], {(PROXY, 3128)}, 0),
    "by a proxy, named": proxied([led("public.example", "http://10.0.0.7/")], {(PROXY, 3128)}, 1),
    "by no proxy": proxied(
        ["--no-proxy", "inner.example", led("public.example", "http://inner.example/")],
        {(PROXY, 3128)}, 1,
    ),
    **{f"by {kind}: {host}": socks(kind, [led("public.example", f"http://{host}/")], HOME, 1)
       for kind in ("socks4", "socks5") for host in HIDDEN if host != "rebind.example:8000"},
    **{f"by {kind}, another port of the name": socks(
        kind, [led("rebind.example", "http://rebind.example:8000/")], HOME, 1)
       for kind in ("socks4", "socks5")},
    **{f"by {kind}, honest": socks(
        kind, [led("public.example", "http://other.example/")], {*HOME, ("93.184.216.35", 80)}, 0)
       for kind in ("socks4", "socks5", "socks5h", "socks4a")},
    **{f"by {kind}, inside": socks(kind, ["http://inner.example/m.mpd"], INNER, 0)
       for kind in ("socks4", "socks5", "socks5h", "socks4a")},
    **{f"by {kind}, a second answer": socks(
        kind, [led("public.example", "http://turn.example/")], HOME, None)
       for kind in ("socks4", "socks5")},
    **{f"by {kind}, one public, one private": socks(kind, ["http://mixed.example/m.mpd"], HOME, 0)
       for kind in ("socks4", "socks5")},
    **{f"by {kind}, redirect": socks(
        kind, [led("public.example", "http://inner.example/m.mpd", "to")], HOME, 5)
       for kind in ("socks4", "socks5")},
    **{f"by {kind}, remote element": socks(
        kind, [led("public.example", "http://inner.example/p.mpd", "remote")], HOME, 1)
       for kind in ("socks4", "socks5")},
    **{f"by {kind}, public only": socks(
        kind, ["--public-only", "http://inner.example/m.mpd"], set(), 5)
       for kind in ("socks4", "socks5")},
    **{f"by {kind}, which looks names up": socks(
        kind, [led("public.example", "http://inner.example/")], HOME | INNER, 0)
       for kind in ("socks5h", "socks4a")},
    **{f"by {kind}, an address": socks(kind, [led("public.example", f"http://{host}/")], HOME, 1)
       for kind in ("socks5h", "socks4a") for host in ("10.0.0.7", "[::ffff:10.0.0.7]", "10.7")},
    "by socks5 of the environment": (
        [led("public.example", "http://inner.example/")], HOME, 1, {"ALL_PROXY": "SOCKS5://127.0.0.1:1080"},
    ),
    "by socks of the environment": (
        [led("public.example", "http://inner.example/")], HOME, 1, {"http_proxy": "socks://127.0.0.1:1080"},
    ),
    "for the proxy's port": proxied(
        ["--no-proxy", ".example", led("public.example", "http://evil.example:3128/")], HOME, 1,
    ),
}  # fmt: skip


NAMESPACE = ("unshare", "--net", "--mount")


@pytest.fixture(scope="module")
def outcomes(made_once: Once) -> dict[str, Any]:
    """What became of each case, and the connections that the network saw."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root and unshare")
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespace of its own is allowed here")
    found = made_once("private-network", _run_cases) / "outcomes.json"
    return dict(json.loads(found.read_bytes()))


def _run_cases(folder: Path) -> None:
    cases = [
        {"name": name, "words": words, "files": {"saved.mpd": SAVED}, "more": dict(*more)}
        for name, (words, _, _, *more) in CASES.items()
    ]
    done = subprocess.run(
        [*NAMESPACE, sys.executable, namespace.__file__], input=json.dumps(cases),
        env=environment(PYTHONPATH=f"{ROOT / 'src'}:{ROOT}"),
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "outcomes.json").write_text(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_no_connection_leaves_the_set_that_is_allowed(name: str, outcomes: dict[str, Any]) -> None:
    code, errors, log = outcomes[name]
    _, allowed, expected = CASES[name][:3]
    assert {(address, port) for address, port, _ in log} <= allowed, (log, errors)
    assert expected in (None, code), errors
    assert "Traceback" not in errors
    if expected in (1, 5):
        assert "private address" in errors or "10.0.0.9" in str(log), errors
