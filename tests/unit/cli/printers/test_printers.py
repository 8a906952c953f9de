"""Output of a run for people and programs."""

from __future__ import annotations

import io
import json

import msgspec
import pytest

from dashget.cli.printers.jsonlines import JsonLines
from dashget.cli.printers.meter import Meter
from dashget.cli.printers.plain import PlainLines, event_line
from dashget.cli.printers.quiet import QuietLines
from dashget.cli.printers.summary import summary_lines
from dashget.cli.printers.terminal import LiveTerminal
from dashget.events import (
    BegunAnew,
    Event,
    Failure,
    FileFinished,
    FileStarted,
    ManifestLoaded,
    Outcome,
    Playback,
    Progressed,
    RetryScheduled,
    Summary,
    TrackPlanned,
    Warned,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def manifest() -> ManifestLoaded:
    return ManifestLoaded("http://h/x.mpd", 900, "static", 1, 2, "show")


def track(number: int = 0, files: int | None = 10, estimate: int | None = 1000) -> TrackPlanned:
    label = f"64x36 ({number})"
    return TrackPlanned(number, 0, f"v{number}", "video", label, None, estimate, files)


def finished(
    outcome: Outcome = Outcome.DOWNLOADED, path: str = "v/1.m4s", size: int | None = 100
) -> FileFinished:
    return FileFinished(path, "http://h/" + path, outcome, size, track=0, reason="HTTP 404")


def progressed(transferred: int = 0) -> Progressed:
    return Progressed(transferred, 0, 0, False, 2, 0)


def summary(**changes: object) -> Summary:
    base = Summary(
        root="show",
        manifest="show/x.mpd",
        url="http://h/x.mpd",
        files=3,
        bytes=3000,
        transferred=2000,
        seconds=2.0,
        requests=3,
        outcomes={Outcome.DOWNLOADED: 2, Outcome.PRESENT: 1},
    )
    return msgspec.structs.replace(base, **changes)


FAILED = summary(
    outcomes={Outcome.DOWNLOADED: 2, Outcome.FAILED: 1},
    failures=(Failure("v/\x1b2.m4s", "http://h/v/2.m4s", "HTTP 404 Not Found", 1, 404),),
    hint="it may be faulty",
)


def test_the_summary_of_a_complete_run_tells_how_to_play_it() -> None:
    lines = list(summary_lines(summary(playback=Playback.SERVER)))
    assert lines[0] == "Complete: 3 files, 3.00 kB"
    assert lines[1] == "  2 downloaded, 1 already there"
    assert lines[2] == "  received 2.00 kB in 2.00 s (1.00 kB/s), 3 requests"
    assert lines[-1] == "  play it with: dashget play show"
    assert lines[:-1] == list(summary_lines(summary()))


def test_every_failure_is_named_with_its_reason_and_attempts() -> None:
    lines = list(summary_lines(FAILED))
    assert lines[0].startswith("Incomplete: 1 of 3 files failed")
    text = "\n".join(lines)
    assert "failed: v/\\x1b2.m4s" in text
    assert "HTTP 404 Not Found (1 attempt)" in text
    assert "http://h/v/2.m4s" in text
    assert lines[-1].startswith("hint: ")


def test_the_hint_of_a_run_is_the_last_line() -> None:
    failed = msgspec.structs.replace(FAILED, hint="use\x1b --cert")
    assert list(summary_lines(failed))[-1] == "hint: use\\x1b --cert"


def test_failures_of_one_cause_are_one_line_with_their_number_and_the_first_three() -> None:
    failures = tuple(
        Failure(f"v/{i}.m4s", f"http://h/v/{i}.m4s", "HTTP 404 Not Found", 2, 404)
        for i in range(244)
    )
    other = Failure("a.mp4", "http://h/a.mp4", "connection refused", 6)
    many = summary(failures=(*failures, other), outcomes={Outcome.FAILED: 245})
    told = [line for line in summary_lines(many) if "failed: " in line]
    assert told == [
        "  failed: 244 files: HTTP 404 Not Found (2 attempts each): v/0.m4s, v/1.m4s, v/2.m4s"
        " and 241 more; -v or --json lists them all",
        "  failed: a.mp4",
    ]
    told = [line for line in summary_lines(many, verbose=True) if "failed: " in line]
    assert len(told) == 245
    assert told[-2] == "  failed: v/243.m4s"


@pytest.mark.parametrize(
    "reasons",
    [
        ("the body ended after 7 of 9 bytes", "the body ended after 12 of 4000 bytes"),
        ("cannot be stored: no: show/v/0.m4s", "cannot be stored: no: show/v/1.m4s"),
        ("HTTP 503, to be asked again in 9 s", "HTTP 503, to be asked again in 10 s"),
        (
            """the server sent JSON '{"error": "expired", "request": "5ccd-ab"}' instead""",
            """the server sent JSON '{"error": "expired", "request": "fade-0c"}' instead""",
        ),
        ("invalid box at 0: type '$ab0'", "invalid box at 3076: type 'Q_x '"),
        ("refused, reference 18.5d1f0217", "refused, reference 9a.cc0217ff"),
    ],
)
def test_sizes_times_and_names_in_a_reason_make_no_other_cause(reasons: tuple[str, str]) -> None:
    failures = tuple(
        Failure(f"v/{i}.m4s", "http://h/", reasons[i % 2], 1 + i, 503) for i in range(2)
    )
    (line,) = (line for line in summary_lines(summary(failures=failures * 2)) if "failed: " in line)
    assert line.startswith(f"  failed: 4 files: {reasons[0]} (1 to 2 attempts each): v/0.m4s, ")


def test_many_causes_are_cut_and_the_rest_is_counted() -> None:
    causes = "abcdefghijklmnopqrstuvwxyz"
    many = summary(failures=tuple(Failure("f", "u", each, 0) for each in causes) * 3)
    lines = list(summary_lines(many))
    assert "  failed: 3 files: a (not attempted): f, f, f" in lines
    assert "  ... and 18 more; -v or --json lists them all" in lines


def test_while_a_run_is_under_way_three_files_of_a_cause_are_named() -> None:
    stream, printer = plain()
    for number in range(9):
        printer(finished(Outcome.FAILED, f"v/{number}.m4s", size=None))
    assert stream.getvalue().splitlines() == [
        "failed: v/0.m4s: HTTP 404",
        "failed: v/1.m4s: HTTP 404",
        "failed: v/2.m4s: HTTP 404",
        "failed: more files: HTTP 404; the summary counts them",
    ]


def test_an_interrupted_run_is_not_called_complete() -> None:
    lines = list(summary_lines(summary(interrupted=True, hint="run it again")))
    assert lines[0].startswith("Interrupted")
    assert lines[-1] == "hint: run it again"


def test_the_summary_counts_kept_bytes_of_unfinished_files() -> None:
    lines = list(summary_lines(summary(interrupted=True, kept_files=2, kept_bytes=1500)))
    assert "  kept 1.50 kB of 2 unfinished files for the next run" in lines
    assert "kept" not in "\n".join(summary_lines(summary(interrupted=True)))


def test_absent_segments_are_named() -> None:
    few = summary(outcomes={Outcome.ABSENT: 1}, absent=("v/\x1b6.m4s",))
    assert "  absent on the server: v/\\x1b6.m4s" in list(summary_lines(few))
    many = summary(outcomes={Outcome.ABSENT: 9}, absent=tuple("abcdefghi"))
    lines = list(summary_lines(many))
    assert [line[-1] for line in lines if line.startswith("  absent")] == ["a", "b", "c"]
    assert "  ... and 6 more; -v or --json lists them all" in lines
    assert "  absent on the server: i" in list(summary_lines(many, verbose=True))


def test_a_dry_run_says_that_nothing_was_downloaded() -> None:
    planned = summary(dry_run=True, outcomes={Outcome.PLANNED: 7}, files=0, bytes=0)
    assert list(summary_lines(planned)) == [
        "Dry run: nothing was downloaded; 0 files, 0 B already there",
        "  7 to fetch",
    ]


EVENTS: list[Event] = [
    manifest(),
    Warned("odd", "MPD/Period[1]", 3, "5.3.2"),
    track(),
    FileStarted("v/1.m4s", "http://h/v/1.m4s", 0, 5),
    RetryScheduled("v/1.m4s", "http://h/v/1.m4s", 1, 0.5, "HTTP 503"),
    finished(),
    progressed(100),
    FAILED,
]


def test_a_restarted_file_is_shown_with_the_dropped_bytes() -> None:
    event = BegunAnew("v/\x1b1.m4s", "u", 90_000, "the resource has changed")
    assert event_line(event, verbose=True) == (
        "starting again: v/\\x1b1.m4s: the resource has changed (90.0 kB dropped)"
    )
    assert event_line(event, verbose=False) is None


def test_json_is_one_object_per_line_and_the_summary_is_last() -> None:
    stream = io.BytesIO()
    printer = JsonLines(stream)
    for event in EVENTS:
        printer(event)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "manifest", "warning", "track", "started", "retry", "file", "progress", "summary",
    ]  # fmt: skip
    assert lines[5]["outcome"] == "downloaded"
    assert lines[-1]["outcomes"] == {"downloaded": 2, "failed": 1}
    assert lines[-1]["failures"][0]["status"] == 404
    assert lines[3]["offset"] == 5


