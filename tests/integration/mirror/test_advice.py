"""The hint at the end of a run follows what had come before, and not the status alone."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import MODIFIED
from tests.support.builders import FILLER, mpd
from tests.support.faultserver import Answer, FaultServer, redirect, refuse
from tests.support.program import run
from tests.support.running import mirror

COUNT = 30
TOKEN = "the token in the URL has probably run out"
TRANSFER = dashget.TransferOptions(retries=0, backoff_seconds=0.001, in_flight=2)


def two_tracks(before: str = "") -> str:
    return (
        f'<AdaptationSet {FILLER}><SegmentTemplate duration="2" media="$RepresentationID$/'
        f'$Number$.m4s"/>{before}<Representation id="v" bandwidth="8000"/>'
        '<Representation id="w" bandwidth="9000"/></AdaptationSet>'
    )


def offer(server: FaultServer, statuses: dict[str, int], content: str = "") -> str:
    """Put a presentation on the server, and have it refuse some of its files."""
    for track in "vw":
        for number in range(1, COUNT + 1):
            name = f"{track}/{number}.m4s"
            status = statuses.get(name)
            body = name.encode() * 100
            answer = Answer(body, etag=f'"{name}"', last_modified=MODIFIED)
            server.on(f"/show/{name}", refuse(status) if status else answer)
    document = mpd(content or two_tracks(), seconds=2 * COUNT)
    return server.on("/show/x.mpd", Answer(document))


def hint_of(url: str, root: Path, **options: object) -> str:
    summary, _ = mirror(url, root, transfer=TRANSFER, **options)
    assert not summary.complete
    assert summary.hint is not None
    return summary.hint


def files(tracks: str, *numbers: int) -> list[str]:
    return [f"{track}/{number}.m4s" for number in numbers for track in tracks]


@pytest.mark.parametrize(("status", "came"), [(401, 10), (403, 1), (403, 10), (403, 28), (410, 10)])
def test_refusals_after_files_had_come_are_a_token_that_has_run_out(
    server: FaultServer, tmp_path: Path, status: int, came: int
) -> None:
    refused = files("vw", *range(came + 1, COUNT + 1))
    url = offer(server, dict.fromkeys(refused, status))
    hint = hint_of(url, tmp_path / "m")
    assert TOKEN in hint
    assert f"dashget FRESH-URL -o {tmp_path / 'm'} --moved" in hint


def test_refusals_of_all_that_an_earlier_run_had_left_are_one_as_well(
    server: FaultServer, tmp_path: Path
) -> None:
    url = offer(server, dict.fromkeys(files("vw", *range(11, COUNT + 1)), 500))
    mirror(url, tmp_path / "m", transfer=TRANSFER)
    offer(server, dict.fromkeys(files("vw", *range(1, COUNT + 1)), 403))
    assert TOKEN in hint_of(url, tmp_path / "m")


def test_one_early_request_that_took_long_is_refused_with_the_others(
    server: FaultServer, tmp_path: Path
) -> None:
    url = offer(server, dict.fromkeys(files("v", 5) + files("vw", *range(16, COUNT + 1)), 403))
    assert TOKEN in hint_of(url, tmp_path / "m")


def test_the_command_prints_the_hint_and_json_has_it(server: FaultServer, tmp_path: Path) -> None:
    url = offer(server, dict.fromkeys(files("vw", *range(11, COUNT + 1)), 403))
    ended = run(url, "-o", "m", "--retries", "0", "--no-progress", cwd=tmp_path)
    assert ended.code == 1
    assert [TOKEN in line for line in ended.err.splitlines() if line.startswith("hint: ")] == [True]
    ended = run(url, "-o", "n", "--retries", "0", "--json", cwd=tmp_path)
    summary = ended.events[-1]
    assert TOKEN in summary["hint"]
    assert all(TOKEN in failure["hint"] for failure in summary["failures"])


def test_a_representation_that_is_forbidden_is_no_token(
    server: FaultServer, tmp_path: Path
) -> None:
    url = offer(server, dict.fromkeys(files("w", *range(1, COUNT + 1)), 403))
    hint = hint_of(url, tmp_path / "m")
    assert TOKEN not in hint
    assert "it may want a header" in hint


@pytest.mark.parametrize("refused", [files("vw", 5, 6), files("w", 1), files("v", 29)])
def test_files_that_are_forbidden_in_between_may_be_missing(
    server: FaultServer, tmp_path: Path, refused: list[str]
) -> None:
    url = offer(server, dict.fromkeys(refused, 403))
    hint = hint_of(url, tmp_path / "m")
    assert TOKEN not in hint
    assert "a store such as S3 answers 403 for a file that it does not have" in hint


@pytest.mark.parametrize("tracks", ["v", "vw"])
def test_a_refused_last_derived_segment_may_not_exist_and_is_a_failure_still(
    server: FaultServer, tmp_path: Path, tracks: str
) -> None:
    url = offer(server, dict.fromkeys(files(tracks, COUNT), 403))
    hint = hint_of(url, tmp_path / "m")
    assert "only last segments are refused" in hint
    assert "a fresh URL and --moved" in hint


def test_a_last_segment_that_is_refused_to_a_url_with_a_query_is_a_token(
    server: FaultServer, tmp_path: Path
) -> None:
    content = two_tracks().replace(".m4s", ".m4s?token=1")
    url = offer(server, dict.fromkeys(files("vw", COUNT), 403), content)
    for name in files("vw", *range(1, COUNT + 1)):
        last = name.endswith(f"/{COUNT}.m4s")
        server.on(f"/show/{name}?token=1", refuse(403) if last else Answer(name.encode() * 100))
    assert TOKEN in hint_of(url, tmp_path / "m")


def test_refusals_from_the_first_file_on_are_no_token(server: FaultServer, tmp_path: Path) -> None:
    url = offer(server, dict.fromkeys(files("vw", *range(1, COUNT + 1)), 403))
    assert TOKEN not in hint_of(url, tmp_path / "m")


def test_missing_files_of_a_static_presentation_are_a_faulty_server(
    server: FaultServer, tmp_path: Path
) -> None:
    url = offer(server, dict.fromkeys(files("vw", 3), 404))
    assert "it may be faulty" in hint_of(url, tmp_path / "m")


def test_other_failures_have_their_own_hint_or_the_general_one(
    server: FaultServer, tmp_path: Path
) -> None:
    url = offer(server, dict.fromkeys(files("v", 3), 500))
    hint = hint_of(url, tmp_path / "m")
    assert hint == "run the same command again; it fetches only what is missing"


# Live presentations.

NOW = datetime.datetime(2026, 1, 1, 0, 2, tzinfo=datetime.UTC)


def live(server: FaultServer, statuses: dict[str, int]) -> str:
    offer(server, statuses)
    document = mpd(
        two_tracks(),
        kind="dynamic",
        more='availabilityStartTime="2026-01-01T00:01:00Z" timeShiftBufferDepth="PT60S"',
    ).replace(b' mediaPresentationDuration="PT6S"', b"")
    document = document.replace(b"<Period>", b'<Period start="PT0S">')
    return server.on("/show/x.mpd", Answer(document))


@pytest.mark.parametrize("status", [403, 404, 410])
def test_the_oldest_segments_of_a_live_window_have_gone_with_it(
    server: FaultServer, tmp_path: Path, status: int
) -> None:
    url = live(server, dict.fromkeys(files("vw", 1, 2, 3), status))
    hint = hint_of(url, tmp_path / "m", now=NOW)
    assert "the live window has moved on" in hint


def test_the_newest_segments_of_a_live_window_may_come_later(
    server: FaultServer, tmp_path: Path
) -> None:
    url = live(server, dict.fromkeys(files("vw", 28, 29, 30), 404))
    hint = hint_of(url, tmp_path / "m", now=NOW)
    assert "may come a moment later" in hint


# The manifest itself.


@pytest.mark.parametrize("status", [401, 403, 410])
def test_a_manifest_that_is_refused_after_its_mirror_was_begun_is_a_token(
    server: FaultServer, tmp_path: Path, status: int
) -> None:
    url = offer(server, dict.fromkeys(files("vw", 3), 500))
    assert run(url, "-o", "m", "--retries", "0", cwd=tmp_path).code == 1
    server.on("/show/x.mpd", refuse(status))
    for words in ((url, "-o", "m"), ("m",)):
        ended = run(*words, cwd=tmp_path)
        assert ended.code == 5
        assert TOKEN in ended.err
        assert "dashget FRESH-URL -o m --moved" in ended.err
    assert TOKEN not in run(url, "-o", "other", cwd=tmp_path).err


def test_a_pause_that_is_too_long_is_no_token(server: FaultServer, tmp_path: Path) -> None:
    url = offer(server, {})
    for name in files("vw", *range(11, COUNT + 1)):
        server.on(f"/show/{name}", refuse(403, Retry_After="7200"))
    hint = hint_of(url, tmp_path / "m")
    assert TOKEN not in hint
    assert "run the same command again" in hint


@pytest.mark.parametrize(
    ("answer", "words", "hint"),
    [
        (refuse(401), ("--user", "me:x"), "does not accept the credentials that were given"),
        (refuse(401), ("-H", "Authorization: x"), "does not accept the credentials"),
        (refuse(401), (), "give credentials with --user"),
        (refuse(429, Retry_After="3600"), (), "the server limits requests: try again later"),
        (refuse(451), (), "for reasons of law"),
        (refuse(511), (), "the network wants a login first"),
        (refuse(500), ("--retries", "0"), "the fault is the server's: try again later"),
        (refuse(405), (), "the server refuses this request"),
        (redirect("/show/x.mpd"), (), "open the URL in a browser"),
        (Answer(status=302), (), "open the URL in a browser"),
    ],
)
def test_a_manifest_that_is_refused_gets_a_hint_for_its_reason(
    server: FaultServer, tmp_path: Path, answer: Answer, words: tuple[str, ...], hint: str
) -> None:
    ended = run(server.on("/show/x.mpd", answer), *words, cwd=tmp_path)
    assert ended.code == 5
    assert hint in ended.err.splitlines()[-1]
