"""Compare the record of a file with the server's answer to a HEAD request."""

from __future__ import annotations

from typing import Any

from dashget.store import FileRecord
from dashget.transfer.contract import Fetched, Job, MemorySink, Method, Request, Sink


def comparison_job(known: FileRecord | None, urls: tuple[str, ...], payload: Any) -> Job:
    """Return the HEAD request that compares a file; the URL that it came from is asked first."""
    if known is not None:
        urls = source_first(known, urls)
    return Job(Request(urls, Method.HEAD), _no_sink, payload)


def source_first(known: FileRecord, urls: tuple[str, ...]) -> tuple[str, ...]:
    """Return the URLs with the one first that the recorded file came from, if that is known."""
    source = _source_url(known, urls)
    if source is None:
        return urls
    return (source, *(url for url in urls if url != source))


def is_same(known: FileRecord, fetched: Fetched, urls: tuple[str, ...]) -> bool:
    """Return True if the server still has the recorded file: size, then the best validator.

    ``urls`` are those that were asked. If another one answered than the file came from, the
    size alone is compared: a validator means nothing elsewhere.
    """
    if fetched.size != known.size:
        return False
    if _source_url(known, urls) not in (None, fetched.head.asked):
        return True
    if known.etag and fetched.head.etag:
        return known.etag.removeprefix("W/") == fetched.head.etag.removeprefix("W/")
    if known.last_modified and fetched.head.last_modified:
        return known.last_modified == fetched.head.last_modified
    return True


def _source_url(known: FileRecord, urls: tuple[str, ...]) -> str | None:
    """Return the URL that a file came from; None after a redirect, which hides it."""
    url = known.final_url or known.url
    return url if url in urls else None


def _no_sink(_: Job) -> Sink:
    """Return the sink of a HEAD request, which has no body."""
    return MemorySink(0)