def test_each_json_event_has_the_time_of_day() -> None:
    stream, clock = io.BytesIO(), Clock()
    printer = JsonLines(stream, now=clock)
    for moment in (1.0, 1.25, 1.999, 2.0, 951_782_399.5):
        clock.now = moment
        printer(Warned("odd"))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["time"] for line in lines] == [
        "1970-01-01T00:00:01.000Z",
        "1970-01-01T00:00:01.250Z",
        "1970-01-01T00:00:01.999Z",
        "1970-01-01T00:00:02.000Z",
        "2000-02-28T23:59:59.500Z",
    ]
    assert all(line["message"] == "odd" for line in lines)


def test_json_progress_comes_at_most_once_a_second() -> None:
    clock = Clock()
    stream = io.BytesIO()
    printer = JsonLines(stream, clock=clock)
    for _ in range(30):
        printer(progressed())
        clock.now += 0.1
    assert len(stream.getvalue().splitlines()) == 3


def plain(clock: Clock | None = None, **options: bool) -> tuple[io.StringIO, PlainLines]:
    stream = io.StringIO()
    return stream, PlainLines(stream, clock=clock or Clock(), **options)


def quiet() -> tuple[io.StringIO, QuietLines]:
    stream = io.StringIO()
    return stream, QuietLines(stream)


