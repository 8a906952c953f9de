"""From what the user names - a URL, a file, standard input - to a resolved presentation."""

from __future__ import annotations

import datetime
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from dashget.common.digests import sha256_hex
from dashget.common.lateregex import late
from dashget.common.validation import FieldError, Wrong, path, require
from dashget.errors import FetchError, Issue, ManifestFetchError, UsageError
from dashget.manifest.lookups import RemoteEntity, Unreached, fetch_remote_elements, learn_time
from dashget.mpd.model import MPD
from dashget.mpd.parse import DEFAULT_LIMITS, ParseLimits, parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.layout import SafePath, manifest_name
from dashget.transfer.contract import Fetched, Request
from dashget.transfer.engine import Engine

_HAS_SCHEME: Final = late(r"[A-Za-z][A-Za-z0-9+.-]+:")
_USERINFO: Final = late("//[^/]*@")
STDIN: Final = "-"


class Source(msgspec.Struct, frozen=True):
    """What the user named, read once.

    ``name`` identifies the presentation in the record: the URL without credentials and
    anchor, the absolute path of a file, or the base URL of standard input. ``url`` is set
    for http(s), ``path`` for a file; neither is for standard input. ``user`` holds the
    credentials that were in the URL, as ``name:password``. With ``nameless``, many manifests
    may have this name: standard input without a base URL, or with that of a folder.
    """

    name: str
    url: str | None = None
    path: Path | None = None
    user: str | None = None
    nameless: bool = False


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


def parse_source(source: str | os.PathLike[str], *, base_url: str | None = None) -> Source:
    """Read what a user gave as the manifest; UsageError for what cannot be one.

    What is not text but a path is a file, whatever it looks like. ``base_url`` is checked, too,
    so that nothing is fetched before; with a URL it is refused: where that led is the base.
    """
    if base_url is not None:
        _checked_base(base_url)
    if not isinstance(source, str):
        require("source", source, path, "load")
    text = os.fspath(source)
    if not text:
        raise UsageError("the URL is empty", hint="a URL looks like https://host/path.mpd")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(
            "the URL holds bytes that are no text", hint="percent-encode them, as in %E9"
        ) from None
    if not isinstance(source, str):
        return _parse_path(text)
    if text == STDIN:
        nameless = base_url is None or urlsplit(base_url).path.rpartition("/")[2] == ""
        return Source(name=base_url or "standard input", nameless=nameless)
    if _HAS_SCHEME.match(text) and not (os.name == "nt" and Path(text).exists()):
        parsed = _parse_url(text)
        if base_url is not None:
            wrong = "only for a manifest from a file or standard input, not from a URL"
            hint = "leave it out; a manifest from a URL is its own base"
            raise FieldError("base_url", Wrong(wrong, hint))
        return parsed
    return _parse_path(text)


def load_manifest(
    source: Source,
    engine: Engine,
    *,
    base_url: str | None = None,
    now: datetime.datetime | None = None,
    allow_downgrade: bool = False,
    limits: ParseLimits = DEFAULT_LIMITS,
    read_stdin: Callable[[int], bytes] = lambda most: _read_stdin(most),
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
        data = _read(source.path, limits.max_bytes + 1)
        url = source.path.resolve().as_uri()
    else:
        data, url = read_stdin(limits.max_bytes + 1), (Path.cwd() / "stdin.mpd").as_uri()
    mpd = parse_mpd(data, limits=limits)
    base = None if base_url is None else _checked_base(base_url)
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


def _parse_url(text: str) -> Source:
    try:
        parts = urlsplit(text.strip())
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        port_is_valid = False
    if not port_is_valid:
        raise UsageError(
            f"{_USERINFO.sub('//', text)!r} is not a valid URL", hint="check the host and the port"
        )
    if parts.scheme.lower() not in ("http", "https"):
        raise UsageError(
            f"cannot read {parts.scheme.lower()}: URLs",
            hint="give an http:// or https:// URL, or the path of a local .mpd file",
        )
    if not parts.hostname:
        raise UsageError(
            f"{_USERINFO.sub('//', text)!r} names no host",
            hint="a URL looks like https://host/path.mpd",
        )
    user: str | None = None
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    host = parts.netloc.rpartition("@")[2]
    clean = urlunsplit((parts.scheme.lower(), host, parts.path or "/", parts.query, ""))
    return Source(name=clean, url=clean, user=user)


def _parse_path(text: str) -> Source:
    place = Path(text)
    try:
        is_directory = stat.S_ISDIR(place.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise UsageError(
            f"{text!r} is neither a URL nor a file",
            hint="a URL begins with http:// or https://; - reads standard input",
        ) from None
    except OSError as error:
        raise ManifestFetchError(
            f"cannot read {text!r}: {error.strerror}", hint="check the path and its rights"
        ) from error
    if is_directory:
        raise UsageError(f"{text!r} is a directory", hint="name the .mpd file itself")
    return Source(name=str(place.resolve()), path=place)


def _checked_base(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.username is not None:
        raise FieldError("base_url", Wrong("it holds credentials", "give them with --user"))
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        hint = "give the URL that the MPD would have, for example https://host/path/x.mpd"
        raise FieldError("base_url", Wrong(f"must be an http or https URL: {text!r}", hint))
    return text


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
    if error.status in (404, 410):
        return "check the URL; the server answers, but has nothing there"
    return "check the URL and the network, then try again"


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise ManifestFetchError(
            f"cannot read {path}: {error.strerror or error}", hint="check the path and its rights"
        ) from error


def _read_stdin(most: int) -> bytes:
    if sys.stdin is None:
        reason = "it is closed"
    else:
        try:
            return sys.stdin.buffer.read(most)
        except OSError as error:
            reason = error.strerror or str(error)
    raise ManifestFetchError(
        f"cannot read standard input: {reason}", hint="pipe the MPD into it, or name a file"
    )
