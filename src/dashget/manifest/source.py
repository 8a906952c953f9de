"""The source of a manifest: the URL, the local file or the standard input that the user named.

People type addresses as ``localhost:8000/x.mpd`` and ``example.com/x.mpd``. What names a server and
no file is a URL without its scheme. The scheme is ``https`` as in browsers, and ``http`` for what
seldom has a certificate: this machine, IP addresses, and ports of one's own choice.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from dashget.common.filenames import given, readable
from dashget.common.lateregex import late
from dashget.common.secrets import HidesSecrets
from dashget.common.url import (
    DEFAULT_PORTS,
    Url,
    UrlError,
    check_userinfo,
    http_origin,
    read_host,
    read_port,
    split_host,
    tidy,
    typed,
)
from dashget.common.validation import FieldError, Wrong, path
from dashget.errors import ManifestFetchError, UsageError

_THIS_MACHINE: Final = "localhost"
_ADDRESS: Final = late(r"[0-9]+(?:\.[0-9]+){3}|\[.*\]")
_PUBLIC: Final = late(r".+\.(?:[^\W\d_]{2,63}|xn--[a-z0-9-]+)\.?")
"""A name with a top-level domain, which has no digits unless it is encoded (IDNA)."""
_SECURE_PORT: Final = 443
_USUAL: Final = ("http://", "https://")
_HAS_SCHEME: Final = late(r"[A-Za-z][A-Za-z0-9+.-]+:")
_WITHIN: Final = late(r"https?://[^\s\"'<>()\[\]{}`\u2018-\u201f\u00ab\u00bb]+")
"""A URL in something else, such as quotes, brackets or a command line of another tool."""
STDIN: Final = "-"


class Source(HidesSecrets, frozen=True):
    """The manifest that the user named: a URL, a file, or standard input."""

    name: str
    """Identifies the presentation in the record: the URL without credentials and anchor, the
    absolute path of a file, or the base URL of standard input."""
    url: str | None = None
    """The http(s) URL; None for a file and standard input."""
    path: Path | None = None
    """The path of a file; None for a URL and standard input."""
    user: str | None = None
    """The credentials from the URL, as ``name:password``."""
    nameless: bool = False
    """True if other manifests may have the same name: standard input without a base URL, or with
    the URL of a folder."""
    base_url: str | None = None
    """The URL that a file or standard input came from, if the user gave it."""
    secrets = ("user",)

    @property
    def home(self) -> str:
        """The URL whose origin the user gave; a local one stands for none."""
        return self.url or self.base_url or self.local_url()

    def local_url(self) -> str:
        """Return the ``file:`` URL of a local manifest; standard input is one in this folder."""
        return (self.path or Path("stdin.mpd")).resolve().as_uri()


def parse_source(source: str | os.PathLike[str], *, base_url: str | None = None) -> Source:
    """Parse the source that a user gave; raise UsageError if it is invalid.

    A URL may lack its scheme (see ``with_scheme``). A path object is always a file, whatever its
    name looks like. ``base_url`` is checked as well,
    before anything is fetched; with a URL it is refused, since the final URL is the base.
    """
    if base_url is not None:
        base_url = check_base(base_url)
    if not isinstance(source, str) and path(source) is not None:
        wrong = f"not a path or URL, but of the type {type(source).__name__}"
        hint = "such as 'https://host/path.mpd' or pathlib.Path('saved.mpd')"
        raise FieldError("source", Wrong(wrong, hint))
    text = os.fspath(source)
    if not text:
        raise UsageError("the URL is empty", hint="a URL looks like https://host/path.mpd")
    try:
        readable(text).encode()
    except UnicodeEncodeError:
        raise UsageError(
            "the URL contains bytes that are not text", hint="percent-encode them, as in %E9"
        ) from None
    if not isinstance(source, str):
        return _parse_path(text, base_url)
    if text == STDIN:
        nameless = base_url is None or Url.parse(base_url).path.rpartition("/")[2] == ""
        return Source(name=base_url or "standard input", nameless=nameless, base_url=base_url)
    if text[:1].isspace() and text.lstrip().startswith(_USUAL):
        text = text.lstrip()
    text = with_scheme(text) or text
    has_scheme = text.startswith(_USUAL) or _HAS_SCHEME.match(text)
    if has_scheme and not (os.name == "nt" and Path(text).exists()):
        parsed = _parse_url(readable(text))
        if base_url is not None:
            wrong = "only for a manifest from a file or standard input, not from a URL"
            hint = "leave it out; a manifest from a URL is its own base"
            raise FieldError("base_url", Wrong(wrong, hint))
        return parsed
    return _parse_path(text, base_url)


def check_base(text: str) -> str:
    """Return a base URL, with its scheme; raise FieldError unless it is an http or https URL."""
    text = readable(with_scheme(text) or text)
    url = Url.parse(text)
    if url.userinfo is not None:
        raise FieldError("base_url", Wrong("it contains credentials", "give them with --user"))
    try:
        http_origin(url)
    except UrlError as error:
        hint = "give the URL that the MPD would have, for example https://host/path/x.mpd"
        wrong = Wrong(f"must be an http or https URL: {url.shown!r}: {error}", hint)
        raise FieldError("base_url", wrong) from None
    return text


def read_file(path: Path, most: int) -> bytes:
    """Read at most so many bytes of a local manifest; ManifestFetchError if that fails."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise ManifestFetchError(
            f"cannot read {readable(str(path))}: {error.strerror or error}",
            hint="check the path and its permissions",
        ) from error


