"""Prove that recorded files are what the server has, where size and validators leave it open.

A presentation that has moved to another host has other validators for the same bytes. What
proves that a file is the same, in this order:

1. a checksum of the whole file that the server states, compared with that of the file here;
2. the whole file, if it is small: it is fetched into memory, and compared;
3. samples: ranges at the beginning, at the end and in between. They prove only what they show.

A file whose own checksum is recorded is read first: if it is no longer what was recorded, nothing
proves that it is the same.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.stopping import StoppedError
from dashget.mirroring.comparison import size_there
from dashget.transfer.contract import Job, MemorySink, Request, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashget.common.stopping import Stop
    from dashget.store import FileRecord, Mirror
    from dashget.transfer.contract import Fetched, Hooks, Transfers

SAMPLE_BYTES: Final = 16 * 1024
_WHOLE_BYTES: Final = 4 * SAMPLE_BYTES
"""Up to this size all of a file is compared: samples would be little less."""
_SAMPLES: Final = 3
_STRIDE_BYTES: Final = 64 << 20
"""One more sample for so many bytes."""
_SAMPLES_AT_MOST: Final = 32
_BATCH_FILES: Final = 1000
_BATCH_BYTES: Final = 256 << 20
"""Of so many files or bytes at most, checksums are computed before any of them is sampled."""


class Verdict(enum.Enum):
    """What was found out about a file."""

    SAME = enum.auto()
    SAMPLED = enum.auto()
    """The same as far as samples show."""
    OTHER = enum.auto()
    """Different, or nothing proves that it is the same."""
    LEFT = enum.auto()
    """The run was stopped before."""


class Doubt(msgspec.Struct, eq=False):
    """A recorded file that may be the same on the server, and the server's answer to HEAD."""

    known: FileRecord
    answer: Fetched
    payload: Any = None
    """The caller's."""
    samples_left: int = 0
    differs: bool = False
    """True if a sample differs, or was not obtained."""
    decided: bool = False


class _Sample(msgspec.Struct, frozen=True, eq=False):
    """The payload of the request for one sample."""

    doubt: Doubt
    span: ByteRange
    sink: MemorySink


