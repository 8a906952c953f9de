"""A session: one engine, one set of cookies and connections for several calls."""

from __future__ import annotations

import datetime
import threading
from pathlib import Path

import pytest

import dashget
from dashget.transfer.engine import Engine
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import Events

QUICK = dashget.TransferOptions(retries=1, backoff_seconds=0.01)
LIVE = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)


def publish(server: FaultServer, *, headers: tuple[tuple[str, str], ...] = ()) -> str:
    """Publish a presentation of three segments; return the URL of its manifest."""
    for number in (1, 2, 3):
        server.on(f"/show/v/{number}.m4s", Answer(bytes([number]) * 2000, etag=f'"{number}"'))
    return server.on("/show/x.mpd", Answer(mpd(numbered()), headers=headers))


def test_a_manifest_that_was_opened_is_not_fetched_again(
    server: FaultServer, tmp_path: Path
) -> None:
    with dashget.Session(QUICK) as session:
        show = session.open(publish(server))
        assert [planned.path for planned in show.plan()][-1] == "v/3.m4s"
        assert show.mirror(tmp_path / "a").raise_for_failures().files == 3
        assert session.mirror(show, tmp_path / "b").complete
    assert len(server.asked("/show/x.mpd")) == 1


def test_the_functions_take_a_loaded_presentation_without_fetching_it_again(
    server: FaultServer, tmp_path: Path
) -> None:
    show = dashget.load(publish(server))
    assert len(list(dashget.plan(show, video="best"))) == 3
    assert dashget.mirror(show, tmp_path / "m", checksums=True, in_flight=2).complete
    assert (tmp_path / "m/SHA256SUMS").is_file()
    assert len(server.asked("/show/x.mpd")) == 1


def test_one_engine_serves_all_calls_of_a_session(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Engine] = []
    make = Engine.__init__

    def count(engine: Engine, options: dashget.TransferOptions) -> None:
        made.append(engine)
        make(engine, options)

    monkeypatch.setattr(Engine, "__init__", count)
    with dashget.Session(QUICK) as session:
        show = session.open(publish(server))
        list(show.plan(index=True))
        session.protections(show)
        show.mirror(tmp_path / "m")
        assert session.verify(tmp_path / "m", remote=True).files == 3
    assert len(made) == 1


def test_cookies_of_the_manifest_are_sent_with_its_segments(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, headers=(("Set-Cookie", "seen=yes; Path=/"),))
    with dashget.Session(QUICK) as session:
        session.open(url).mirror(tmp_path / "m")
        assert all(seen.headers["cookie"] == "seen=yes" for seen in server.asked("/show/v/1.m4s"))


def test_secrets_go_to_every_manifest_that_was_opened_and_to_no_other_host(
    server: FaultServer, tmp_path: Path
) -> None:
    with FaultServer() as second, FaultServer() as third:
        urls = [publish(server), publish(second)]
        for number in (1, 2, 3):
            third.on(f"/{number}.m4s", Answer(b"x"))
        elsewhere = mpd(numbered(third.url("/$Number$.m4s")))
        urls.append(server.on("/elsewhere.mpd", Answer(elsewhere)))
        with dashget.Session(QUICK, user="me:pw", allow_private=True) as session:
            for number, url in enumerate(urls):
                assert session.open(url).mirror(tmp_path / str(number)).complete
        for origin in (server, second):
            assert all("authorization" in seen.headers for seen in origin.seen)
        assert third.seen
        assert all("authorization" not in seen.headers for seen in third.seen)


def test_keywords_replace_fields_of_the_options(server: FaultServer, tmp_path: Path) -> None:
    options = dashget.MirrorOptions(dry_run=True, checksums=True)
    with dashget.Session(QUICK, in_flight=2) as session:
        assert (session.options.in_flight, session.options.retries) == (2, 1)
        show = session.open(publish(server))
        assert show.mirror(tmp_path / "m", options).dry_run
        summary = show.mirror(tmp_path / "m", options, dry_run=False)
        assert not summary.dry_run
    assert (tmp_path / "m/SHA256SUMS").is_file()


def test_a_selection_is_given_once(server: FaultServer, tmp_path: Path) -> None:
    chosen = dashget.parse_selection(video="best")
    with dashget.Session(QUICK) as session:
        show = session.open(publish(server))
        for call in (
            lambda: show.plan(chosen, video="worst"),
            lambda: show.mirror(tmp_path, selection=chosen, video="worst"),
        ):
            with pytest.raises(dashget.FieldError, match="selection: given beside video="):
                call()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: dashget.Session(in_flight=0), "in_flight: must be"),
        (lambda: dashget.Session(cookie_file="missing.txt"), "cookie_file: "),
        (lambda: dashget.mirror("x.mpd", "m", checksums="yes"), "checksums: "),
        (lambda: dashget.mirror("x.mpd", "m", video="nonsense<"), "video: "),
        (lambda: dashget.verify("m", remote=1), "remote: "),
        (lambda: dashget.mirror("x.mpd", video=720), "video: not text: 720"),  # type: ignore[arg-type]
        (lambda: dashget.mirror("x.mpd", period=0), "period: not text: 0"),  # type: ignore[arg-type]
        (lambda: dashget.mirror(None), "source: not a path or URL"),  # type: ignore[arg-type]
    ],
)
def test_invalid_keywords_are_refused_before_the_first_request(call: object, error: str) -> None:
    assert callable(call)
    with pytest.raises(dashget.FieldError, match=error):
        call()


