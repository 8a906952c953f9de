"""Find the samples of a stretch in its files, and look for damage on the way."""

from __future__ import annotations

from typing import Final

from dashget.common.stopping import Stop
from dashget.media.isobmff import BoxError, iter_boxes
from dashget.mux.direct.fragments import Run, UnknownMediaError, read_defaults, read_runs
from dashget.mux.direct.tables import Table
from dashget.mux.errors import StoppedError
from dashget.mux.source import JoinedFile, read_box, read_bytes

_HEADER_BYTES: Final = 16
_LARGEST_FRAGMENT: Final = 1 << 24
_PASSED: Final = frozenset(
    ("ftyp", "styp", "sidx", "ssix", "emsg", "prft", "free", "skip", "uuid", "mfra", "moov")
)


def scan(joined: JoinedFile, piece_ticks: int, stop: Stop) -> Table | None:
    """Return the samples of the joined files of a stretch; their positions are those in there.

    None for what only libavformat knows: anything but clear fragmented MP4 of one track. Raises
    MirrorIncompleteError for damage, and OSError.
    """
    try:
        return _Scan(joined, Table(piece_ticks)).run(stop)
    except (UnknownMediaError, BoxError, StopIteration, IndexError):
        return None


class _Scan:
    def __init__(self, joined: JoinedFile, table: Table) -> None:
        self._joined = joined
        self._defaults = read_defaults(read_box(joined, "moov"))
        self._table = table
        self._moof: tuple[bytes, int] | None = None
        self._media: list[tuple[int, int]] = []
        """The begin and the end of the bytes of media that came after the fragment."""

    def run(self, stop: Stop) -> Table:
        position = 0
        for span, end in zip(self._joined.spans, self._joined.ends, strict=True):
            if stop.requested:
                raise StoppedError
            # What is added to an offset in the file to have it in the joined ones.
            shift = position - span.first
            while position < end:
                position = self._pass_box(position, end, shift)
            self._take(shift)
        if not self._table.sizes:
            raise UnknownMediaError("no samples")
        return self._table

    def _pass_box(self, position: int, end: int, shift: int) -> int:
        """Look at the box at a position, and return its end."""
        box = next(iter_boxes(self._read(position, min(_HEADER_BYTES, end - position))))
        size = end - position if box.size is None else box.size
        if position + size > end:
            raise UnknownMediaError(f"a box {box.type} that ends in another file")
        if box.type == "moof":
            self._take(shift)
            if size > _LARGEST_FRAGMENT:
                raise UnknownMediaError(f"a moof box of {size} bytes")
            self._moof = self._read(position, size), position
        elif box.type == "mdat":
            self._media.append((position + box.payload, position + size))
        elif box.type not in _PASSED:
            raise UnknownMediaError(f"a box {box.type}")
        return position + size

    def _take(self, shift: int) -> None:
        """Note the samples of the fragment that was begun last, now that its media are known."""
        if self._moof is not None:
            moof, start = self._moof
            runs = read_runs(moof, start, shift, self._defaults)
            if not self._are_here(runs):
                # Where a fragment counts from the begin of all files that were joined once.
                runs = read_runs(moof, start, 0, self._defaults)
                if not self._are_here(runs):
                    raise UnknownMediaError("a fragment whose media are elsewhere")
            for run in runs:
                self._table.append(run)
        self._moof = None
        self._media.clear()

    def _are_here(self, runs: list[Run]) -> bool:
        return all(
            any(
                begin <= run.position and run.position + run.size <= end
                for begin, end in self._media
            )
            for run in runs
        )

    def _read(self, position: int, count: int) -> bytes:
        self._joined.seek(position)
        data = self._joined.read(count)
        return data if len(data) == count else read_bytes(self._joined, position, count)