def sample_spans(size: int) -> tuple[ByteRange, ...]:
    """Return the ranges to compare of a file: all of it, or samples at even distances."""
    if size <= _WHOLE_BYTES:
        return (ByteRange(0, size - 1),)
    count = min(_SAMPLES + size // _STRIDE_BYTES, _SAMPLES_AT_MOST)
    firsts = ((size - SAMPLE_BYTES) * place // (count - 1) for place in range(count))
    return tuple(ByteRange(first, first + SAMPLE_BYTES - 1) for first in firsts)


class Proving:
    """Decides about files that are in doubt: calls ``decide`` once for each of them.

    With ``exact``, samples are no proof. ``count`` is called with the result of each request.
    """

    def __init__(
        self,
        store: Mirror,
        decide: Callable[[Doubt, Verdict], object],
        *,
        count: Callable[[Doubt, Fetched | TransferError], object],
        exact: bool = False,
    ) -> None:
        self._store = store
        self._report = decide
        self._count = count
        self._exact = exact
        self._no_ranges = False

    def run(
        self, doubts: Sequence[Doubt], engine: Transfers, stop: Stop, hooks: Hooks | None = None
    ) -> None:
        """Decide about all files, or as many as ``stop`` leaves time for."""
        try:
            for batch in _batches(doubts):
                if not stop.requested:
                    jobs = self._samples(self._unproved(batch, stop))
                    engine.run(jobs, self._done, hooks=hooks)
        finally:
            for doubt in doubts:
                if not doubt.decided:
                    self._decide(doubt, Verdict.LEFT)

    def _unproved(self, batch: Sequence[Doubt], stop: Stop) -> list[Doubt]:
        """Look for a checksum that proves each file; return those that only samples can prove."""
        left = []
        for doubt in batch:
            if stop.requested:
                break
            try:
                proved = self._by_checksum(doubt, stop)
            except StoppedError:
                break
            if proved is None and not self._exact:
                left.append(doubt)
            else:
                self._decide(doubt, Verdict.SAME if proved else Verdict.OTHER)
        return left

    def _by_checksum(self, doubt: Doubt, stop: Stop) -> bool | None:
        """Return True if a checksum proves that a file is the same, False if it is not.

        None: no checksum tells.
        """
        from dashget.common.digests import find_digest, stated_digests

        known, head = doubt.known, doubt.answer.head
        # Those of a coded file are of other bytes than lie here.
        stated = {} if known.codings else stated_digests(head.digests, head.etag)
        wanted = {*stated, "sha256"} if known.sha256 else set(stated)
        if not wanted:
            return None
        try:
            here = self._store.digests(known.path, wanted, stop.check)
        except OSError:
            return False
        if known.sha256 and here["sha256"].hex() != known.sha256:
            return False
        if any(here[name] == value for name, values in stated.items() for value in values):
            return True
        # Of HEAD's answer, only these are about the file for certain.
        certain = find_digest(head.digests, status=206) if stated else None
        return None if certain is None else False

    def _samples(self, doubts: Sequence[Doubt]) -> Iterator[Job]:
        for doubt in doubts:
            size = size_there(doubt.known)
            spans = _spans(doubt.known)
            if not spans or (self._no_ranges and size > _WHOLE_BYTES):
                self._decide(doubt, Verdict.OTHER)
                continue
            doubt.samples_left = len(spans)
            for span in spans:
                sink = MemorySink(span.size_bytes or 0)
                whole = span.size_bytes == size
                urls = (doubt.answer.head.asked,)
                plain = not doubt.known.codings
                request = Request(urls, range=None if whole else span, plain=plain)
                yield Job(request, _sink_of, _Sample(doubt, span, sink))

    def _done(self, job: Job, result: Fetched | TransferError) -> None:
        """Compare a sample with the bytes here; decide about the file with its last one."""
        sample: _Sample = job.payload
        doubt = sample.doubt
        self._count(doubt, result)
        if isinstance(result, TransferError) and result.cancelled:
            return
        doubt.samples_left -= 1
        if isinstance(result, TransferError):
            doubt.differs = True
            self._no_ranges = self._no_ranges or result.status == 200
        elif not doubt.differs:
            doubt.differs = not self._is_equal(sample)
        if not doubt.samples_left:
            whole = size_there(doubt.known) <= _WHOLE_BYTES
            alike = Verdict.SAME if whole else Verdict.SAMPLED
            self._decide(doubt, Verdict.OTHER if doubt.differs else alike)

    def _decide(self, doubt: Doubt, verdict: Verdict) -> None:
        doubt.decided = True
        self._report(doubt, verdict)

    def _is_equal(self, sample: _Sample) -> bool:
        came, known = sample.sink.data, sample.doubt.known
        try:
            with self._store.open(known.path) as file:
                if known.codings:
                    from dashget.mirroring.codings import is_same_coded

                    return is_same_coded(file, bytes(came), known)
                file.seek(sample.span.first)
                return file.read(len(came) + 1)[: sample.span.size_bytes] == came
        except OSError:
            return False


def _spans(known: FileRecord) -> tuple[ByteRange, ...]:
    """Return the ranges of a file on the server that are compared; none if nothing tells."""
    size = size_there(known)
    if not known.codings or size <= _WHOLE_BYTES:
        return sample_spans(size)
    from dashget.mirroring.codings import trailer_of

    trailer = trailer_of(known)
    return () if trailer is None else (trailer,)


def _sink_of(job: Job) -> MemorySink:
    sample: _Sample = job.payload
    return sample.sink


def _batches(doubts: Sequence[Doubt]) -> Iterator[Sequence[Doubt]]:
    """Divide files into batches of so many files or bytes at most; one large file is a batch."""
    begin = size = 0
    for place, doubt in enumerate(doubts):
        size += doubt.known.size
        if place - begin >= _BATCH_FILES or (size > _BATCH_BYTES and place > begin):
            yield doubts[begin:place]
            begin, size = place, doubt.known.size
    if begin < len(doubts):
        yield doubts[begin:]
