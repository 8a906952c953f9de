"""``--max-total-size``: a run ends in order before the mirror has more bytes than that."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dashget
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run
from tests.support.running import mirror, verify

SIZE = 10_000
FILES = 8
BODY = bytes(range(250)) * 40
OPTION = ("--max-total-size", "35k")
MOST = 35_000


def stored(*roots: Path) -> int:
    """Return the bytes of the presentation's files and of the parts."""
    files = [p for root in roots for p in (*root.glob("v/*"), *root.glob(".dashget/parts/*"))]
    files = [path for path in files if path.suffix != ".jsonl"]
    return sum(path.stat().st_size for path in files)


def serve(server: FaultServer, *answers: Answer) -> str:
    """Serve so many segments, and return the URL of the manifest."""
    for number, answer in enumerate(answers, 1):
        server.on(f"/v/{number}.m4s", answer)
    server.on("/x.mpd", Answer(mpd(numbered(), seconds=2 * len(answers))))
    return server.url("/x.mpd")


FORMS = {
    "lengths": Answer(BODY, etag='"b"'),
    "no lengths": Answer(BODY, length=None),
    "chunks": Answer(BODY, chunked=True),
    "drips": Answer(BODY, drip=(2500, 0.01), etag='"b"'),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_run_ends_before_and_goes_on_with_a_higher_limit(
    form: str, server: FaultServer, tmp_path: Path
) -> None:
    words = (serve(server, *[FORMS[form]] * FILES), "-o", "m")
    root = tmp_path / "m"
    for _ in range(2):
        # What is there counts: the same limit brings no more.
        ended = run(*words, *OPTION, "--json", cwd=tmp_path)
        summary = ended.events[-1]
        assert ended.code == 7
        assert (summary["ended_by"], summary["interrupted"]) == ("max-total-size", True)
        assert summary["failures"] == []
        assert summary["hint"] == "the same command with a higher --max-total-size goes on"
        assert stored(root) <= MOST
        assert summary["files"] >= (3 if "length" in form else 1)
    told = run(*words, *OPTION, cwd=tmp_path).err
    assert "Ended by --max-total-size: " in told
    assert "hint: the same command with a higher --max-total-size goes on" in told
    assert run(*words, "--max-total-size", str(FILES * SIZE), cwd=tmp_path).code == 0
    assert stored(root) == FILES * SIZE


def test_one_transfer_after_the_other_fills_the_room(server: FaultServer, tmp_path: Path) -> None:
    url = serve(server, *[FORMS["lengths"]] * FILES)
    alone = dashget.TransferOptions(in_flight=1)
    summary, _ = mirror(url, tmp_path / "m", transfer=alone, max_total_size=MOST)
    assert summary.files == MOST // SIZE
    assert summary.ended_by is dashget.Bound.SIZE
    with pytest.raises(dashget.MirrorIncompleteError, match="--max-total-size ended the run"):
        summary.raise_for_failures()


def test_parallel_ranges_take_their_room_before_they_come(
    server: FaultServer, tmp_path: Path
) -> None:
    url = serve(server, *[FORMS["lengths"]] * FILES)
    ranges = dashget.TransferOptions(range_threshold=1000, range_size=1000)
    summary, _ = mirror(url, tmp_path / "m", transfer=ranges, max_total_size=MOST)
    assert summary.ended_by is dashget.Bound.SIZE
    assert stored(tmp_path / "m") <= MOST
    assert mirror(url, tmp_path / "m", transfer=ranges)[0].complete


def test_files_that_fail_give_their_room_back(server: FaultServer, tmp_path: Path) -> None:
    broken = Answer(BODY, etag='"b"', cut=10)
    url = serve(server, *[broken] * 5, *[FORMS["lengths"]] * 3)
    transfer = dashget.TransferOptions(in_flight=1, retries=0)
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer, max_total_size=MOST)
    assert summary.ended_by is None
    assert len(summary.failures) == 5
    assert summary.files == 3
    # Their ten bytes each are resumed, and count but once.
    for number in range(1, 6):
        server.on(f"/v/{number}.m4s", FORMS["lengths"])
    exact = FILES * SIZE
    assert mirror(url, tmp_path / "m", max_total_size=exact)[0].complete


def test_a_rejected_file_gives_its_room_back(server: FaultServer, tmp_path: Path) -> None:
    page = Answer(b"<html>" + bytes(SIZE), headers=(("Content-Type", "text/html"),))
    url = serve(server, *[page] * 5, *[FORMS["lengths"]] * 2)
    transfer = dashget.TransferOptions(in_flight=1, retries=0)
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer, max_total_size=3 * SIZE + 6)
    assert summary.ended_by is None
    assert summary.files == 2


def test_a_file_that_is_replaced_counts_once(server: FaultServer, tmp_path: Path) -> None:
    url = serve(server, *[FORMS["lengths"]] * 3)
    root = tmp_path / "m"
    mirror(url, root)
    for number in "123":
        server.on(f"/v/{number}.m4s", Answer(BODY[::-1], etag='"new"'))
    alone = dashget.TransferOptions(in_flight=1)
    changes = {"recheck": True, "transfer": alone}
    # The old bytes are there until the new ones have come.
    summary, _ = mirror(url, root, max_total_size=4 * SIZE, **changes)
    assert summary.complete
    assert summary.outcomes == {dashget.Outcome.UPDATED: 3}
    summary, _ = mirror(url, root, max_total_size=3 * SIZE, **changes)
    assert summary.complete


