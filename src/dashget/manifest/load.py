"""From a source - a URL, a file, standard input - to a resolved presentation."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.digests import sha256_hex
from dashget.errors import (
    GONE_STATUSES,
    FetchError,
    Issue,
    ManifestFetchError,
    MPDError,
    MPDSyntaxError,
)
from dashget.manifest.document import fetch_document
from dashget.manifest.lookups import (
    RemoteEntity,
    Unreached,
    fetch_remote_elements,
    learn_time,
)
from dashget.manifest.source import Source, check_base, read_file, read_stdin
from dashget.mpd.budget import DEFAULT_LIMITS, Budget, WorkLimits
from dashget.mpd.model import MPD
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.layout import SafePath, manifest_name, root_name
from dashget.transfer.contract import Fetched, Transfers, Validators
from dashget.transfer.http.origin import shown

if TYPE_CHECKING:
    from dashget.mpd.knowntimelines import KnownTimelines


_NOT_MODIFIED: Final = 304


class LoadedManifest(msgspec.Struct, frozen=True, eq=False):
    """A presentation and the document that it was read from."""

    source: Source
    data: bytes
    mpd: MPD
    presentation: Presentation
    name: SafePath
    """The MPD's path in a mirror."""
    root_name: str
    """The mirror's default directory, named after what the user typed: the URL or the base URL,
    else the file's place. Neither a redirect nor the document has a say in it."""
    fetched: Fetched | None = None
    """How the MPD was fetched; None for a file or standard input."""
    now: datetime.datetime | None = None
    """The wall-clock time that a live presentation was resolved for."""
    remote: tuple[RemoteEntity, ...] = ()
    """The content of the document's remote elements."""
    issues: tuple[Issue, ...] = ()
    """Problems with remote elements and with the clock."""
    partial: bool = False
    """True if a remote element is missing: more may belong to the presentation."""
    unreached: tuple[Unreached, ...] = ()
    """Missing remote elements that may exist; without them, a mirror is incomplete."""
    seconds: float = 0.0
    """How long it took to open the manifest."""
    asked_at: float = 0.0
    answered_at: float = 0.0
    """Between these two times, by the clock that it was loaded with, the server has answered."""
    budget: Budget = msgspec.field(default_factory=Budget)
    """What is left of the work that the document may cause."""

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """All warnings about the document and its remote elements."""
        return (*self.presentation.warnings, *self.issues)

    def __repr__(self) -> str:
        kind, name = self.presentation.type.value, shown(self.source.name)
        return f"<{type(self).__name__} {name}: {kind}, {len(self.presentation.periods)} Periods>"

    @property
    def sha256(self) -> str:
        """The SHA-256 of the document, in hexadecimal digits."""
        return sha256_hex(self.data)


def load_manifest(
    source: Source,
    engine: Transfers,
    *,
    base_url: str | None = None,
    now: datetime.datetime | None = None,
    allow_downgrade: bool = False,
    limits: WorkLimits = DEFAULT_LIMITS,
    attempts: int | None = None,
    known: KnownTimelines | None = None,
    clock: Callable[[], float] = time.monotonic,
    read_input: Callable[[int], bytes] = lambda most: read_stdin(most),
) -> LoadedManifest:
    """Fetch or read the MPD, parse and resolve it.

    ``now`` is the wall-clock time for a dynamic presentation; None finds it out as the
    document says. ``allow_downgrade`` lets a document from https name http. ``attempts`` is how
    often the MPD is tried; None: as often as the engine's options say. ``known`` has the timelines
    of the document before.
    Raises ManifestFetchError if it cannot be read, and MPDError if it is not an MPD or cannot be
    mirrored.
    """
    started = clock()
    budget = Budget(limits)
    fetched: Fetched | None = None
    answered = started
    if source.url is not None:
        fetched, data, read = _fetch(source.url, engine, budget, attempts, known)
        mpd = read or parse_mpd(data, budget=budget)
        url = fetched.url
        answered = max(started, clock() - _body_seconds(fetched))
    else:
        most = limits.max_bytes + 1
        data = read_input(most) if source.path is None else read_file(source.path, most)
        url = source.local_url()
        mpd = parse_mpd(data, budget=budget)
    base = None if base_url is None else check_base(base_url)
    loaded = _complete(
        source, data, mpd, url, engine, budget,
        base=base, now=now, allow_downgrade=allow_downgrade, fetched=fetched,
    )  # fmt: skip
    return msgspec.structs.replace(
        loaded, seconds=clock() - started, asked_at=started, answered_at=answered
    )


class Unchanged(msgspec.Struct, frozen=True, eq=False):
    """That a document is the same as before."""

    fetched: Fetched | None = None
    """How it was fetched; None: its server has said so without sending it."""
    asked_at: float = 0.0
    answered_at: float = 0.0


