"""Map URLs to safe relative paths in the mirror. No I/O.

Guarantees for any manifest:

* no path leaves the mirror's root, or is one of its reserved names (``.dashget``, the MPDs);
* two resources never share a path, not even on file systems that ignore case;
* a name that is safe on POSIX stays the name that the server uses (percent-decoded once);
* names are also valid on Windows, so that a mirror can be copied anywhere.

Paths are computed for URL *patterns*: one decision names a million segments of a template, and a
plan stays a stream. Patterns have their fields as private-use markers (``UrlPattern.marked``),
which all rules leave unchanged.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import NewType
from urllib.parse import unquote_to_bytes

from dashget.common.filenames import fold, leads_to
from dashget.common.lateregex import late
from dashget.common.url import DEFAULT_PORTS, Url, UrlError, read_port, split_host
from dashget.errors import MPDError
from dashget.mpd.budget import Budget
from dashget.mpd.markers import MARKER, is_marker, with_digits
from dashget.mpd.template import Address, UrlPattern
from dashget.planning.collisions import Name, digest, needless_queries, resolve_collisions

SafePath = NewType("SafePath", str)
"""A relative path with ``/`` between components; only this module makes them."""

CONTROL_DIRECTORY = ".dashget"
_NOT_PLAIN = ("", "/", CONTROL_DIRECTORY[0])
_CONTROL = (CONTROL_DIRECTORY,)
_TILDE = slice(6, 7)
"""Where a short name on Windows has its tilde."""
EXTERNAL_DIRECTORY = "_external"
EMBEDDED_DIRECTORY = "_data"
SUMS_NAME = "SHA256SUMS"
_OWN_DIRECTORIES = (CONTROL_DIRECTORY, EXTERNAL_DIRECTORY, EMBEDDED_DIRECTORY)

NAME_BYTES = 255
"""The longest name that a usual file system takes."""
LEAST_NAME_BYTES = 140
"""The longest name that a file system has to take, if a mirror is to be stored there."""
_MANIFEST_BYTES = 100
"""The limit for the name of the MPD, whose local version and dated copies have longer names."""
_PATH_BYTES = 1000
_DIGITS_IN_FIELD = 20
_USUAL_URL = 500
"""The characters of a URL whose path costs next to nothing."""
_EMPTY = "%5F"
"""The name of an empty component. It is unique, since an underscore is never encoded."""
_RESERVED_ON_WINDOWS = frozenset(("con", "prn", "aux", "nul", "conin$", "conout$")) | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"
}
_LOOKS_ENCODED = late(r"%(?=[0-9A-Fa-f]{2})")
_UNSAFE = frozenset('/\\<>:"|?*\x7f') | frozenset(map(chr, range(32)))
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/")
"""The characters of paths that mostly need no change."""
_RESERVED_BEGIN = ("con", "prn", "aux", "nul", "com", "lpt")
_MAYBE_RESERVED = late(r"(?i)(?:^|/)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:[./]|$)")
_EXTENSION = late(r"\.[A-Za-z0-9]{1,8}$")


def safe_component(text: str, most: int = NAME_BYTES, digits: int = _DIGITS_IN_FIELD) -> str:
    """Make one path component from one component of a URL path.

    Percent-encoding is decoded once. Unsafe parts are encoded again: separators, control and
    direction characters, bytes that are not UTF-8, characters and names that Windows reserves,
    trailing dots and spaces, ``.`` and ``..``, and a ``%`` that would be read as an encoding.
    Names of more than ``most`` bytes, with ``digits`` for each field, are shortened, and get a hash
    of the full name. Different
    components get different names, except for equivalent encodings.
    """
    pieces = [text] if text.isascii() else MARKER.split(text)
    pieces[::2] = [_decoded(piece) if "%" in piece else piece for piece in pieces[::2]]
    return _limited(_escaped("".join(pieces)), most, digits)


def _decoded(text: str) -> str:
    """Decode percent-encoding, except of characters that would be read as a field's marker."""
    decoded = unquote_to_bytes(text).decode("utf-8", "surrogateescape")
    if "%" in decoded:
        decoded = _LOOKS_ENCODED.sub("%25", decoded)
    return decoded if decoded.isascii() else MARKER.sub(lambda match: _encoded(match[0]), decoded)