def test_an_unknown_keyword_is_a_type_error() -> None:
    for call in (
        lambda: dashget.Session(nonsense=1),  # type: ignore[call-arg]
        lambda: dashget.mirror("x.mpd", nonsense=1),  # type: ignore[call-arg]
        lambda: dashget.load("x.mpd", nonsense=1),  # type: ignore[call-arg]
    ):
        with pytest.raises(TypeError, match="nonsense"):
            call()


@pytest.mark.parametrize(
    ("name", "meant"),
    [("vidoe", "video"), ("timeout", "timeout_seconds"), ("threads", "in_flight")],
)
def test_a_keyword_that_is_meant_is_named(name: str, meant: str) -> None:
    with pytest.raises(TypeError, match=f"did you mean '{meant}'"):
        dashget.mirror("x.mpd", **{name: 1})  # type: ignore[arg-type]


def test_a_closed_session_is_refused_with_one_error(server: FaultServer, tmp_path: Path) -> None:
    with dashget.Session(QUICK) as session:
        show = session.open(publish(server))
    assert session.closed
    for call in (
        lambda: session.open(server.url("/show/x.mpd")),
        lambda: session.verify(tmp_path),
        lambda: session.mirror(show, tmp_path),
        lambda: show.mirror(tmp_path),
        lambda: show.mirror_events(tmp_path),
        lambda: show.plan(index=True),
        session.__enter__,
    ):
        with pytest.raises(dashget.SessionClosedError, match="the session is closed") as caught:
            call()
        assert caught.value.hint
    assert len(list(show.plan())) == 3, "a plan needs no session"
    session.close()


def test_closing_a_session_stops_its_runs(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", Answer(b"2" * 2000, hold=threading.Event(), hold_after=100))
    session = dashget.Session(QUICK, in_flight=1)

    def observe(event: dashget.Event, /) -> None:
        if isinstance(event, dashget.FileFinished):
            session.close()

    summary = session.open(url).mirror(tmp_path / "m", observer=observe)
    assert session._engine._free == [], "its connections are closed"
    assert summary.outcomes[dashget.Outcome.CANCELLED] >= 1
    assert not summary.complete


def test_a_request_to_stop_ends_one_call_and_leaves_the_session_usable(
    server: FaultServer, tmp_path: Path
) -> None:
    stop = dashget.Stop()

    def observe(event: dashget.Event, /) -> None:
        if isinstance(event, dashget.FileFinished):
            stop.request()

    with dashget.Session(QUICK, in_flight=1) as session:
        show = session.open(publish(server))
        assert show.mirror(tmp_path / "m", observer=observe, stop=stop).interrupted
        assert show.mirror(tmp_path / "m").complete


@pytest.mark.parametrize("where", ["session", "call"])
def test_a_warning_about_options_is_sent_once_to_every_observer(
    server: FaultServer, tmp_path: Path, where: str
) -> None:
    events = Events()
    if where == "session":
        with dashget.Session(QUICK, insecure=True, observer=events) as session:
            summary = session.open(publish(server)).mirror(tmp_path / "m")
    else:
        with dashget.Session(QUICK, insecure=True) as session:
            assert session.warnings
            summary = session.open(publish(server)).mirror(tmp_path / "m", observer=events)
    assert events.warnings() == list(session.warnings)
    assert summary.warnings == 1


def test_load_plan_and_verify_tell_oddities_of_the_options_as_well(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    dashget.mirror(url, tmp_path / "m")
    calls = (
        lambda observer: dashget.load(url, insecure=True, observer=observer),
        lambda observer: dashget.plan(url, insecure=True, observer=observer),
        lambda observer: dashget.verify(tmp_path / "m", insecure=True, observer=observer),
    )
    for call in calls:
        events = Events()
        call(events)
        assert events.warnings() == ["TLS certificates are not verified (--insecure)"]


def test_failed_attempts_for_a_manifest_are_reported(server: FaultServer) -> None:
    url = publish(server)
    server.on("/show/x.mpd", refuse(503), Answer(mpd(numbered())))
    events = Events()
    with dashget.Session(QUICK, observer=events) as session:
        session.open(url)
    (retry,) = events
    assert isinstance(retry, dashget.RetryScheduled)
    assert retry.path == "manifest"


def test_an_incomplete_mirror_raises_an_error_that_names_the_files(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", refuse(403))
    summary = dashget.mirror(url, tmp_path / "m", transfer=QUICK)
    with pytest.raises(dashget.MirrorIncompleteError) as caught:
        summary.raise_for_failures()
    assert "1 file is missing" in caught.value.message
    assert "v/2.m4s" in caught.value.message
    assert caught.value.paths == ("v/2.m4s",)


def test_a_session_and_its_presentation_show_no_secret(server: FaultServer) -> None:
    url = publish(server).replace("http://", "http://me:SECRET@")
    with dashget.Session(QUICK, cookies=("a=SECRET",)) as session:
        show = session.open(url)
        assert "SECRET" not in f"{session!r} {show!r} {show}"
        assert "x.mpd" in repr(show)