def load_again(
    source: Source,
    engine: Transfers,
    last: LoadedManifest | None,
    *,
    now: datetime.datetime | None,
    allow_downgrade: bool,
    limits: WorkLimits,
    known: KnownTimelines,
    unless: Validators | None,
    clock: Callable[[], float] = time.monotonic,
) -> LoadedManifest | Unchanged:
    """Load the MPD anew, asked for once; what has the bytes and the place of ``last`` is not read.

    ``unless`` has what tells if it is still the same. Raises as ``load_manifest``.
    """
    if source.url is None:
        raise ValueError("a manifest without a URL")
    started, budget = clock(), Budget(limits)
    before = None if last is None else last.data
    try:
        fetched, data, read = _fetch(
            source.url, engine, budget, 1, known, unless=unless, last=before
        )
    except ManifestFetchError as error:
        cause = error.__cause__
        if unless is not None and isinstance(cause, FetchError) and cause.status == _NOT_MODIFIED:
            return Unchanged()
        raise
    answered = max(started, clock() - _body_seconds(fetched))
    here = None if last is None else place_of(last.presentation.url)
    if data == before and here == place_of(fetched.url) and not (last and last.unreached):
        return Unchanged(fetched, started, answered)
    mpd = read or parse_mpd(data, budget=budget, known=known)
    loaded = _complete(
        source, data, mpd, fetched.url, engine, budget,
        base=None, now=now, allow_downgrade=allow_downgrade, fetched=fetched,
        remembered=None if last is None else last.remote,
    )  # fmt: skip
    return msgspec.structs.replace(
        loaded, seconds=clock() - started, asked_at=started, answered_at=answered
    )


def place_of(url: str) -> str:
    """Return what relative references are resolved against: a query may change."""
    return url.partition("?")[0]


def read_manifest(
    source: Source,
    data: bytes,
    url: str,
    engine: Transfers,
    *,
    now: datetime.datetime | None,
    allow_downgrade: bool,
    limits: WorkLimits,
    known: KnownTimelines | None = None,
    remembered: tuple[RemoteEntity, ...] | None = None,
) -> LoadedManifest:
    """Parse and resolve an MPD that did not come by itself, as if it had come from a URL.

    What is ``remembered`` of its remote elements stands for what cannot be had. Raises MPDError,
    as ``load_manifest``.
    """
    budget = Budget(limits)
    mpd = parse_mpd(data, budget=budget, known=known)
    return _complete(
        source, data, mpd, url, engine, budget,
        base=None, now=now, allow_downgrade=allow_downgrade, fetched=None, remembered=remembered,
    )  # fmt: skip


def _complete(
    source: Source,
    data: bytes,
    mpd: MPD,
    url: str,
    engine: Transfers,
    budget: Budget,
    *,
    base: str | None,
    now: datetime.datetime | None,
    allow_downgrade: bool,
    fetched: Fetched | None,
    remembered: tuple[RemoteEntity, ...] | None = None,
) -> LoadedManifest:
    """Fetch what a document refers to, and resolve it."""
    mpd, remote, issues, unreached = fetch_remote_elements(
        mpd, base or url, engine, budget, remembered
    )
    lacking = bool(issues or unreached)
    if mpd.type == "dynamic" and now is None:
        now, more = learn_time(mpd, base or url, fetched, engine, budget)
        issues += more
    try:
        presentation = resolve(
            mpd, url=url, base_url=base, now=now, allow_downgrade=allow_downgrade, budget=budget
        )
    except MPDError as error:
        error.warnings += issues
        raise
    name = manifest_name(url if source.url or source.path else presentation.url)
    partial = lacking or any(w.clause == "5.5.3" for w in presentation.warnings)
    shown_now = now if presentation.dynamic else None
    return LoadedManifest(
        source,
        data,
        mpd,
        presentation,
        name,
        root_name(source.url or base or url),
        fetched,
        shown_now,
        remote,
        issues,
        partial,
        unreached,
        budget=budget,
    )


def _fetch(
    url: str,
    engine: Transfers,
    budget: Budget,
    attempts: int | None,
    known: KnownTimelines | None,
    *,
    unless: Validators | None = None,
    last: bytes | None = None,
) -> tuple[Fetched, bytes, MPD | None]:
    """Fetch and parse the MPD; one that is cut short or empty is requested again.

    None for one that is ``last``, or not whole.
    """
    parsed: list[MPD] = []

    def is_whole(data: bytes) -> bool:
        if data == last:
            parsed.clear()
            return True
        try:
            again = Budget(budget.limits)
            parsed.append(parse_mpd(data, budget=again, known=known))
        except MPDSyntaxError as error:
            if error.truncated:
                return False
            raise
        budget.take(again)
        return True

    try:
        fetched, data = fetch_document(
            url, engine, budget.limits.max_bytes, is_whole, attempts=attempts, unless=unless
        )
    except FetchError as error:
        raise ManifestFetchError(
            f"cannot fetch the manifest {url}: {error.message}",
            hint=_hint_for(error),
        ) from error
    return fetched, data, parsed[0] if parsed else None


def _body_seconds(fetched: Fetched) -> float:
    """Return how long the answer took after it had begun, as far as that is known."""
    first = fetched.first_byte_seconds
    return 0.0 if first is None or fetched.requests > 1 else max(fetched.seconds - first, 0.0)


def _hint_for(error: FetchError) -> str:
    status = error.status or 0
    if status == 429:
        # A manifest is one request: a lower number of transfers changes nothing.
        return "the server limits requests: try again later"
    if error.hint is not None:
        return error.hint
    if status in GONE_STATUSES:
        return "check the URL; the server has no such file"
    if status >= 500:
        return "the fault is the server's: try again later"
    if status >= 400:
        return "the server refuses this request: check the URL, and the headers that it may want"
    return "check the URL and the network, then try again"
