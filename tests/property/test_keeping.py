"""Rolling recordings on a real disk: a kill at any moment leaves no record of files that are gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dashget.events import Event, SegmentsExpired
from dashget.live.facts import LineFact, SessionFact
from dashget.live.options import Wishes
from dashget.live.state import State
from dashget.recording import keeping
from dashget.recording.facts import read_facts, write_fact
from dashget.recording.keeping import Keeper
from dashget.recording.ledger import Ledger
from dashget.store import RECORD_VERSION, FileRecord, Header, LocalDirectory, Mirror

BEGIN = 1_700_000_000
TRACKS = 3
STEP = 2
BODY = b"x" * 100
HEADER = Header(RECORD_VERSION, "http://h/x.mpd", "http://h/x.mpd", "x.mpd", recording=True)


class KilledError(BaseException):
    """The process ends here."""


class Killing(LocalDirectory):
    """A directory that dies before its n-th change, or with half of a line written."""

    def __init__(self, root: Path, dies_at: int | None) -> None:
        super().__init__(root)
        self.left = dies_at
        own = self.append

        def append(line: bytes) -> None:
            self._step(lambda: own(line[: len(line) // 2]))
            own(line)

        self.append = append

    def _step(self, half: Callable[[], object] = lambda: None) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                if self.left == -1:
                    half()
                raise KilledError

    def delete(self, path: str) -> None:
        self._step()
        super().delete(path)
        self._step()

    def put(self, path: str, data: bytes) -> None:
        self._step()
        super().put(path, data)

    def rewrite_record(self, head: object, begin: int) -> None:
        self._step()
        super().rewrite_record(head, begin)  # type: ignore[arg-type]
        self._step()


def record(store: Mirror, root: Path, first: int, last: int) -> None:
    """Record segments of all tracks."""
    for number in range(first, last):
        for track in range(TRACKS):
            path = f"t{track}/{number}.m4s"
            (root / path).parent.mkdir(exist_ok=True, parents=True)
            (root / path).write_bytes(BODY)
            store.note(
                FileRecord(path, f"http://h/{path}", len(BODY), line=track + 1, t=number * STEP,
                           d=STEP, n=number)
            )  # fmt: skip


def begin(store: Mirror, root: Path) -> None:
    """Record initialization segments, and the lines of the tracks."""
    write_fact(store, SessionFact("begin", BEGIN))
    for track in range(TRACKS):
        write_fact(store, LineFact(track + 1, f"t{track}/ time/1", origin=BEGIN, label=f"t{track}"))
        path = f"t{track}/init.mp4"
        (root / path).parent.mkdir(exist_ok=True, parents=True)
        (root / path).write_bytes(BODY)
        store.note(FileRecord(path, f"http://h/{path}", len(BODY)))
    store.note(
        FileRecord("l/1.m4s", "http://h/l/1.m4s", 5, media=True, time="2023-11-14T22:13:30Z")
    )
    (root / "l").mkdir(exist_ok=True)
    (root / "l/1.m4s").write_bytes(b"12345")


def check(root: Path, *, at_rest: bool) -> State:
    """Hold the record against the files: what it tells to be here is here."""
    store = Mirror.at(root, read_only=True)
    state = State.of(read_facts(store, "x.mpd"))
    there = {path.path for path in store.iter_files()}
    told = set()
    for each in store.records():
        kept = each.line is None or not state.is_expired(each.line, each.t or 0)
        if each.media:
            kept = state.expired < BEGIN + 10
        if kept:
            told.add(each.path)
            assert each.path in there, f"{each.path} is told to be here"
    for line in state.lines:
        for run in line.recorded:
            for k in range(run.count):
                assert f"t{line.id - 1}/{run.number + k}.m4s" in told
    assert not any(len(line.known) > 1 for line in state.lines)
    if at_rest:
        assert there == told
    return state


def keep(
    root: Path, wishes: Wishes, now: float, dies_at: int | None, told: list[Event]
) -> tuple[Ledger, Mirror]:
    writing = threading.Lock()
    store = Mirror(Killing(root, None))
    store.claim(HEADER)
    store.place.left = dies_at  # type: ignore[attr-defined]
    ledger = Ledger(store, "x.mpd", writing)
    earlier: list[float] = []

    def before(time: float) -> None:
        # It is told of before anything of it goes.
        earlier.append(time)
        assert all(
            (root / f"t{line.id - 1}/{run.number}.m4s").exists()
            for line in ledger.state.lines
            for run in line.recorded
        )

    keeper = Keeper(store, ledger, wishes, writing, told.append, before)
    try:
        expired = keeper.run(now)
        assert (expired is None) == (not any(isinstance(e, SegmentsExpired) for e in told[-1:]))
        ledger.keep_up()
        ledger.write()
    finally:
        store.place.left = None  # type: ignore[attr-defined]
        store.place.release()
    return ledger, store


@pytest.fixture(autouse=True)
def shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the record written anew early."""
    monkeypatch.setattr(keeping, "_LEAST_DEAD", 2_000)


