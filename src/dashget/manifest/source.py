"""The source of a manifest: the URL, the local file or the standard input that the user named."""

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
    tidy,
    typed,
)
from dashget.common.validation import FieldError, Wrong, path, require
from dashget.errors import ManifestFetchError, UsageError
from dashget.manifest.schemeless import with_scheme

_USUAL: Final = ("http://", "https://")
_HAS_SCHEME: Final = late(r"[A-Za-z][A-Za-z0-9+.-]+:")
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

    A URL may lack its scheme (see ``schemeless``). A path object is always a file, whatever its
    name looks like. ``base_url`` is checked as well,
    before anything is fetched; with a URL it is refused, since the final URL is the base.
    """
    if base_url is not None:
        base_url = check_base(base_url)
    if not isinstance(source, str):
        require("source", source, path, "load")
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


def _parse_url(text: str) -> Source:
    url = Url.parse(tidy(text))
    if url.scheme not in DEFAULT_PORTS:
        raise UsageError(
            f"cannot read {url.scheme}: URLs",
            hint="give an http:// or https:// URL, or the path of a local .mpd file",
        )
    # Credentials are not part of what is requested, so they may hold an @ here.
    place = (url.authority or "").rpartition("@")[2]
    plain = Url(url.scheme, place, url.path or "/", url.query or None)
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
        raise UsageError(
            f"{typed(shown)!r} is neither a URL nor a file",
            hint="a URL begins with http:// or https://; - reads standard input",
        ) from None
    except OSError as error:
        raise ManifestFetchError(
            f"cannot read {typed(shown)!r}: {error.strerror}",
            hint="check the path and its permissions",
        ) from error
    if is_directory:
        raise UsageError(f"{shown!r} is a directory", hint="name the .mpd file itself")
    return Source(name=readable(str(place.resolve())), path=place, base_url=base_url)
