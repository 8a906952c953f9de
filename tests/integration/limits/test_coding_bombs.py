"""Content codings that blow up to gigabytes, nested too: nothing is unpacked beyond the limits."""

from __future__ import annotations

import gzip
import resource
import zlib
from pathlib import Path
from typing import Final

import pytest

from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import start

MOST_MEMORY: Final = 1 << 30
"""What the program may have of addresses: less than most of the bombs unpack to."""
ZEROS: Final = bytes(1 << 24)
XLINK: Final = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
SMALL: Final = b"small"


def _deflate() -> bytes:
    """Return 2 GiB of zeros without the head of zlib: pieces that know nothing of each other."""
    made = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return (made.compress(ZEROS) + made.flush(zlib.Z_FULL_FLUSH)) * 128


def _zstd(gibibytes: int = 2) -> bytes:
    """Return a frame of blocks that each repeat one byte 131,072 times (RFC 8878, 3.1.1.2)."""
    block = (1 << 20 | 1 << 1).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x50" + block * (8192 * gibibytes)


DEFLATE: Final = _deflate()
ZLIB: Final = b"\x78\xda" + DEFLATE
BROTLI: Final = bytes.fromhex(
    "cfffffff7f002400e2b14072effff9ffff0f8004401c1680eefd3fffffff01900088c302d0bdffcfffffff7f0012007158"
    "00baf7ff"
)
"""Meta-blocks of brotli, each as large as there can be."""
BOMBS: Final = {
    "gzip": gzip.compress(ZEROS, 9) * 128,
    "gzip, gzip": gzip.compress(gzip.compress(ZEROS, 9) * 128, 9),
    "gzip, gzip, gzip": gzip.compress(gzip.compress(gzip.compress(ZEROS, 9) * 128, 9), 9),
    "deflate": DEFLATE,
    "deflate ": ZLIB,
    "deflate, gzip": gzip.compress(ZLIB, 9),
    "br": BROTLI,
    "br, gzip": gzip.compress(BROTLI),
    "zstd": _zstd(),
    "zstd, zstd": _zstd(4),
    "zstd, deflate": zlib.compress(_zstd(64), 9),
}
"""By the codings that the server names; a blank at the end is none of them."""


def ended(*arguments: str, cwd: Path) -> tuple[int, str]:
    """Run the program with little memory; return its exit code and what it says."""
    limits = (MOST_MEMORY, MOST_MEMORY)
    process = start(
        *arguments, cwd=cwd, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limits)
    )
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert "MemoryError" not in errors
    return process.returncode, errors


@pytest.fixture(params=BOMBS)
def bomb(request: pytest.FixtureRequest) -> Answer:
    return Answer(BOMBS[request.param], coding=request.param.strip())


def test_in_place_of_a_manifest(bomb: Answer, server: FaultServer, tmp_path: Path) -> None:
    code, errors = ended("plan", server.on("/x.mpd", bomb), "--retries", "0", cwd=tmp_path)
    assert code in (3, 5), errors


def test_in_place_of_a_remote_element(bomb: Answer, server: FaultServer, tmp_path: Path) -> None:
    """It counts for the limit of the document, or is none: never a complete mirror without it."""
    server.on("/e.xml", bomb)
    remote = '<AdaptationSet xlink:href="e.xml" xlink:actuate="onLoad"/>'
    server.on("/x.mpd", Answer(mpd(numbered() + remote, more=XLINK)))
    code, errors = ended("get", server.url("/x.mpd"), "-o", "m", "--retries", "0", cwd=tmp_path)
    assert code in (1, 3), errors
    assert "limit of 134,217,728 bytes" in errors or "remote element" in errors


def test_in_place_of_a_clock_a_steering_manifest_and_a_segment(
    bomb: Answer, server: FaultServer, tmp_path: Path
) -> None:
    for number in "13":
        server.on(f"/v/{number}.m4s", Answer(SMALL))
    for path in ("/v/2.m4s", "/steer", "/clock"):
        server.on(path, bomb)
    named = (
        f'<ContentSteering queryBeforeStart="true">{server.url("/steer")}</ContentSteering>'
        f'<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="{server.url("/clock")}"/>'
    )
    server.on("/x.mpd", Answer(mpd(numbered(), before=named)))
    code, errors = ended("get", server.url("/x.mpd"), "-o", "m", "--retries", "0", cwd=tmp_path)
    assert code == 1, errors
    held = {path.name: path.stat().st_size for path in (tmp_path / "m/v").iterdir()}
    assert held == {"1.m4s": len(SMALL), "3.m4s": len(SMALL)}
    assert not any(seen.path == "/steer" for seen in server.seen)
    parts = tmp_path / "m/.dashget/parts"
    assert not parts.exists() or sum(part.stat().st_size for part in parts.iterdir()) < 100_000


def test_in_place_of_the_clock_of_a_live_presentation(
    bomb: Answer, server: FaultServer, tmp_path: Path
) -> None:
    server.on("/clock", bomb)
    clock = (
        f'<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="{server.url("/clock")}"/>'
    )
    live = 'availabilityStartTime="2026-01-01T00:00:00Z"'
    server.on("/x.mpd", Answer(mpd(numbered(), before=clock, kind="dynamic", more=live)))
    code, errors = ended(
        "plan", server.url("/x.mpd"), "--retries", "0", "--allow-private", cwd=tmp_path
    )
    assert code == 0, errors
    assert "UTCTiming (http-iso)" in errors