WISHES = st.sampled_from([Wishes(keep_seconds=30.0), Wishes(keep_bytes=4_000),
                          Wishes(keep_seconds=60.0, keep_bytes=5_000)])  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(WISHES, st.lists(st.integers(0, 300), max_size=4))
@example(Wishes(keep_seconds=30.0), [])
@example(Wishes(keep_bytes=4_000), [0, 1, 2, 3])
def test_a_kill_at_any_moment_damages_nothing(
    tmp_path_factory: pytest.TempPathFactory, wishes: Wishes, kills: list[int]
) -> None:
    root = tmp_path_factory.mktemp("r")
    store = Mirror.at(root)
    store.claim(HEADER)
    begin(store, root)
    store.close()
    number = 0
    for dies_at in [*kills, None, None]:
        store = Mirror.at(root)
        store.claim(HEADER)
        record(store, root, number, number + 25)
        number += 25
        store.close()
        try:
            keep(root, wishes, BEGIN + number * STEP, dies_at, [])
        except KilledError:
            check(root, at_rest=False)
    state = check(root, at_rest=True)
    held = sum(path.stat().st_size for path in root.glob("*/*.m4s"))
    inits = 100 * TRACKS
    assert state.held == held + inits
    if wishes.keep_bytes is not None:
        assert state.held <= wishes.keep_bytes
    else:
        oldest = min(run.time for line in state.lines for run in line.recorded)
        assert number * STEP - 30 - STEP <= oldest + STEP <= number * STEP - 30 + 2 * STEP
    assert all((root / f"t{track}/init.mp4").exists() for track in range(TRACKS))


def test_the_record_stays_short(tmp_path: Path) -> None:
    store = Mirror.at(tmp_path)
    store.claim(HEADER)
    begin(store, tmp_path)
    store.close()
    sizes = []
    for turn in range(12):
        store = Mirror.at(tmp_path)
        store.claim(HEADER)
        record(store, tmp_path, turn * 25, turn * 25 + 25)
        store.close()
        keep(tmp_path, Wishes(keep_seconds=30.0), BEGIN + (turn * 25 + 25) * STEP, None, [])
        sizes.append((tmp_path / ".dashget/record.jsonl").stat().st_size)
    assert max(sizes[4:]) <= 1.2 * max(sizes[:4])
    state = check(tmp_path, at_rest=True)
    assert {len(line.recorded) for line in state.lines} == {1}
    assert Mirror.at(tmp_path, read_only=True).header() is not None


def test_the_record_and_the_manifests_count_as_well(tmp_path: Path) -> None:
    store = Mirror.at(tmp_path)
    store.claim(HEADER)
    begin(store, tmp_path)
    record(store, tmp_path, 0, 100)
    store.append_to("manifests.log", bytes(3_000))
    store.close()
    for most in (40_000, 20_000, 4_000):
        own = sum(path.stat().st_size for path in (tmp_path / ".dashget").iterdir())
        keep(tmp_path, Wishes(keep_bytes=most), BEGIN + 100 * STEP, None, [])
        state = check(tmp_path, at_rest=True)
        assert state.held <= most - min(own, most // 2)
        assert all(line.recorded.count for line in state.lines)