def test_a_pipe_gets_whole_lines_without_control_characters() -> None:
    stream, printer = plain(verbose=True)
    for event in EVENTS:
        printer(event)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\r" not in text
    assert text.endswith("\n")
    assert "warning: MPD/Period[1], line 3: odd (5.3.2)" in text
    assert "retrying v/1.m4s in 0.50 s (attempt 2): HTTP 503" in text
    again = RetryScheduled("v/1.m4s", "u", 1, 0.0, "HTTP 404", at_end=True)
    assert event_line(again, verbose=True) == "v/1.m4s will be tried again at the end: HTTP 404"
    assert "downloaded: v/1.m4s (100 B)" in text


def test_a_pipe_gets_a_progress_line_every_five_seconds() -> None:
    clock = Clock()
    stream, printer = plain(clock)
    printer(track(files=4))
    printer(finished())
    for _ in range(40):
        clock.now += 0.25
        printer(progressed(int(clock.now * 1000)))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "1/4 files" in lines[0]
    assert "/s" in lines[0]


def test_quiet_says_nothing_about_a_clean_run() -> None:
    stream, printer = quiet()
    for event in (manifest(), finished(), progressed(), summary()):
        printer(event)
    assert stream.getvalue() == ""


def test_quiet_still_warns() -> None:
    stream, printer = quiet()
    for event in (manifest(), Warned("odd"), finished(), progressed(), summary()):
        printer(event)
    assert stream.getvalue() == "warning: odd\n"


def test_quiet_still_reports_failures() -> None:
    stream, printer = quiet()
    printer(FAILED)
    assert "404" in stream.getvalue()


def test_no_progress_keeps_all_other_lines() -> None:
    clock = Clock()
    stream, printer = plain(clock, progress=False)
    printer(manifest())
    clock.now += 60
    printer(progressed())
    assert stream.getvalue().count("\n") == 1


def test_failures_are_reported_at_once_on_a_pipe() -> None:
    stream, printer = plain()
    printer(finished(Outcome.FAILED, size=None))
    assert stream.getvalue() == "failed: v/1.m4s: HTTP 404\n"


def test_the_meter_estimates_from_bandwidth_until_sizes_are_known() -> None:
    meter = Meter(Clock())
    meter.update(track(files=10, estimate=5000))
    assert meter.bytes_expected == 5000
    for _ in range(3):
        meter.update(finished(size=100))
    assert meter.bytes_expected == 1000
    assert meter.fraction == pytest.approx(0.3)


def test_the_meter_computes_the_rate_over_the_last_seconds() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.update(track(files=10, estimate=100_000))
    for step in range(101):
        meter.update(progressed(step * 100))
        clock.now += 0.1
    assert meter.rate == pytest.approx(1000)
    assert meter.seconds_left == pytest.approx(100)


def test_the_meter_counts_segments_where_sizes_are_unknown() -> None:
    meter = Meter(Clock())
    meter.update(track(files=4, estimate=None))
    meter.update(finished(size=None))
    assert meter.fraction == 0.25


def test_one_representation_over_many_periods_is_one_line() -> None:
    meter = Meter(Clock())
    for number in range(3):
        meter.update(TrackPlanned(number, number, "v1", "video", "64x36 (v1)", 4, 100, 5))
    assert [line.files for line in meter.tracks] == [15]


