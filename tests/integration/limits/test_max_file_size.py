"""``--max-file-size``: a larger file fails by itself, and no byte beyond the limit is stored."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dashget
from dashget.common.byterange import ByteRange
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run
from tests.support.running import TRANSFER, mirror

MOST = 50_000
LARGE = bytes(range(256)) * 400
SMALL = b"small"
OPTION = ("--max-file-size", "50k")
HINT = "--max-file-size allows larger files"

FORMS = {
    "a length": Answer(LARGE, etag='"l"'),
    "no length": Answer(LARGE, length=None),
    "chunks": Answer(LARGE, chunked=True),
    "chunks, byte by byte at the end": Answer(LARGE, chunked=True, drip=(20_000, 0.01)),
    "no ranges": Answer(LARGE, ranges=False),
    "a false length": Answer(LARGE, length=1 - len(LARGE)),
    "more than announced": Answer(LARGE[:MOST], extra=LARGE),
    "a refused coding": Answer(gzip.compress(LARGE), coding="gzip"),
    "a coding bomb": Answer(zlib.compress(bytes(10 * MOST)), coding="deflate"),
}


def stored(root: Path) -> int:
    """Return the size of the largest file, parts included."""
    files = [*(root / "v").glob("*"), *(root / ".dashget/parts").glob("*")]
    return max((p.stat().st_size for p in files if p.suffix != ".jsonl"), default=0)


@pytest.fixture
def url(server: FaultServer) -> str:
    for number in "13":
        server.on(f"/v/{number}.m4s", Answer(SMALL))
    server.on("/x.mpd", Answer(mpd(numbered())))
    return server.url("/x.mpd")


@pytest.mark.parametrize("form", FORMS)
def test_a_larger_file_fails_and_the_others_come(
    form: str, url: str, server: FaultServer, tmp_path: Path
) -> None:
    server.on("/v/2.m4s", FORMS[form])
    ended = run(url, *OPTION, "-o", "m", "--retries", "1", "--json", cwd=tmp_path)
    root, summary = tmp_path / "m", ended.events[-1]
    assert stored(root) <= MOST
    assert (root / "v/1.m4s").read_bytes() == (root / "v/3.m4s").read_bytes() == SMALL
    if form in ("a length", "no length", "chunks", "no ranges") or "byte by byte" in form:
        assert ended.code == 1
        (failure,) = summary["failures"]
        assert failure["reason"].startswith("too large: ")
        assert failure["hint"] == summary["hint"] == HINT
        assert not list((root / ".dashget/parts").glob("*"))
        assert failure["attempts"] == 1
        told = run(url, *OPTION, "-o", "m", cwd=tmp_path)
        assert HINT in told.err
        assert run(url, "-o", "m", cwd=tmp_path).code == 0
        assert (root / "v/2.m4s").read_bytes() == LARGE


def test_a_file_of_the_size_itself_is_stored(url: str, server: FaultServer, tmp_path: Path) -> None:
    for answer in (Answer(LARGE[:MOST]), Answer(LARGE[:MOST], length=None)):
        server.on("/v/2.m4s", answer)
        summary, _ = mirror(url, tmp_path / str(id(answer)), max_file_size=MOST)
        assert summary.complete
    server.on("/v/2.m4s", Answer(LARGE[: MOST + 1], length=None))
    summary, _ = mirror(url, tmp_path / "more", max_file_size=MOST)
    (failure,) = summary.failures
    assert failure.reason == "too large: more than the limit of 50,000 bytes has come"


def test_parallel_ranges_of_a_larger_file_are_never_begun(
    url: str, server: FaultServer, tmp_path: Path
) -> None:
    transfer = dashget.TransferOptions(range_threshold=1000, range_size=1000, retries=1)
    server.on("/v/2.m4s", Answer(LARGE, etag='"l"'))
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer, max_file_size=MOST)
    assert [failure.hint for failure in summary.failures] == [HINT]
    assert stored(tmp_path / "m") <= MOST
    allowed, _ = mirror(url, tmp_path / "m", transfer=transfer, max_file_size=len(LARGE))
    assert allowed.complete


def test_an_unfinished_file_of_an_earlier_run_stays_for_a_higher_limit(
    url: str, server: FaultServer, tmp_path: Path
) -> None:
    server.on("/v/2.m4s", Answer(LARGE, etag='"l"', cut=80_000))
    mirror(url, tmp_path / "m", transfer=dashget.TransferOptions(retries=0))
    parts = (tmp_path / "m/.dashget/parts").iterdir()
    part = max(parts, key=lambda path: path.stat().st_size)
    before = part.read_bytes()
    assert len(before) == 80_000
    server.on("/v/2.m4s", Answer(LARGE, etag='"l"'))
    summary, _ = mirror(url, tmp_path / "m", max_file_size=MOST)
    assert [failure.hint for failure in summary.failures] == [HINT]
    assert part.read_bytes() == before
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.outcomes[dashget.Outcome.RESUMED] == 1


def test_a_complete_file_stays(url: str, server: FaultServer, tmp_path: Path) -> None:
    server.on("/v/2.m4s", Answer(LARGE, etag='"l"'))
    mirror(url, tmp_path / "m")
    summary, _ = mirror(url, tmp_path / "m", max_file_size=MOST, recheck=True)
    assert summary.complete
    assert (tmp_path / "m/v/2.m4s").read_bytes() == LARGE


@pytest.mark.parametrize("dry_run", [True, False])
def test_ranges_in_the_manifest_tell_without_a_request(
    dry_run: bool, server: FaultServer, tmp_path: Path
) -> None:
    urls = "".join(
        f'<SegmentURL media="{name}" mediaRange="{ByteRange(first, last)}"/>'
        for name, first, last in (
            ("a", 0, 9), ("b", 0, 9), ("b", 10, MOST), ("c", MOST - 9, MOST - 1),
        )
    )  # fmt: skip
    server.on("/x.mpd", Answer(mpd(
        '<AdaptationSet contentType="application" mimeType="application/x-filler">'
        f'<Representation id="v" bandwidth="8"><SegmentList duration="2">{urls}</SegmentList>'
        "</Representation></AdaptationSet>", seconds=8)))  # fmt: skip
    for name in "abc":
        server.on(f"/{name}", Answer(bytes(100)))
    root = tmp_path / "m"
    summary, _ = mirror(server.url("/x.mpd"), root, max_file_size=MOST, dry_run=dry_run)
    (failure,) = summary.failures
    assert (failure.path, failure.hint) == ("b", HINT)
    assert failure.reason == f"too large: {MOST + 1:,} bytes are announced; the limit is {MOST:,}"
    assert not any(seen.path == "/b" for seen in server.seen)


def test_a_resource_of_the_manifest_itself_counts(server: FaultServer, tmp_path: Path) -> None:
    server.on("/x.mpd", Answer(mpd(numbered("data:,12345"), seconds=2)))
    summary, _ = mirror(server.url("/x.mpd"), tmp_path / "m", max_file_size=4)
    assert [failure.hint for failure in summary.failures] == [HINT]
    summary, _ = mirror(server.url("/x.mpd"), tmp_path / "m", max_file_size=5)
    assert summary.complete


def test_a_repair_has_the_same_limit(url: str, server: FaultServer, tmp_path: Path) -> None:
    server.on("/v/2.m4s", Answer(LARGE))
    assert run(url, "-o", "m", cwd=tmp_path).code == 0
    (tmp_path / "m/v/2.m4s").unlink()
    ended = run("verify", "m", "--repair", *OPTION, cwd=tmp_path)
    assert ended.code == 1
    assert "repair failed: too large: " in ended.out
    assert run("verify", "m", "--repair", cwd=tmp_path).code == 0


@given(
    size=st.integers(0, 3000),
    most=st.integers(1, 3000),
    known=st.booleans(),
    ranges=st.booleans(),
    cut=st.none() | st.integers(0, 2000),
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_size_and_no_limit_lets_more_through(
    size: int,
    most: int,
    known: bool,
    ranges: bool,
    cut: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    body = LARGE[:size]
    with FaultServer() as server:
        broken = [] if cut is None else [Answer(body, cut=cut, etag='"l"', ranges=ranges)]
        whole = Answer(body, length=0 if known else None, etag='"l"', ranges=ranges)
        server.on("/v/1.m4s", *broken, whole)
        server.on("/x.mpd", Answer(mpd(numbered(), seconds=2)))
        root = tmp_path_factory.mktemp("m") / "m"
        options = {"max_file_size": most, "transfer": TRANSFER, "accept_odd": True}
        summary, _ = mirror(server.url("/x.mpd"), root, **options)
    assert stored(root) <= most
    assert summary.complete == (size <= most)
    if size > most:
        assert [failure.hint for failure in summary.failures] == [HINT]
