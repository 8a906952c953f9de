"""``--times``: files have the modification times that their server states."""

from __future__ import annotations

import datetime
import email.utils
import time
from pathlib import Path

import pytest

import dashget
from dashget.events import Outcome
from tests.integration.mirror.presentation import manifest
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run
from tests.support.running import mirror, verify

STATED = "Mon, 02 Nov 2020 10:00:00 GMT"
SECONDS = datetime.datetime(2020, 11, 2, 10, tzinfo=datetime.UTC).timestamp()
NAMES = ("x.mpd", "v/1.m4s", "v/2.m4s", "v/3.m4s")


def publish(server: FaultServer, stated: str | None = STATED, size: int = 2000) -> str:
    for number in (1, 2, 3):
        answer = Answer(bytes([number]) * size, etag=f'"{number}"', last_modified=stated)
        server.on(f"/show/v/{number}.m4s", answer)
    document = manifest(numbered())
    return server.on("/show/x.mpd", Answer(document.body, last_modified=stated))


def times(root: Path) -> set[float]:
    return {(root / name).stat().st_mtime for name in NAMES}


@pytest.mark.parametrize("size", [2000, 3_000_000])
def test_files_get_the_times_of_the_server(server: FaultServer, tmp_path: Path, size: int) -> None:
    transfer = dashget.TransferOptions(range_threshold=1 << 20, range_size=1 << 20)
    summary, _ = mirror(publish(server, size=size), tmp_path, times=True, transfer=transfer)
    assert summary.complete
    assert times(tmp_path) == {SECONDS}
    assert (tmp_path / "v/1.m4s").stat().st_atime > SECONDS + 1


def test_without_the_option_files_have_the_time_of_the_download(
    server: FaultServer, tmp_path: Path
) -> None:
    begun = time.time() - 2
    mirror(publish(server), tmp_path)
    assert min(times(tmp_path)) > begun


def test_complete_files_get_their_times_without_a_request(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    server.seen.clear()
    ended = run(url, "-o", tmp_path, "--times", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert {seen.path for seen in server.seen} == {"/show/x.mpd"}
    assert times(tmp_path) - {(tmp_path / "x.mpd").stat().st_mtime} == {SECONDS}


@pytest.mark.parametrize("more", [{}, {"recheck": True}, {"moved": True}], ids=str)
def test_times_confuse_neither_a_second_run_nor_verify(
    server: FaultServer, tmp_path: Path, more: dict[str, bool]
) -> None:
    url = publish(server)
    mirror(url, tmp_path, times=True)
    assert verify(tmp_path)[0].sound
    assert verify(tmp_path, remote=True)[0].sound
    for name in NAMES[1:]:
        (tmp_path / name).touch()
    again, _ = mirror(url, tmp_path, times=True, **more)
    assert again.outcomes == {Outcome.PRESENT: 3}
    assert times(tmp_path) == {SECONDS}
    assert verify(tmp_path, remote=True)[0].sound


def test_adopted_files_get_their_times(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    (tmp_path / ".dashget/record.jsonl").unlink()
    again, _ = mirror(url, tmp_path, times=True)
    assert again.outcomes == {Outcome.ADOPTED: 3}
    assert times(tmp_path) == {SECONDS}


def test_a_file_that_was_begun_in_an_earlier_run_gets_its_time(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, size=900_000)
    body = b"\2" * 900_000
    cut = Answer(body, etag='"2"', last_modified=STATED, cut=500_000)
    server.on("/show/v/2.m4s", cut, Answer(body, status=500), Answer(b"", status=500))
    options = dashget.TransferOptions(retries=0)
    assert not mirror(url, tmp_path, times=True, transfer=options)[0].complete
    server.on("/show/v/2.m4s", Answer(body, etag='"2"', last_modified=STATED))
    again, _ = mirror(url, tmp_path, times=True)
    assert again.outcomes[Outcome.RESUMED] == 1
    assert times(tmp_path) == {SECONDS}


@pytest.mark.parametrize(
    "stated",
    [
        None,
        "yesterday",
        "Mon, 31 Feb 2020 10:00:00 GMT",
        "Mon, 02 Nov 2020 25:00:00 GMT",
        "Thu, 01 Jan 1903 00:00:00 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 02 Nov 99999 10:00:00 GMT",
        "Mon, 02 Nov 2020 10:00:00 +99999999999",
        "Mon, 0_ Nov 2_20 10:00:00 GMT",
        pytest.param(email.utils.formatdate(time.time() + 86_400, usegmt=True), id="tomorrow"),
        "-1",
        "0",
        "x" * 5000,
    ],
)
def test_a_time_that_no_file_can_have_does_no_harm(
    server: FaultServer, tmp_path: Path, stated: str | None
) -> None:
    begun = time.time() - 2
    url = publish(server, stated)
    summary, _ = mirror(url, tmp_path, times=True)
    assert summary.complete
    assert min(times(tmp_path)) > begun
    assert max(times(tmp_path)) < time.time() + 2
    assert mirror(url, tmp_path, times=True)[0].outcomes == {Outcome.PRESENT: 3}
    assert verify(tmp_path)[0].sound


@pytest.mark.parametrize(
    "stated",
    [
        "Monday, 02-Nov-20 10:00:00 GMT",
        "Mon Nov  2 10:00:00 2020",
        "Mon, 02 Nov 2020 12:00:00 +0200",
    ],
)
def test_other_forms_of_dates_are_read_as_well(
    server: FaultServer, tmp_path: Path, stated: str
) -> None:
    mirror(publish(server, stated), tmp_path, times=True)
    assert times(tmp_path) == {SECONDS}


def test_the_first_second_of_1970_is_a_time(server: FaultServer, tmp_path: Path) -> None:
    mirror(publish(server, "Thu, 01 Jan 1970 00:00:00 GMT"), tmp_path, times=True)
    assert times(tmp_path) == {0.0}


def test_a_dry_run_changes_no_time(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    before = times(tmp_path)
    mirror(url, tmp_path, times=True, dry_run=True)
    assert times(tmp_path) == before