def test_retries_are_shown_until_they_end() -> None:
    meter = Meter(Clock())
    meter.update(RetryScheduled("v/1.m4s", "u", 1, 0.5, "HTTP 503"))
    assert list(meter.retrying) == ["v/1.m4s"]
    meter.update(finished())
    assert not meter.retrying


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(
    monkeypatch: pytest.MonkeyPatch, lines: int = 12, columns: int = 100
) -> tuple[Tty, Clock, LiveTerminal]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream, clock = Tty(), Clock()
    return stream, clock, LiveTerminal(stream, clock=clock)


def test_a_terminal_shows_bars_totals_and_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, clock, printer = terminal(monkeypatch)
    for event in EVENTS[:5]:
        printer(event)
    clock.now += 1
    printer(progressed(500))
    text = stream.getvalue()
    assert "64x36 (0)" in text
    assert "0/10" in text
    assert "files" in text
    assert "retrying v/1.m4s" in text
    printer.close()
    assert stream.getvalue().count("\x1b[?25h") == 1


def test_a_terminal_gets_its_cursor_back_before_the_summary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream, clock, printer = terminal(monkeypatch)
    for event in EVENTS:
        clock.now += 1
        printer(event)
    text = stream.getvalue()
    assert text.index("\x1b[?25h") < text.index("Incomplete")
    assert "\x1b2.m4s" not in text


def test_more_tracks_than_lines_are_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, clock, printer = terminal(monkeypatch, lines=10)
    for number in range(40):
        printer(track(number))
    clock.now += 1
    printer(progressed(1))
    assert "and 35 more" in stream.getvalue()
    printer.close()


def test_a_terminal_is_redrawn_at_most_ten_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream, clock, printer = terminal(monkeypatch)
    printer(track())
    printer(progressed())
    drawn = len(stream.getvalue())
    clock.now += 0.05
    printer(progressed())
    assert len(stream.getvalue()) == drawn
    clock.now += 0.06
    printer(progressed())
    assert len(stream.getvalue()) > drawn
    printer.close()


@pytest.mark.parametrize("columns", [120, 80, 60, 40])
def test_a_narrow_terminal_shows_percentage_rate_and_failures(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    stream, clock, printer = terminal(monkeypatch, columns=columns)
    printer(track(files=1000, estimate=10_000_000))
    printer(finished(Outcome.FAILED, size=None))
    for step in range(3):
        clock.now += 1
        printer(progressed(step * 1_000_000))
    last = stream.getvalue().split("\x1b[2K")[-1]
    assert "0%" in last
    assert "1 failed" in last
    assert "1.00 MB/s" in last
    printer.close()


@pytest.mark.parametrize(
    ("manifest", "playback", "line"),
    [
        ("show/x.mpd", Playback.SERVER, "play it with: dashget play show"),
        ("a b/x.MPD", Playback.SERVER, "play it with: dashget play 'a b'"),
        ("x.mpd", Playback.SERVER, "play it with: dashget play ."),
        ("/x.mpd", Playback.SERVER, "play it with: dashget play /"),
        ("-n/x.mpd", Playback.SERVER, "play it with: dashget play ./-n"),
        ("show/x.mpd", Playback.FILE, "mpv show/x.local.mpd"),
        (
            "show/x.mpd",
            Playback.FILE_OF_ANY_NAME,
            "mpv --demuxer-lavf-o=allowed_extensions=ALL show/x.local.mpd",
        ),
        ("a b%20/x.mpd", Playback.FILE, "mpv 'a b%20/x.local.mpd'"),
        ("it's/日本.mpd", Playback.FILE, """mpv 'it'"'"'s/日本.local.mpd'"""),
        ("-n/x.mpd", Playback.FILE, "mpv ./-n/x.local.mpd"),
        ("at:3/x.mpd", Playback.FILE, "mpv ./at:3/x.local.mpd"),
        ("/at:3/x.mpd", Playback.FILE, "mpv /at:3/x.local.mpd"),
        ("a/at:3/x.mpd", Playback.FILE, "mpv a/at:3/x.local.mpd"),
        ("No. #1/x.mpd", Playback.FILE, "cd 'No. #1' && mpv x.local.mpd"),
        ("-?/-x.mpd", Playback.FILE, "cd './-?' && mpv ./-x.local.mpd"),
        ("a\x1b'\\é/x.mpd", Playback.FILE, r"mpv $'a\x1b\'\\é/x.local.mpd'"),
    ],
)
def test_the_last_line_works_when_it_is_pasted(
    manifest: str, playback: Playback, line: str
) -> None:
    last = list(summary_lines(summary(manifest=manifest, playback=playback)))[-1]
    assert last.strip() == line or last.endswith(f", or with: {line}")