def read_stdin(most: int) -> bytes:
    """Read at most so many bytes from standard input; ManifestFetchError if that fails."""
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


def with_scheme(text: str) -> str | None:
    """Return the URL that is meant by a text without scheme; None unless it names a server.

    Two of three tell a server: its name, a port, a path. A name that exists on disk, or lies in a
    folder that does, is never a URL.
    """
    if text.startswith(_USUAL):
        # What has a scheme: decided without the patterns, whose compilation delays every start.
        return None
    place, slash, _ = text.removeprefix("//").partition("/")
    place, question, _ = place.partition("?")
    host, port = _split(place)
    if host is None:
        return None
    bare = host == _THIS_MACHINE or _ADDRESS.fullmatch(host)
    told = [bare or _PUBLIC.fullmatch(host), port, slash or question]
    if sum(map(bool, told)) < 2 or _exists(text) or (not port and _exists(place)):
        return None
    plain = bare or port not in (None, _SECURE_PORT)
    return f"{'http' if plain else 'https'}://{text.removeprefix('//')}"


def _split(place: str) -> tuple[str | None, int | None]:
    """Return host and port of ``user:password@host:port``; None for what is not there."""
    try:
        name, digits = split_host(place.rpartition("@")[2])
        host = read_host(name)
        port = read_port(digits) if digits else None
    except UrlError:
        return None, None
    return (name.lower() if host else None), port


def _exists(text: str) -> bool:
    try:
        return Path(text).exists() or (os.name == "nt" and Path(text).drive != "")
    except (OSError, ValueError):
        return False


def _parse_url(text: str) -> Source:
    url = Url.parse(tidy(text))
    if url.scheme not in DEFAULT_PORTS:
        raise UsageError(
            f"cannot read {url.scheme}: URLs",
            hint="give an http:// or https:// URL, or the path of a local .mpd file",
        )
    # Credentials are not part of what is requested, so they may hold an @ here.
    place = (url.authority or "").rpartition("@")[2]
    # A blank is written %20, as browsers and wget do.
    path, query = (part and part.replace(" ", "%20") for part in (url.path, url.query))
    plain = Url(url.scheme, place, path or "/", query or None)
    try:
        check_userinfo(url.userinfo or "")
        http_origin(plain)
    except UrlError as error:
        raise UsageError(
            f"{url.shown!r} is not a valid URL: {error}",
            hint="a URL looks like https://host/path.mpd",
        ) from None
    user: str | None = None
    if url.userinfo is not None:
        name, _, password = url.userinfo.partition(":")
        user = f"{unquote(name)}:{unquote(password)}"
    return Source(name=str(plain), url=str(plain), user=user)


def _parse_path(text: str, base_url: str | None) -> Source:
    place, shown = Path(given(text)), readable(text)
    try:
        is_directory = stat.S_ISDIR(place.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        within = _WITHIN.search(shown)
        hint = "a URL begins with http:// or https://; - reads standard input"
        raise UsageError(
            f"{typed(shown)!r} is neither a URL nor a file",
            hint=hint if within is None else f"give the URL alone: {typed(within[0])}",
        ) from None
    except OSError as error:
        raise ManifestFetchError(
            f"cannot read {typed(shown)!r}: {error.strerror}",
            hint="check the path and its permissions",
        ) from error
    if is_directory:
        raise UsageError(
            f"{typed(shown)!r} is a directory",
            hint="name the .mpd file in it; dashget get DIR goes on with a mirror",
        )
    return Source(name=readable(str(place.resolve())), path=place, base_url=base_url)
