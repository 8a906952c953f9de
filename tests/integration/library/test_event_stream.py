"""The events of a run as an iterator: complete, in order, bounded, and stopped by closing it."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest

import dashget
from dashget.session import stream
from dashget.store import Mirror
from tests.integration.library.conftest import Publish
from tests.support.faultserver import Answer, FaultServer

QUICK = dashget.TransferOptions(retries=1, backoff_seconds=0.01, in_flight=1)


def is_free(root: Path) -> bool:
    """Return True if no run holds the mirror."""
    with Mirror.at(root) as store:
        header = store.header()
        assert header is not None
        store.claim(header)
    return True


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "dashget-run"]


def ended() -> bool:
    """Wait for the threads of runs that are over; return True if none is left."""
    for thread in threads():
        thread.join(30)
    return not threads()


def test_the_iterator_yields_every_event_and_ends_with_the_summary(
    publish: Publish, tmp_path: Path
) -> None:
    with dashget.Session(QUICK) as session:
        events = list(session.open(publish()).mirror_events(tmp_path / "m", checksums=True))
    assert isinstance(events[0], dashget.ManifestLoaded)
    assert isinstance(events[-1], dashget.Summary)
    assert events[-1].complete
    finished = [e.path for e in events if isinstance(e, dashget.FileFinished)]
    assert finished == ["v/1.m4s", "v/2.m4s", "v/3.m4s"]


def test_findings_come_as_an_iterator_as_well(publish: Publish, tmp_path: Path) -> None:
    dashget.mirror(publish(), tmp_path / "m")
    (tmp_path / "m/v/2.m4s").unlink()
    with dashget.Session(QUICK) as session:
        events = list(session.verify_events(tmp_path / "m"))
    assert isinstance(events[-1], dashget.Report)
    assert any(isinstance(e, dashget.Finding) and e.path == "v/2.m4s" for e in events)


def test_closing_the_iterator_stops_the_run_in_order(
    publish: Publish, server: FaultServer, tmp_path: Path
) -> None:
    url = publish()
    server.on(
        "/show/v/2.m4s",
        Answer(b"2" * 200_000, etag='"2"', hold=threading.Event(), hold_after=100_000),
    )
    with dashget.Session(QUICK) as session:
        show = session.open(url)
        with show.mirror_events(tmp_path / "m") as events:
            for event in events:
                if isinstance(event, dashget.Progressed) and event.unfinished:
                    break
        assert not threads()
        assert is_free(tmp_path / "m")
        assert list(events) == []
        assert list((tmp_path / "m/.dashget/parts").iterdir()), "the part is kept"
        server.on("/show/v/2.m4s", Answer(b"2" * 200_000, etag='"2"'))
        assert show.mirror(tmp_path / "m").outcomes[dashget.Outcome.RESUMED] == 1


def test_dropping_the_iterator_stops_the_run(
    publish: Publish, server: FaultServer, tmp_path: Path
) -> None:
    url = publish()
    server.on("/show/v/2.m4s", Answer(b"2" * 2000, hold=threading.Event(), hold_after=100))
    with dashget.Session(QUICK) as session:
        events = session.open(url).mirror_events(tmp_path / "m")
        assert isinstance(next(events), dashget.ManifestLoaded)
        (run,) = threads()
        del events
        gc.collect()
        run.join(30)
        assert not run.is_alive()


def test_an_error_of_the_run_is_raised_once_where_the_next_event_would_come(
    publish: Publish, tmp_path: Path
) -> None:
    (tmp_path / "m").write_text("a file")
    with dashget.Session(QUICK) as session:
        events = session.open(publish()).mirror_events(tmp_path / "m")
        with pytest.raises(dashget.StoreError):
            list(events)
        assert list(events) == []
        with pytest.raises(dashget.SelectionError):
            next(session.open(publish()).mirror_events(tmp_path / "n", video="height>1"))


def test_a_slow_consumer_holds_the_run_up_and_loses_no_event(
    publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_WAITING", 3)
    with dashget.Session(QUICK) as session:
        events = session.open(publish(40)).mirror_events(tmp_path / "m")
        seen = []
        for event in events:
            assert len(events._channel._waiting) <= 3
            seen.append(event)
    finished = [e.path for e in seen if isinstance(e, dashget.FileFinished)]
    assert finished == [f"v/{number}.m4s" for number in range(1, 41)]


def test_a_reading_of_the_progress_is_replaced_by_the_next_while_it_waits() -> None:
    channel = stream.Channel()
    for done in range(5):
        channel.put(dashget.Progressed(0, done, 5, True, 0, 0))
    event = channel.take(wait=True)
    assert isinstance(event, dashget.Progressed)
    assert event.files_done == 4
    assert channel.take(wait=False) is None