def manifest_name(url: str) -> SafePath:
    """Return the file name for the MPD of ``url``; it ends in ``.mpd``."""
    last = Url.parse(url).path.rsplit("/", 1)[-1]
    if not last:
        return SafePath("manifest.mpd")
    name = last if unquote_to_bytes(last).lower().endswith(b".mpd") else last + ".mpd"
    safe = _limited(safe_component(name), _MANIFEST_BYTES)
    return SafePath(safe if safe.lower().endswith(".mpd") else safe + ".mpd")


def local_manifest_name(name: str) -> SafePath:
    """Return the name of the playable manifest beside ``name``: ``a.mpd`` -> ``a.local.mpd``."""
    return SafePath(name[: -len(".mpd")] + ".local.mpd")


def reserved_names(manifest: str) -> frozenset[str]:
    """Return the file names at a mirror's root that no resource may have."""
    return frozenset({manifest, local_manifest_name(manifest), SUMS_NAME})


def is_safe_path(path: str) -> bool:
    """Return True if a path read from a file is one that this module could have made.

    The record may be part of a mirror from somebody else; its paths must stay inside.
    """
    if (
        path[:1] not in _NOT_PLAIN
        and path.isascii()
        and path[_TILDE] != "~"
        and not ("/." in path or "//" in path or path[-1] == "/")
    ):
        # The usual case, decided fast: a mirror may have millions of paths.
        return "\\" not in path and "\0" not in path
    parts = path.split("/")
    return (
        not any(part in ("", ".", "..") for part in parts)
        and not any(char in path for char in "\\\0")
        and not leads_to(parts[0], _CONTROL)
    )


def root_name(url: str, levels: int = 1) -> str:
    """Return the default directory: the manifest's own directory, else its host.

    ``https://h/vod/bbb/manifest.mpd`` -> ``bbb``; ``https://h/manifest.mpd`` -> ``h``. With more
    ``levels`` the directories above and the host are in its name: ``vod-bbb``, ``h-vod-bbb``.
    """
    parts = Url.parse(url)
    directories = [part for part in parts.path.split("/")[:-1] if part]
    names = directories if len(directories) >= levels else [parts.host or "dash", *directories]
    name = "-".join(map(_decoded, names[-levels:]))
    # Before the name is made safe: what is left may be one that Windows reserves.
    return _limited(_escaped(name.lstrip(".~-") or "dash"), NAME_BYTES)


class Layout:
    """The names of one presentation's resources.

    Built from *all* addresses of the presentation, selected or not, so that the same
    resource has the same name in every run. ``name`` is that of the MPD in the mirror,
    ``name_bytes`` the longest name that the place takes. The work is spent from ``budget``.
    ``known`` has the names that other versions of the document had (``known_names``).
    """

    def __init__(
        self,
        manifest_url: str,
        addresses: Iterable[Address],
        budget: Budget | None = None,
        *,
        name: SafePath | None = None,
        name_bytes: int = NAME_BYTES,
        known: Mapping[str, str] | None = None,
    ) -> None:
        names: dict[Name, None] = {}
        budget = budget or Budget()
        asking: list[UrlPattern] = []
        digits = _DIGITS_IN_FIELD
        for address in addresses:
            first = address.patterns[0]
            name_of = Name.of(first)
            if name_of not in names:
                budget.spend(_units(first.marked), "the names of files")
                names[name_of] = None
            for field in first.fields:
                digits = max(digits, field.width)
            if first.fields and "?" in first.marked:
                asking.append(first)
        taken = tuple(reserved_names(name or manifest_name(manifest_url)))
        needless = needless_queries(asking)
        self._place = _Placement(manifest_url, name_bytes, digits, needless, taken, budget, known)
        self._renamed = resolve_collisions(self._place, names, taken, budget)
        self._patterns: dict[UrlPattern, UrlPattern] = {}
        self._long: dict[str, str] = {}
        """The paths of long URLs, which many Representations may share."""

    def pattern(self, address: Address) -> UrlPattern:
        """Return the path pattern of an address; it is expanded with the same values as the URL."""
        first = address.patterns[0]
        known = self._patterns.get(first) if first.fields else None
        if known is None:
            known = UrlPattern.from_marked(self._marked_path(first), first.fields)
            if first.fields:
                self._patterns[first] = known
        return known

    def _marked_path(self, pattern: UrlPattern) -> str:
        marked = pattern.marked
        if self._renamed:
            renamed = self._renamed.get(Name.of(pattern))
            if renamed is not None:
                return renamed
        if len(marked) <= _USUAL_URL:
            return self._place(marked)
        known = self._long.get(marked)
        if known is None:
            known = self._long[marked] = self._place(marked)
        return known

    def known_names(self, address: Address) -> tuple[str, str]:
        """Return the URL of an address as it is known by, and its path in the mirror.

        A version of the document from elsewhere keeps it so. Where the query is no part of the
        name, it may change.
        """
        marked = address.patterns[0].marked
        path = self._marked_path(address.patterns[0])
        return marked if "@" in path else marked.partition("?")[0], path

    def path(
        self, address: Address, number: int | None, time: int | None, sub_number: int | None
    ) -> SafePath:
        """Return the path of one segment of an address."""
        if not address.patterns[0].fields:
            return SafePath(self._marked_path(address.patterns[0]))
        return SafePath(self.pattern(address).expand(number, time, sub_number))


