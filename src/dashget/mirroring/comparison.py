"""Compare the record of a file with the server's answer to a HEAD request."""

from __future__ import annotations

import enum
from typing import Any

from dashget.common.url import without_user
from dashget.store import FileRecord
from dashget.transfer.contract import Fetched, Job, MemorySink, Method, Request, Sink


class Likeness(enum.Enum):
    """What size and validators tell about a recorded file and that on the server."""

    SAME = "same"
    OTHER = "other"
    OPEN = "open"
    """The size is the same; the validators differ, or there are none for a new address."""


def comparison_job(
    known: FileRecord | None, urls: tuple[str, ...], payload: Any, size: int | None = None
) -> Job:
    """Return the HEAD request that compares a file; the URL that it came from is asked first.

    ``size`` is that of a file without a record.
    """
    if known is not None:
        urls, size = source_first(known, urls), size_there(known)
    return Job(Request(urls, Method.HEAD, expects=size), _no_sink, payload)


def source_first(known: FileRecord, urls: tuple[str, ...]) -> tuple[str, ...]:
    """Return the URLs with the one first that the recorded file came from, if that is known."""
    source = _source_url(known, urls)
    if source is None:
        return urls
    return (source, *(url for url in urls if url != source))


def compare(known: FileRecord, fetched: Fetched, urls: tuple[str, ...]) -> Likeness:
    """Compare a recorded file with the server's: size, then the best validator.

    ``urls`` are those that were asked. If another one answered than the file came from, the
    size alone is compared: a validator means nothing elsewhere. If the file came from none of
    them, the same size alone leaves it open.
    """
    # Some servers code what they send, and tell the size of the file that they have.
    if fetched.size not in (known.size, size_there(known)):
        return Likeness.OTHER
    source = _source_url(known, urls)
    if not known.size or source not in (None, fetched.head.asked):
        return Likeness.SAME
    agree = _validators_agree(known, fetched)
    if agree is None:
        agree = known.url == without_user(urls[0]) or source is not None
    return Likeness.SAME if agree else Likeness.OPEN


def _validators_agree(known: FileRecord, fetched: Fetched) -> bool | None:
    """Compare the ETags, or else the times; None if there are none to compare."""
    if known.etag and fetched.head.etag:
        return known.etag.removeprefix("W/") == fetched.head.etag.removeprefix("W/")
    if known.last_modified and fetched.head.last_modified:
        return known.last_modified == fetched.head.last_modified
    return None


def is_only_retagged(known: FileRecord, fetched: Fetched) -> bool:
    """Return True if a file has the recorded size and modification time, whatever its ETag is."""
    modified = fetched.head.last_modified
    same_size = fetched.size in (known.size, size_there(known))
    return same_size and modified is not None and modified == known.last_modified


def size_there(known: FileRecord) -> int:
    """Return the size that a recorded file has on the server, where it may be coded."""
    return known.size if known.coded_size is None else known.coded_size


def _source_url(known: FileRecord, urls: tuple[str, ...]) -> str | None:
    """Return the URL that a file came from; None after a redirect, which hides it."""
    url = known.final_url or known.url
    return url if url in urls else next((u for u in urls if without_user(u) == url), None)


def _no_sink(_: Job) -> Sink:
    """Return the sink of a HEAD request, which has no body."""
    return MemorySink(0)