def test_a_complete_mirror_beyond_the_limit_is_complete(
    server: FaultServer, tmp_path: Path
) -> None:
    url = serve(server, *[FORMS["lengths"]] * 3)
    mirror(url, tmp_path / "m")
    assert mirror(url, tmp_path / "m", max_total_size=1)[0].complete


def test_files_that_were_removed_do_not_count(server: FaultServer, tmp_path: Path) -> None:
    url = serve(server, *[FORMS["lengths"]] * 3)
    mirror(url, tmp_path / "m")
    for path in (tmp_path / "m/v").iterdir():
        path.unlink()
    assert mirror(url, tmp_path / "m", max_total_size=3 * SIZE)[0].complete


def test_resources_of_the_manifest_itself_count(server: FaultServer, tmp_path: Path) -> None:
    data = "".join(f'<SegmentURL media="data:,{number}2345"/>' for number in range(4))
    server.on("/x.mpd", Answer(mpd(
        '<AdaptationSet contentType="application" mimeType="application/x-filler">'
        f'<Representation id="v" bandwidth="8"><SegmentList duration="2">{data}</SegmentList>'
        "</Representation></AdaptationSet>", seconds=8)))  # fmt: skip
    summary, _ = mirror(server.url("/x.mpd"), tmp_path / "m", max_total_size=12)
    assert summary.ended_by is dashget.Bound.SIZE
    assert summary.files == 2
    assert mirror(server.url("/x.mpd"), tmp_path / "m", max_total_size=20)[0].complete


def test_several_mirrors_of_one_command_have_one_limit(server: FaultServer, tmp_path: Path) -> None:
    for name in "ab":
        for number in "123":
            server.on(f"/{name}/v/{number}.m4s", FORMS["lengths"])
        server.on(f"/{name}/x.mpd", Answer(mpd(numbered())))
    urls = [server.url(f"/{name}/x.mpd") for name in "ab"]
    ended = run(*urls, "--max-total-size", "45k", cwd=tmp_path)
    assert ended.code == 7, ended.err
    assert stored(tmp_path / "a") == 3 * SIZE
    assert stored(tmp_path / "b") <= 15_000
    assert run(*urls, "--max-total-size", "60k", cwd=tmp_path).code == 0


def test_a_repair_has_the_same_limit(server: FaultServer, tmp_path: Path) -> None:
    url = serve(server, *[FORMS["lengths"]] * 4)
    assert run(url, "-o", "m", cwd=tmp_path).code == 0
    for number in "234":
        (tmp_path / f"m/v/{number}.m4s").unlink()
    ended = run("verify", "m", "--repair", "--max-total-size", "25k", "--json", cwd=tmp_path)
    assert ended.code == 7, ended.err
    assert ended.events[-1]["ended_by"] == "max-total-size"
    assert stored(tmp_path / "m") <= 25_000
    assert run("verify", "m", "--repair", "--max-total-size", "40k", cwd=tmp_path).code == 0


def test_a_dry_run_has_no_limit(server: FaultServer, tmp_path: Path) -> None:
    url = serve(server, *[FORMS["lengths"]] * 3)
    assert run(url, "--dry-run", *OPTION, cwd=tmp_path).code == 0


SEGMENT = st.tuples(st.integers(0, 3000), st.booleans(), st.none() | st.integers(0, 3000))


@given(
    segments=st.lists(SEGMENT, min_size=1, max_size=6),
    most=st.integers(1, 9000),
    in_flight=st.integers(1, 4),
)
@settings(max_examples=15, deadline=None)
def test_no_mixture_of_files_exceeds_the_limit(
    segments: list[tuple[int, bool, int | None]],
    most: int,
    in_flight: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    total = sum(size for size, _, _ in segments)
    root = tmp_path_factory.mktemp("m") / "m"
    transfer = dashget.TransferOptions(
        in_flight=in_flight, retries=1, backoff_seconds=0.01, range_threshold=1000, range_size=500
    )
    options = {"transfer": transfer, "accept_odd": True}
    with FaultServer() as server:
        answers = []
        for number, (size, known, cut) in enumerate(segments, 1):
            body, tag = BODY[:size], f'"{number}"'
            whole = Answer(body, length=0 if known else None, etag=tag)
            broken = Answer(body, length=0 if known else None, etag=tag, cut=cut)
            answers.append([whole] if cut is None else [broken, whole])
        url = serve(server, *(first for first, *_ in answers))
        for number, several in enumerate(answers, 1):
            server.on(f"/v/{number}.m4s", *several)
        summary, _ = mirror(url, root, max_total_size=most, **options)
        assert stored(root) <= most
        assert (
            not summary.failures or total > most or any(cut is not None for _, _, cut in segments)
        )
        if total > most:
            assert not summary.complete
        again, _ = mirror(url, root, max_total_size=max(total, 1), **options)
        assert again.complete
    assert stored(root) == total
    assert verify(root)[0].files == len(segments)


def test_verify_counts_the_mirrors_in_all_its_directories(
    server: FaultServer, tmp_path: Path
) -> None:
    url = serve(server, *[FORMS["lengths"]] * 2)
    for name in "ab":
        assert mirror(url, tmp_path / name)[0].complete
        (tmp_path / name / "v/1.m4s").unlink()
    command = ("verify", "a", "b", "--repair", "--max-total-size")
    ended = run(*command, "35k", cwd=tmp_path)
    assert ended.code == 7, ended.err
    assert (tmp_path / "a/v/1.m4s").exists()
    assert not (tmp_path / "b/v/1.m4s").exists()
    assert run(*command, "60k", cwd=tmp_path).code == 0
