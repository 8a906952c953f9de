"""The picture of a recording."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dashget.cli.printers.timeline import Bar, bars_of, picture
from dashget.live.facts import FileFact, LineFact, LossFact, NamesFact, Reason, SegmentFact
from dashget.live.gaps import Gap, find_gaps, gaps_in
from dashget.live.state import State

BEGIN = 1_700_000_000.0


def test_each_track_has_a_row_on_one_time_line() -> None:
    bars = [
        Bar("video", ((BEGIN, BEGIN + 30), (BEGIN + 40, BEGIN + 60)), ((BEGIN + 30, BEGIN + 40),)),
        Bar("audio", ((BEGIN + 6, BEGIN + 60),), ()),
    ]
    assert list(picture(bars, 36, "utf-8")) == [
        "2023-11-14 22:13:20 to 2023-11-14 22",
        "video ███████████████░░░░░██████████",
        "audio    ███████████████████████████",
        "      22:13:20       22:13:50",
        "█ recorded  ▒ in part  ░ missing",
    ]
    assert list(picture(bars, 36, "ascii"))[1] == "video ###############-----##########"


def test_a_short_gap_is_seen_in_a_long_recording() -> None:
    bar = Bar("v", ((BEGIN, BEGIN + 400_000), (BEGIN + 400_002, BEGIN + 604_800)),
              ((BEGIN + 400_000, BEGIN + 400_002),))  # fmt: skip
    assert list(picture([bar], 80, "utf-8"))[1].count("▒") == 1


def test_without_times_there_is_no_picture() -> None:
    assert list(picture([], 80, "utf-8")) == []
    assert list(picture([Bar("v", (), ())], 80, "utf-8")) == []


SPANS = st.lists(st.integers(0, 500).map(lambda t: (BEGIN + t, BEGIN + t + 7)), max_size=5)


@given(st.lists(st.tuples(st.text(max_size=30), SPANS, SPANS), max_size=4), st.integers(1, 200))
def test_no_row_is_wider_than_the_terminal_and_each_gap_is_seen(
    tracks: list[tuple[str, list[tuple[float, float]], list[tuple[float, float]]]], width: int
) -> None:
    bars = [Bar(name, tuple(sorted(have)), tuple(lack)) for name, have, lack in tracks]
    rows = list(picture(bars, width, "ascii"))
    if not rows:
        return
    for row, bar in zip(rows[1:-2], bars, strict=True):
        if bar.missing:
            assert "+" in row or "-" in row
        assert cell_len(row) <= width
    assert max(map(len, [rows[0], *rows[-2:]])) <= width


def test_lines_of_one_track_are_one_row() -> None:
    state = State.of([
        LineFact(1, "a time/1", label="video", origin=BEGIN),
        LineFact(2, "b time/1", label="video", origin=BEGIN),
        LineFact(3, "c name", label="list"),
        SegmentFact(1, 0, 2, 1),
        SegmentFact(2, 4, 2, 1),
        SegmentFact(3, 0, 1, 1),
    ])  # fmt: skip
    gaps = [*find_gaps(state.lines, state.outages, state.runs),
            Gap(1, "video", BEGIN + 2, BEGIN + 4, 1, Reason.OUTAGE),
            Gap(1, "video", BEGIN + 9, BEGIN + 10, None, Reason.ANNOUNCED)]  # fmt: skip
    assert bars_of(state.lines, state.named, gaps) == [
        Bar("video", ((BEGIN, BEGIN + 2), (BEGIN + 4, BEGIN + 6)), ((BEGIN + 2, BEGIN + 4),))
    ]


def test_lists_and_single_files_have_rows_too() -> None:
    def file(line: int, n: int, at: float, d: int = 2) -> FileFact:
        return FileFact(f"{line}/{n}.m4s", 9, BEGIN, line, n, n * 2, d, 1, BEGIN + at)

    state = State.of([
        NamesFact(1, "a", label="list"),
        NamesFact(2, "b", label="captions"),
        *(file(1, n, 2.0 * n) for n in (0, 1, 2, 5, 6)),
        LossFact(1, 6, 2, 3, 2, Reason.NOT_THERE, 1, (404,), BEGIN, BEGIN + 9),
        file(2, 0, 0, d=0),
        file(2, 1, 5, d=0),
        file(2, 2, 9, d=3),
    ])  # fmt: skip
    gaps = gaps_in(state)
    rows = list(picture(bars_of(state.lines, state.named, gaps), 37, "ascii"))
    assert rows[1:3] == [
        "list     ############--------########",
        "captions ########################",
    ]