class _Placement:
    """The rule for the path of a single marked URL, regardless of other URLs."""

    def __init__(
        self,
        manifest_url: str,
        most: int,
        digits: int,
        needless: frozenset[str],
        taken: tuple[str, ...],
        budget: Budget,
        known: Mapping[str, str] | None,
    ) -> None:
        """Make the rule; ``needless`` has the URLs with fields in a query that no name needs.

        ``digits`` is what the value of a field may take in a name of ``most`` bytes.

        ``taken`` has the names of files at the root: there is no folder of such a name. What it
        takes to find that out is spent from ``budget``.
        """
        self._most = most
        self._digits = digits
        self._needless = needless
        self._taken = tuple(map(fold, taken))
        self._budget = budget
        self._known = known or {}
        parts = Url.parse(manifest_url)
        self._origin = _origin(parts)
        self._directory = parts.path.rpartition("/")[0] + "/"
        self._start = str(Url(parts.scheme, parts.authority or "", self._directory))

    def __call__(
        self, marked: str, *, keep_query: bool = False, tag: str = "", own: str = ""
    ) -> str:
        if own:
            extension = _EXTENSION.search(Url.parse(marked).path)
            return f"{EXTERNAL_DIRECTORY}/~{own}{extension.group() if extension else ''}"
        if self._known and not (keep_query or tag):
            known = self._known.get(marked) or self._known.get(marked.partition("?")[0])
            if known is not None:
                return known
        if marked[:5].lower() == "data:":
            return "-".join((f"{EMBEDDED_DIRECTORY}/{digest(marked)}", *MARKER.findall(marked)))
        if marked.startswith(self._start) and not (keep_query or tag):
            rest = marked[len(self._start) :]
            if (
                self._digits == _DIGITS_IN_FIELD
                and _is_plain(rest, self._most)
                and not self._is_taken(rest)
            ):
                return rest
        parts, most, digits = Url.parse(marked), self._most, self._digits
        origin = _origin(parts)
        if origin == self._origin and parts.path.startswith(self._directory):
            raw = parts.path[len(self._directory) :].split("/")
            components = [_not_reserved(safe_component(part, most, digits)) for part in raw[:1]]
            components += [safe_component(part, most, digits) for part in raw[1:]]
            if self._is_taken("/".join(components)):
                components[0] = _limited(_EMPTY + components[0], most, digits)
        else:
            raw = parts.path.removeprefix("/").split("/")
            components = [EXTERNAL_DIRECTORY, _limited(_host_directory(*origin), most, digits)]
            components += [safe_component(part, most, digits) for part in raw]
        if parts.query and (keep_query or self._distinguishes(marked, parts.query)):
            query = _LOOKS_ENCODED.sub("%25", parts.query)
            components[-1] = _limited(_escaped(f"{components[-1]}@{query}"), most, digits)
        if tag:
            components[-1] = _tagged(components[-1], tag, most, digits)
        return _shortened("/".join(components))

    def _is_taken(self, path: str) -> bool:
        """Return True if the first folder of a path may have the name of one of our own files."""
        folder, slash, _ = path.partition("/")
        if not slash:
            return False
        known = fold(folder)
        if known.isascii() or not any(map(is_marker, known)):
            return known in self._taken
        from dashget.planning.sharing import overlap

        return any(overlap(known, name, self._budget) for name in self._taken)

    def _distinguishes(self, marked: str, query: str) -> bool:
        """Return True if a query has fields whose values the path may not tell."""
        return MARKER.search(query) is not None and marked not in self._needless


