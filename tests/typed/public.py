"""The types of the public interface: ``mypy --strict`` reads this file, nothing runs it.

It uses every public name as a program would. ``assert_type`` holds for the type that a reader
may rely on; ``tests/unit/test_public.py`` fails for a public name that is missing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import assert_type

import dashget


def version() -> None:
    assert_type(dashget.__version__, str)


def loading(now: datetime, path: Path) -> dashget.Loaded:
    loaded = dashget.load("https://example.com/x.mpd", now=now)
    assert_type(loaded, dashget.Loaded)
    assert_type(dashget.load(path).presentation, dashget.Presentation)
    assert_type(loaded.mpd, dashget.MPD)
    assert_type(loaded.data, bytes)
    assert_type(loaded.warnings, tuple[dashget.Issue, ...])
    return loaded


def planning(loaded: dashget.Loaded) -> None:
    chosen = dashget.parse_selection(video="best")
    assert_type(chosen, dashget.Selection)
    assert_type(dashget.plan(loaded, chosen), Iterator[dashget.PlannedSegment])
    for planned in dashget.plan(loaded):
        assert_type(planned.segment, dashget.Segment)
        assert_type(planned.segment.kind, dashget.SegmentKind)
        assert_type(planned.segment.range, dashget.ByteRange | None)
        assert_type(planned.urls, tuple[str, ...])
        assert_type(dashget.plan_line(planned), dashget.PlanLine)


def core(data: bytes) -> None:
    mpd = dashget.parse_mpd(data, url="https://example.com/x.mpd")
    assert_type(mpd, dashget.MPD)
    presentation = dashget.resolve(mpd, now=Fraction(0))
    assert_type(presentation, dashget.Presentation)
    assert_type(dashget.select(presentation, dashget.Selection()), dashget.Presentation)
    for period in presentation.periods:
        assert_type(period, dashget.Period)
        for adaptation_set in period.adaptation_sets:
            assert_type(adaptation_set, dashget.AdaptationSet)
            assert_type(adaptation_set.content_type, dashget.ContentType)
            for representation in adaptation_set.representations:
                assert_type(representation, dashget.Representation)
                assert_type(
                    dashget.iter_segments(presentation, representation), Iterator[dashget.Segment]
                )


def options() -> dashget.TransferOptions:
    assert_type(dashget.MirrorOptions(checksums=True).checksums, bool)
    assert_type(dashget.VerifyOptions(remote=True).remote, bool)
    extra = dashget.OriginHeader("example.com", "Referer", "https://example.com/")
    return dashget.TransferOptions(http=dashget.HttpVersion.HTTP_2, origin_headers=(extra,))


def observe(event: dashget.Event, /) -> None:
    match event:
        case dashget.ManifestLoaded():
            assert_type(event.url, str)
        case dashget.Warned():
            assert_type(event.line, int | None)
        case dashget.TrackPlanned():
            assert_type(event.segments, int | None)
        case dashget.FileStarted():
            assert_type(event.offset, int)
        case dashget.ManifestAwaited():
            assert_type(event.url, str)
        case dashget.RetryScheduled():
            assert_type(event.delay_seconds, float)
        case dashget.BegunAnew():
            assert_type(event.dropped, int)
        case dashget.FileFinished():
            assert_type(event.outcome, dashget.Outcome)
        case dashget.Progressed():
            assert_type(event.unfinished, tuple[dashget.Unfinished, ...])
            assert_type(event.stage, dashget.Stage)
        case dashget.Muxed():
            assert_type(event.checked, bool)
        case dashget.Pruned():
            assert_type(event.paths, tuple[str, ...])
        case dashget.Finding():
            assert_type(event.problem, dashget.Problem)
        case dashget.Report():
            assert_type(event.sound, bool)
        case dashget.Summary():
            assert_type(event.outcomes, dict[dashget.Outcome, int])
            assert_type(event.playback, dashget.Playback | None)
            assert_type(event.ended_by, dashget.Bound | None)
            assert_type(event.failures, tuple[dashget.Failure, ...])


def running(root: Path) -> None:
    observer: dashget.Observer = observe
    stop = dashget.Stop()
    summary = dashget.mirror("x.mpd", root, checksums=True, in_flight=8, video="best")
    assert_type(summary, dashget.Summary)
    assert_type(summary.raise_for_failures(), dashget.Summary)
    assert_type(dashget.mirror("x.mpd", observer=observer, stop=stop), dashget.Summary)
    assert_type(dashget.verify(root, observer=observer, stop=stop), dashget.Report)
    assert_type(dashget.verify(root, remote=True, user="me:pw"), dashget.Report)


def session(root: Path) -> None:
    with dashget.Session(in_flight=8, user="me:pw", observer=observe) as session:
        assert_type(session, dashget.Session)
        assert_type(session.options, dashget.TransferOptions)
        assert_type(session.warnings, tuple[str, ...])
        show = session.open("https://example.com/x.mpd")
        assert_type(show, dashget.Loaded)
        manifest: dashget.LoadedManifest = show
        assert_type(session.plan(manifest, index=True), Iterator[dashget.PlannedSegment])
        assert_type(show.mirror(root, video="best", recheck=True), dashget.Summary)
        assert_type(session.mirror(show, root), dashget.Summary)
        with show.mirror_events(root, checksums=True) as events:
            assert_type(events, dashget.EventStream[dashget.Summary])
            for event in events:
                assert_type(event, dashget.Event)
        assert_type(session.verify(root, repair=True), dashget.Report)
        for event in session.verify_events(root):
            observe(event)
        assert_type(session.mux(root, root / "x.mp4", check=True), tuple[dashget.Muxed, ...])
        for event in session.mux_events(root, "x.mkv", split=True, keys=["KID:KEY"]):
            observe(event)
    dashget.Session(in_flight="8")  # type: ignore[arg-type]
    dashget.Session(no_such_option=1)  # type: ignore[call-arg]
    dashget.mirror("x.mpd", checksums="yes")  # type: ignore[arg-type]


def recording(root: Path, observe: dashget.Observer) -> None:
    wishes = dashget.Wishes(seconds=3600, wait=True)
    with dashget.Session(observer=observe) as session:
        ended = session.record("https://example.com/live.mpd", root, wishes=wishes)
        assert_type(ended, dashget.RecordingEnded | dashget.Summary | None)
        session.record("https://example.com/live.mpd", root, dashget.RecordOptions(fsync=True))


def events_of_a_recording(event: dashget.Event) -> object:
    if isinstance(event, dashget.RecordingBegan):
        return assert_type(event.resumed, bool)
    if isinstance(event, dashget.ManifestRead | dashget.PresentationChanged):
        return event
    if isinstance(event, dashget.SegmentLate):
        return assert_type(event.seconds, float)
    if isinstance(event, dashget.GapFound):
        return assert_type(event.segments, int | None)
    if isinstance(event, dashget.OutageTold):
        return assert_type(event.until, float | None)
    if isinstance(event, dashget.PresentationLingers):
        return assert_type(event.seconds, float)
    if isinstance(event, dashget.SegmentsExpired):
        return assert_type(event.before, float)
    if isinstance(event, dashget.ClockSet):
        return assert_type(event.offset_seconds, float)
    if isinstance(event, dashget.RecordingProgressed):
        assert_type(event.tracks, tuple[dashget.LiveTrack, ...])
        return assert_type(event.pending, int)
    return event


def muxing(root: Path) -> None:
    chosen = dashget.MuxOptions(check=True)
    with dashget.Session() as session:
        for muxed in session.mux(root, "x.mp4", chosen, video="best1", subtitles="files=vtt"):
            assert_type(muxed, dashget.Muxed)
        session.mux(root, "x.mp4", cover=(root / "x.jpg").read_bytes(), overwrite=True)
        session.mux(root, "x.mp4", check="yes")  # type: ignore[arg-type]


def failing(call: Iterator[None]) -> str | None:
    try:
        next(call)
    except dashget.FieldError as error:
        return error.field
    except dashget.SessionClosedError as error:
        return error.hint
    except dashget.UsageError as error:
        value_error: ValueError = error
        return str(value_error)
    except (dashget.MPDSyntaxError, dashget.UnsupportedMPDError) as error:
        return error.message
    except dashget.MPDValidityError as error:
        assert_type(error.issues, tuple[dashget.Issue, ...])
    except dashget.FetchError as error:
        assert_type(error.status, int | None)
    except (dashget.MPDError, dashget.SelectionError) as error:
        return error.hint
    except dashget.InUseError as error:
        assert_type(error.pid, int | None)
    except (dashget.ManifestFetchError, dashget.StoreError) as error:
        assert_type(error.exit_code, int)
    except dashget.LimitReachedError as error:
        return error.hint
    except dashget.MuxError as error:
        return error.message
    except dashget.MirrorIncompleteError as error:
        assert_type(error.paths, tuple[str, ...])
    except dashget.DashGetError as error:
        return error.hint
    return None


async def asyncio_twins(root: Path) -> None:
    async with dashget.aio.Session(in_flight=8) as session:
        show = await session.open("https://example.com/x.mpd")
        assert_type(show, dashget.aio.Loaded)
        assert_type(show.manifest, dashget.LoadedManifest)
        assert_type(await show.plan(video="best"), Iterator[dashget.PlannedSegment])
        assert_type(await show.mirror(root, video="best"), dashget.Summary)
        async for event in show.mirror_events(root):
            assert_type(event, dashget.Event)
        assert_type(await session.verify(root, remote=True), dashget.Report)
    loaded = await dashget.aio.load("x.mpd")
    assert_type(loaded, dashget.LoadedManifest)
    assert_type(await dashget.aio.mirror(loaded, root, in_flight=8), dashget.Summary)
    assert_type(await dashget.aio.verify(root), dashget.Report)
    async with dashget.aio.Session() as session:
        assert_type(await session.mux(root, "x.mp4", check=True), tuple[dashget.Muxed, ...])
        async for event in session.mux_events(root, "x.mkv"):
            assert_type(event, dashget.Event)
