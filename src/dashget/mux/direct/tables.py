"""What is known of the samples of a stretch: a few bytes for each. No I/O."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, groupby, repeat
from operator import add

from dashget.mux.direct.fragments import Run, UnknownMediaError, decode_times

_LARGEST: int = (1 << 31) - 1
"""What libavformat writes as the distance of two samples, or as a composition offset, at most."""


class Repeats:
    """Values in a row, where each one often follows itself."""

    def __init__(self, code: str) -> None:
        self.counts: array[int] = array("I")
        self.values: array[int] = array(code)

    def put(self, count: int, value: int) -> None:
        """Append a value so many times."""
        if not count:
            return
        if not -_LARGEST <= value <= _LARGEST:
            raise UnknownMediaError(f"a time of {value} ticks between two samples")
        if self.values and self.values[-1] == value:
            self.counts[-1] += count
        else:
            self.counts.append(count)
            self.values.append(value)

    def put_all(self, values: Sequence[int]) -> None:
        """Append values one after the other."""
        for value, same in groupby(values):
            self.put(len(list(same)), value)

    def each(self) -> Iterator[int]:
        """Yield each value as often as it was put."""
        return chain.from_iterable(map(repeat, self.values, self.counts))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield counts and values."""
        return zip(self.counts, self.values, strict=True)


class Table:
    """The samples of a stretch; times are ticks of its media.

    Bytes are noted in pieces that last no longer than ``piece_ticks``, nearly: tracks take turns by
    these.
    """

    def __init__(self, piece_ticks: int) -> None:
        self.sizes: array[int] = array("I")
        self.steps = Repeats("i")
        """The distance of each sample from the one before, in decode time: all but the first."""
        self.compositions = Repeats("i")
        self.keys: array[int] | None = None
        """The positions of key pictures; None if each sample is one, as in audio."""
        self.size = 0
        self.first_time = self.first_composition = 0
        self.last_time = self.last_duration = 0
        self.next_time: int | None = None
        self.earliest = self.latest = self.end = 0
        self._piece_ticks = piece_ticks
        # Bytes that follow one another in the source: where, how many, how many samples, when.
        self.positions: array[int] = array("Q")
        self.lengths: array[int] = array("Q")
        self.counts: array[int] = array("I")
        self.moments: array[int] = array("q")

    def append(self, run: Run) -> None:
        """Add a run of samples; UnknownMediaError if a decode time is not behind those before."""
        time = self.next_time if run.time is None else run.time
        if time is None:
            raise UnknownMediaError("a fragment without its decode time")
        times = decode_times(run, time)
        first = not self.sizes
        if first:
            self.first_time = time
            self.first_composition = run.compositions[0] if run.compositions else 0
        elif time <= self.last_time:
            raise UnknownMediaError("decode times that overlap")
        else:
            self.steps.put(1, time - self.last_time)
        self._put_steps(run)
        self._put_presentation(run, times, first=first)
        before = len(self.sizes)
        if run.keys is not None:
            self.keys = array("I") if self.keys is None else self.keys
            self.keys.extend([before + number for number in run.keys])
        self.sizes.extend(run.sizes)
        self._put_bytes(run, times)
        self.last_time = times[-1]
        durations = run.durations
        self.last_duration = durations if isinstance(durations, int) else durations[-1]
        self.next_time = self.last_time + self.last_duration

    @property
    def least_composition(self) -> int:
        """The least distance from decode to presentation time; it may be negative."""
        return min(self.compositions.values, default=0)

    def samples(self) -> Iterator[tuple[int, int, int]]:
        """Yield the decode time, the composition offset and the size of each sample."""
        times = accumulate(self.steps.each(), initial=self.first_time)
        return zip(times, self.compositions.each(), self.sizes, strict=True)

    def _put_steps(self, run: Run) -> None:
        durations = run.durations
        if isinstance(durations, int):
            if not durations and run.count > 1:
                raise UnknownMediaError("samples that do not last")
            self.steps.put(run.count - 1, durations)
            return
        if not all(durations[:-1]):
            raise UnknownMediaError("samples that do not last")
        self.steps.put_all(durations[:-1])

    def _put_presentation(self, run: Run, times: Sequence[int], *, first: bool) -> None:
        shown = times
        if run.compositions is None:
            self.compositions.put(run.count, 0)
        else:
            self.compositions.put_all(run.compositions)
            shown = list(map(add, times, run.compositions))
        durations = run.durations
        if isinstance(durations, int):
            end = max(shown) + durations
        else:
            end = max(map(add, shown, durations))
        earliest, latest = min(shown), max(shown)
        self.earliest = earliest if first else min(self.earliest, earliest)
        self.latest = latest if first else max(self.latest, latest)
        self.end = end if first else max(self.end, end)

    def _put_bytes(self, run: Run, times: Sequence[int]) -> None:
        self.size += run.size
        pieces = max((times[-1] - times[0]) // self._piece_ticks, 1)
        if pieces == 1:
            self._put_piece(run.position, run.size, run.count, times[0])
            return
        position, each = run.position, -(-run.count // pieces)
        for first in range(0, run.count, each):
            sizes = run.sizes[first : first + each]
            length = sum(sizes)
            self._put_piece(position, length, len(sizes), times[first])
            position += length

    def _put_piece(self, position: int, length: int, count: int, moment: int) -> None:
        self.positions.append(position)
        self.lengths.append(length)
        self.counts.append(count)
        self.moments.append(moment)
