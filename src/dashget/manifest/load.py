"""From a source - a URL, a file, standard input - to a resolved presentation."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import msgspec

from dashget.common.digests import sha256_hex
from dashget.errors import GONE_STATUSES, FetchError, Issue, ManifestFetchError
from dashget.manifest.lookups import RemoteEntity, Unreached, fetch_remote_elements, learn_time
from dashget.manifest.source import Source, check_base, read_file, read_stdin
from dashget.mpd.model import MPD
from dashget.mpd.parse import DEFAULT_LIMITS, ParseLimits, parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.layout import SafePath, manifest_name
from dashget.transfer.contract import Fetched, Request
from dashget.transfer.engine import Engine


class Loaded(msgspec.Struct, frozen=True):
    """A presentation and the document that it was read from.

    ``fetched`` says how the MPD came; None for a file or standard input.
    """

    source: Source
    data: bytes
    mpd: MPD
    presentation: Presentation
    name: SafePath
    """The MPD's path in a mirror."""
    fetched: Fetched | None = None
    now: datetime.datetime | None = None
    """The wall-clock time that a live presentation was resolved for."""
    remote: tuple[RemoteEntity, ...] = ()
    """What was fetched for the document's remote elements."""
    issues: tuple[Issue, ...] = ()
    """What was odd about looking up remote elements and the time."""
    partial: bool = False
    """Whether a remote element was not to be had, so that more may belong to the presentation."""
    unreached: tuple[Unreached, ...] = ()
    """Those that may be had another time: without them, a mirror is not complete."""

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """All that is odd about the document and what it refers to."""
        return (*self.presentation.warnings, *self.issues)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the document, in hexadecimal digits."""
        return sha256_hex(self.data)


def load_manifest(
    source: Source,
    engine: Engine,
    *,
    base_url: str | None = None,
    now: datetime.datetime | None = None,
    allow_downgrade: bool = False,
    limits: ParseLimits = DEFAULT_LIMITS,
    read_input: Callable[[int], bytes] = lambda most: read_stdin(most),
) -> Loaded:
    """Fetch or read the MPD, parse and resolve it.

    ``now`` is the wall-clock time for a dynamic presentation; None finds it out as the
    document says. ``allow_downgrade`` lets a document from https name http.
    Raises ManifestFetchError where it cannot be had, MPDError where it is not an MPD or
    cannot be mirrored.
    """
    fetched: Fetched | None = None
    if source.url is not None:
        fetched, data = _fetch(source.url, engine, limits.max_bytes)
        url = fetched.url
    elif source.path is not None:
        data = read_file(source.path, limits.max_bytes + 1)
        url = source.local_url()
    else:
        data, url = read_input(limits.max_bytes + 1), source.local_url()
    mpd = parse_mpd(data, limits=limits)
    base = None if base_url is None else check_base(base_url)
    mpd, remote, issues, unreached = fetch_remote_elements(mpd, base or url, engine)
    lacking = bool(issues)
    if mpd.type == "dynamic" and now is None:
        now, more = learn_time(mpd, base or url, fetched, engine)
        issues += more
    presentation = resolve(
        mpd,
        url=url,
        base_url=base,
        now=now,
        allow_downgrade=allow_downgrade,
    )
    name = manifest_name(url if source.url or source.path else presentation.url)
    partial = lacking or any(w.clause == "5.5.3" for w in presentation.warnings)
    shown_now = now if presentation.dynamic else None
    return Loaded(
        source,
        data,
        mpd,
        presentation,
        name,
        fetched,
        shown_now,
        remote,
        issues,
        partial,
        unreached,
    )


def _fetch(url: str, engine: Engine, max_bytes: int) -> tuple[Fetched, bytes]:
    try:
        return engine.fetch(Request((url,)), max_bytes=max_bytes)
    except FetchError as error:
        raise ManifestFetchError(
            f"cannot fetch the manifest {url}: {error.message}",
            hint=error.hint or _hint_for(error),
        ) from error


def _hint_for(error: FetchError) -> str:
    if error.status in (401, 403):
        return "the server wants authorization: give it with -H 'Authorization: ...' or a cookie"
    if error.status in GONE_STATUSES:
        return "check the URL; the server answers, but has nothing there"
    return "check the URL and the network, then try again"