def _units(marked: str) -> int:
    """Return the units of work (see ``mpd.budget``) of making the path of a URL."""
    size = len(marked)
    return 500 + 10 * size + (300 * marked.count("/") if size > _USUAL_URL else 0)


def _is_plain(path: str, most: int) -> bool:
    """Return True if a path needs no change, the usual case; the full rules give the same path.

    The limit of half a name's length leaves room for the values of a pattern's fields.
    """
    return len(path) <= most // 2 and _is_unreserved(path) and _has_plain_parts(with_digits(path))


def _has_plain_parts(path: str) -> bool:
    """Return True if no component is empty, hidden or in need of encoding."""
    # No regular expression: compiling one takes longer than all this for a thousand paths.
    framed = f"/{path}/"
    return (
        _PLAIN.issuperset(path)
        and path[:1] != "_"
        and not ("//" in framed or "/." in framed or "./" in framed)
    )


def _is_unreserved(path: str) -> bool:
    """Return True if no component is a name that Windows reserves."""
    if not any(map(path.lower().__contains__, _RESERVED_BEGIN)):
        return True
    return _MAYBE_RESERVED.search(path) is None


def _origin(url: Url) -> tuple[str | None, str | None, int | None]:
    """Return scheme, host and port of a URL whose host may have fields; MPDError if invalid."""
    authority = url.authority
    try:
        if authority is None or not any(map(is_marker, authority)):
            return url.origin
        host, port = split_host(authority.rpartition("@")[2])
        default = DEFAULT_PORTS.get(url.scheme or "")
        _ = Url(None, with_digits(host), "").host
        return url.scheme, host.lower(), read_port(port) if port else default
    except UrlError as error:
        raise MPDError(
            f"{MARKER.sub('$', url.shown)!r} is not a valid URL: {error}",
            hint="check the BaseURL elements and templates of the manifest",
        ) from error


def _host_directory(scheme: str | None, host: str | None, port: int | None) -> str:
    name = host or "unknown"
    if port is not None and port != DEFAULT_PORTS.get(scheme or ""):
        name = f"{name}_{port}"
    return _escaped(name)


def _not_reserved(component: str) -> str:
    """Change a first component that is one of the mirror's own directories."""
    if leads_to(component, _OWN_DIRECTORIES):
        return f"%{ord(component[0]):02X}{component[1:]}"
    return component


def _escaped(text: str) -> str:
    """Percent-encode the unsafe parts of a name; characters already encoded stay unchanged."""
    if not text:
        return _EMPTY
    if not text.isascii() or not _UNSAFE.isdisjoint(text):
        text = "".join(_encoded(char) if _is_unsafe(char) else char for char in text)
    if text[-1] in ". ":
        text = text[:-1] + _encoded(text[-1])
    if text.partition(".")[0].lower() in _RESERVED_ON_WINDOWS:
        text = _encoded(text[0]) + text[1:]
    return text


def _is_unsafe(char: str) -> bool:
    if char in _UNSAFE:
        return True
    if char < "\x7f" or is_marker(char):
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _encoded(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))


def _limited(component: str, most: int, digits: int = _DIGITS_IN_FIELD) -> str:
    """Shorten a component to the limit of a file system, and keep its extension."""
    marks = [] if component.isascii() else MARKER.findall(component)
    if len(component.encode()) <= most - len(marks) * digits:
        return component
    # A field that is there twice has one value.
    kept = dict.fromkeys(marks)
    room = most - len(kept) * digits
    extension = _EXTENSION.search(component)
    tail = f"~{digest(component)}{extension.group() if extension else ''}"
    kept_marks = "-".join(kept)
    tail = f"~{kept_marks}{tail}" if kept_marks else tail
    head = component.encode()[: max(room - len(tail.encode()), 0)].decode("utf-8", "ignore")
    return MARKER.sub("", head) + tail


def _shortened(path: str) -> str:
    """Replace the directories of a path that is too long for operating systems."""
    if len(path.encode()) <= _PATH_BYTES:
        return path
    marks = "-".join(MARKER.findall(path))
    extension = _EXTENSION.search(path)
    middle = f"~{marks}~" if marks else "~"
    return f"{EXTERNAL_DIRECTORY}/{middle}{digest(path)}{extension.group() if extension else ''}"


def _tagged(component: str, tag: str, most: int, digits: int) -> str:
    extension = _EXTENSION.search(component)
    stem = component[: extension.start()] if extension else component
    return _limited(f"{stem}~{tag}{extension.group() if extension else ''}", most, digits)
