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
        case dashget.RetryScheduled():
            assert_type(event.delay_seconds, float)
        case dashget.BegunAnew():
            assert_type(event.dropped, int)
        case dashget.FileFinished():
            assert_type(event.outcome, dashget.Outcome)
        case dashget.Progressed():
            assert_type(event.unfinished, tuple[dashget.Unfinished, ...])
        case dashget.Pruned():
            assert_type(event.paths, tuple[str, ...])
        case dashget.Finding():
            assert_type(event.problem, dashget.Problem)
        case dashget.Report():
            assert_type(event.sound, bool)
        case dashget.Summary():
            assert_type(event.failures, tuple[dashget.Failure, ...])


def running(root: Path) -> None:
    observer: dashget.Observer = observe
    stop = dashget.Stop()
    assert_type(dashget.mirror("x.mpd", observer=observer, stop=stop), dashget.Summary)
    assert_type(dashget.verify(root, observer=observer, stop=stop), dashget.Report)


def failing(call: Iterator[None]) -> str | None:
    try:
        next(call)
    except dashget.FieldError as error:
        return error.field
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
    except (dashget.ManifestFetchError, dashget.StoreError) as error:
        assert_type(error.exit_code, int)
    except dashget.DashGetError as error:
        return error.hint
    return None
