"""Fetch what a document refers to: remote elements, the time, indexes, initialization segments.

The pure core says which resource it needs, and is called again with its content.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.numbers import utc_of
from dashget.common.url import without_user
from dashget.errors import GONE_STATUSES, FetchError, Issue, MPDError, Retry, UnsupportedMPDError
from dashget.manifest.document import fetch_document
from dashget.mpd.budget import RAISED_BY, Budget
from dashget.mpd.model import MPD, RemoteElement
from dashget.mpd.presentation import SingleAddressing
from dashget.mpd.urls import resolve_reference
from dashget.planning.tracks import Track
from dashget.transfer.contract import Fetched, Method, Patience, Request, Transfers, told

if TYPE_CHECKING:
    from dashget.media.isobmff import Protections
    from dashget.mpd.clock import ClockSource

_MOST_ROUNDS: Final = 8
_AGAIN_SECONDS: Final = 5.0
"""So long a remote element may take where an earlier document stands for it: segments go on."""
_IMPORTED: Final = "another MPD, which a Period imports: mirror it by its own URL"
_CLOCK_BYTES: Final = 4096
_CLOCK_PATIENCE: Final = Patience(attempts=2, seconds=5.0)
"""Segments come and go while a clock is waited for, and a late answer tells little."""
_MOST_INDEX_ROUNDS: Final = 16
_INITIALIZATION_BYTES: Final = 16 * 1024 * 1024
_INDEX_BYTES: Final = 64 * 1024 * 1024
_INDEX_REQUESTS: Final = 2
"""What the index of a file needs, where index boxes do not refer to others."""


class Unreached(msgspec.Struct, frozen=True):
    """A remote element whose content is missing: it may exist, or nothing is in its place."""

    url: str
    reason: str


class RemoteEntity(msgspec.Struct, frozen=True):
    """The content of a remote element: ``href`` as written, ``url`` as fetched."""

    href: str
    url: str
    data: bytes


def fetch_remote_elements(
    mpd: MPD,
    url: str,
    engine: Transfers,
    budget: Budget,
    remembered: Sequence[RemoteEntity] | None = None,
) -> tuple[MPD, tuple[RemoteEntity, ...], tuple[Issue, ...], tuple[Unreached, ...]]:
    """Put all remote elements of a document in their place (5.5), nested ones included.

    A missing one is an issue, and the element's own content stays, as the standard says. Unless
    its server says that it does not exist, it is ``Unreached`` as well; so is one without content.
    What is ``remembered`` of an earlier document stands for what cannot be had now: that is tried
    once, for some seconds.
    """
    again = None if remembered is None else {each.href: each for each in remembered}
    entities: dict[str, RemoteEntity] = {}
    issues: list[Issue] = []
    unreached: list[Unreached] = []
    for _ in range(_MOST_ROUNDS):
        if not mpd.remote:
            break
        # Loaded late, as below: most documents have none.
        from dashget.mpd.remote import include_remote

        content: dict[str, bytes | None] = {}
        for element in mpd.remote:
            if element.href in content:
                continue
            known = entities.get(element.href)
            if known is None:
                old = None if again is None else again.get(element.href)
                if old is not None and unreached:
                    # One that does not answer is waited for, not each of them.
                    unreached.append(Unreached(old.url, unreached[0].reason))
                    known = old
                else:
                    known = _obtain_entity(
                        element, url, engine, budget, issues, unreached, once=again is not None
                    )
                known = known or old
            if known is not None:
                entities[element.href] = known
            content[element.href] = None if known is None else known.data
        mpd = include_remote(mpd, content, budget=budget)
    unreached.extend(Unreached(resolve_reference(url, e.href), e.reason) for e in mpd.endless)
    if mpd.base_urls:
        url = resolve_reference(url, mpd.base_urls[0].url)
    unreached.extend(
        Unreached(resolve_reference(url, imported.href), _IMPORTED) for imported in mpd.imported
    )
    return mpd, tuple(entities.values()), tuple(issues), tuple(unreached)


def include_entities(mpd: MPD, entities: Sequence[RemoteEntity], budget: Budget) -> MPD:
    """Put stored remote elements in their place; those that are missing stay remote."""
    from dashget.mpd.remote import include_remote

    content: dict[str, bytes | None] = {entity.href: entity.data for entity in entities}
    for _ in range(_MOST_ROUNDS):
        if not any(element.href in content for element in mpd.remote):
            break
        mpd = include_remote(mpd, content, budget=budget)
    return mpd


def learn_time(
    mpd: MPD, url: str, fetched: Fetched | None, engine: Transfers, budget: Budget
) -> tuple[datetime.datetime, tuple[Issue, ...]]:
    """Return the wall-clock time for a dynamic presentation (5.8.4.11).

    UTCTiming in document order, else the ``Date`` of the MPD's response, else this
    computer's clock.
    """
    # Only needed for live presentations.
    from dashget.mpd.clock import ClockMethod, clock_sources, read_clock

    sources, notes = clock_sources(mpd, url)
    issues = list(notes)
    most = left = budget.limits.max_clocks
    for source in sources[:most]:
        source = msgspec.structs.replace(source, urls=source.urls[:left])
        left -= len(source.urls)
        try:
            return _as_datetime(ask_clock(source, engine, budget)), tuple(issues)
        except (FetchError, MPDError, ValueError) as error:
            message = str(error) if isinstance(error, ValueError) else error.message
            issues.append(Issue(f"UTCTiming ({source.method.value}): {message}", clause="5.8.4.11"))
    if len(sources) > most:
        message = f"{len(sources)} UTCTiming; the first {most} are asked; {RAISED_BY}"
        issues.append(Issue(message, "MPD"))
    if fetched is not None and fetched.head.date is not None:
        try:
            clock = read_clock(ClockMethod.HTTP_HEAD, b"", fetched.head.date)
            return _as_datetime(clock), tuple(issues)
        except ValueError as error:
            issues.append(Issue(f"Date of the manifest's response: {error}"))
    return datetime.datetime.now(datetime.UTC), tuple(issues)


def read_indexes(
    tracks: Sequence[Track], engine: Transfers, budget: Budget
) -> Iterator[tuple[Track, Issue | None]]:
    """Replace the index of each single-file track by that of its subsegments.

    A file without an index keeps its one segment; so does one whose index cannot be fetched or
    read, with an issue. Raises UnsupportedMPDError for more requests than ``budget`` has.
    """
    for track in tracks:
        representation = track.representation
        budget.grant_requests(_INDEX_REQUESTS)
        try:
            index = _read_index(track, engine, budget)
        except UnsupportedMPDError:
            raise
        except (FetchError, MPDError) as error:
            message = f"the index of Representation {representation.id}: {error.message}"
            issue = Issue(message, representation.where, representation.line, "5.3.9.2")
            yield track, issue
        else:
            yield index, None


def read_protections(
    tracks: Sequence[Track], engine: Transfers, budget: Budget
) -> tuple[dict[int, Protections], tuple[Issue, ...]]:
    """Read the encryption that initialization segments announce, by key of the track.

    Where there is no initialization segment of its own, the beginning of the single file
    is read. A failure to fetch or read one is an issue. Raises UnsupportedMPDError for more
    requests than ``budget`` has.
    """
    from dashget.media.isobmff import BoxError, read_protection

    found: dict[int, Protections] = {}
    issues: list[Issue] = []
    known: dict[Request, Protections] = {}
    for track in tracks:
        request = _initialization_of(track)
        if request is None:
            continue
        try:
            if request not in known:
                budget.grant_requests(1)
                on = "initialization segments"
                _, data = _fetch(request, engine, budget, on, _INITIALIZATION_BYTES)
                known[request] = read_protection(data)
        except (FetchError, BoxError) as error:
            message = error.message if isinstance(error, FetchError) else str(error)
            name = track.representation.id
            text = f"the initialization segment of Representation {name}: {message}"
            issues.append(Issue(text, track.representation.where, track.representation.line))
        else:
            found[track.key] = known[request]
    return found, tuple(issues)


def _initialization_of(track: Track) -> Request | None:
    representation = track.representation
    named, single = representation.initialization, representation.addressing
    if named is not None:
        patterns, span = named.address.patterns, named.range
    elif isinstance(single, SingleAddressing) and single.initialization_range is not None:
        patterns, span = single.media.patterns, single.initialization_range
    else:
        return None
    urls = tuple(pattern.expand(None, None, None) for pattern in patterns)
    return Request(urls, range=span, plain=span is not None)


def _obtain_entity(
    element: RemoteElement,
    url: str,
    engine: Transfers,
    budget: Budget,
    issues: list[Issue],
    unreached: list[Unreached],
    *,
    once: bool,
) -> RemoteEntity | None:
    """Fetch a remote element, unless there are too many; what is none counts as missing."""
    href = element.href
    target = resolve_reference(url, href)
    gone = False
    if not target.lower().startswith(("http://", "https://")):
        reason = "it is not on an http server"
    else:
        budget.spend_requests(1, "remote elements")
        try:
            return _fetch_entity(element, target, engine, budget, once=once)
        except UnsupportedMPDError:
            raise
        except FetchError as error:
            reason, gone = told(error), error.status in GONE_STATUSES
        except MPDError as error:
            reason = error.message
    issues.append(Issue(f"the remote element at {without_user(href)!r}: {reason}", clause="5.5"))
    if element.lacking or not gone:
        unreached.append(Unreached(target, reason))
    return None


def _fetch_entity(
    element: RemoteElement, target: str, engine: Transfers, budget: Budget, *, once: bool
) -> RemoteEntity:
    """Fetch a remote element; raise FetchError, or MPDError for something else in its place."""
    from dashget.mpd.remote import why_unfit

    unfit: str | None = None

    def is_whole(data: bytes) -> bool:
        nonlocal unfit
        unfit = why_unfit(element.element, data, budget)
        return unfit is None

    fetched, data = fetch_document(
        target, engine, budget.limits.max_remote_bytes, is_whole,
        attempts=1 if once else None, seconds=_AGAIN_SECONDS if once else None,
    )  # fmt: skip
    if unfit is not None:
        raise MPDError(unfit)
    return RemoteEntity(element.href, fetched.url, data)


def _fetch(
    request: Request,
    engine: Transfers,
    budget: Budget,
    on: str,
    most: int,
    patience: Patience | None = None,
) -> tuple[Fetched, bytes]:
    """Fetch a resource of at most so many bytes, and spend the URLs that were asked for it.

    Those are all of them, if none has it: more than may be asked are an error.
    """
    urls = request.urls[: max(1, budget.requests_left)]
    budget.spend_requests(1, on)
    try:
        request_now = msgspec.structs.replace(request, urls=urls)
        fetched, data = engine.fetch(request_now, max_bytes=most, patience=patience)
    except FetchError:
        budget.spend_requests(len(request.urls) - 1, on)
        raise
    return fetched, _without_codings(data, fetched, most) if fetched.head.codings else data


def _without_codings(data: bytes, fetched: Fetched, most: int) -> bytes:
    """Return a resource without its content codings; FetchError if that fails."""
    # Loaded late: few servers send them.
    from dashget.common.contentcoding import CodingError, all_decoded

    codings = fetched.head.codings
    try:
        return all_decoded(data, codings, most)
    except CodingError as error:
        reason = f"the {', '.join(codings)} data {error}"
        raise FetchError(reason, retry=Retry.AGAIN, url=fetched.url) from error


def ask_clock(source: ClockSource, engine: Transfers, budget: Budget) -> Fraction:
    """Return the time by a source, in seconds since 1970; FetchError, MPDError or ValueError."""
    from dashget.mpd.clock import ClockMethod, read_clock

    if source.time is not None:
        return source.time
    method = Method.HEAD if source.method is ClockMethod.HTTP_HEAD else Method.GET
    if not source.urls:
        raise ValueError("not asked, since others have too many URLs")
    request = Request(source.urls, method)
    fetched, body = _fetch(request, engine, budget, "clocks", _CLOCK_BYTES, _CLOCK_PATIENCE)
    return read_clock(source.method, body, fetched.head.date)


def _as_datetime(seconds: Fraction) -> datetime.datetime:
    time = utc_of(seconds)
    if time is None:
        raise ValueError("the time is outside of the years 1 to 9999")
    return time


def _read_index(track: Track, engine: Transfers, budget: Budget) -> Track:
    from dashget.segments.subsegments import NeededIndex, read_index

    known: dict[ByteRange, bytes] = {}
    for _ in range(_MOST_INDEX_ROUNDS):
        found = read_index(track.representation, known)
        if found is None:
            return track
        if not isinstance(found, NeededIndex):
            return msgspec.structs.replace(track, index=found)
        urls = tuple(pattern.expand(None, None, None) for pattern in found.address.patterns)
        for wanted in found.ranges:
            request = Request(urls, range=wanted, plain=True)
            _, known[wanted] = _fetch(request, engine, budget, "indexes", _INDEX_BYTES)
    raise MPDError("index boxes refer to each other too often")
