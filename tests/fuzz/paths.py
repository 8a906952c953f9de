"""Check names in the mirror by rules of our own, and the target for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from urllib.parse import unquote

from dashget.common.filenames import fold
from dashget.common.url import Url, UrlError
from dashget.errors import DashGetError
from dashget.mpd.budget import Budget
from dashget.mpd.template import Address, UrlPattern, parse_template
from dashget.mpd.urls import resolve_reference
from dashget.planning.layout import Layout, is_safe_path, manifest_name, reserved_names, root_name
from dashget.store.soundness import is_manifest_name
from tests.fuzz.target import check_error, some

_BASES = ("http://h.example/a/", "https://u:p@h.example:8443/a/b.c/")
_LINES = 16
_PAIRS = tuple(product((1, 7, 171, 10**9), repeat=2))
"""Numbers and times of segments; each input has six of these pairs, always the same ones."""
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    name + digit for name in ("com", "lpt") for digit in "0123456789¹²³"
}
_INVALID = frozenset('<>:"|?*\\\x7f') | frozenset(map(chr, range(32)))
_NAME_BYTES = 255


def check_path(path: str) -> None:
    """Check that a path stays inside the mirror, and can be made on every system."""
    assert is_safe_path(path), path
    parts = path.split("/")
    assert parts[0].casefold() != ".dashget"
    for part in parts:
        assert part not in ("", ".", ".."), path
        assert len(part.encode()) <= _NAME_BYTES, path
        assert not _INVALID & set(part), path
        assert part[-1] not in ". ", path
        assert part.partition(".")[0].lower() not in _DEVICES, path


def check_paths(named: Iterable[tuple[str, str]], manifest: str) -> None:
    """Check paths with their URLs: no two resources share one, and no file is a folder too."""
    urls: dict[str, str] = {}
    for path, url in named:
        check_path(path)
        plain = _resource(url)
        assert urls.setdefault(fold(path), plain) == plain, (path, plain, urls[fold(path)])
    reserved = {fold(name) for name in reserved_names(manifest)}
    assert not reserved & urls.keys()
    for path in urls:
        assert not any(folder in urls or folder in reserved for folder in _folders(path)), path


def run_names(data: bytes) -> None:
    """Read templates, one a line, and name the files that they stand for."""
    base, *lines = data.decode("utf-8", "replace").split("\n")
    base = _BASES[len(base) % 2]
    try:
        for url in (base + line for line in lines[:3]):
            check_path(manifest_name(url))
            # A header that names it is believed when it is read back.
            assert is_manifest_name(manifest_name(url)), url
            check_path(root_name(url))
        addresses = []
        for line in lines[:_LINES]:
            template, _ = parse_template(line)
            if len(line) > 4000 or template.identifiers > 8:
                continue
            url = resolve_reference(base, template.marked("r/..", 17))
            addresses.append(Address((UrlPattern.from_marked(url, template.fields),)))
        budget = Budget()
        budget.spend_bytes(len(data))
        layout = Layout(base + "x.mpd", addresses, budget)
        named = [
            (layout.path(address, number, time, 1), address.patterns[0].expand(number, time, 1))
            for address in addresses
            for number, time in (some(_PAIRS, data, 6) if address.patterns[0].fields else [(1, 1)])
        ]
        check_paths(named, "x.mpd")
    except DashGetError as error:
        check_error(error)


def name_seeds() -> Sequence[bytes]:
    """Return templates and names that have been a trap."""
    return (
        b"\nv/$Number$.m4s\nv/$Time$.m4s\nV/1.m4s\nv/1.m4s?a=b\n../v/1.m4s",
        b".\n$RepresentationID$/$Number%05d$-$Time$\ncon.mp4\nAUX\n.dashget/record.jsonl\nx.mpd\nX.local.mpd",
        b"\na\na/b\na/b/c\nhttp://g.example/a\n//G.example:80/a\ndata:,a\nSHA256SUMS/a",
        b".\n%2e%2e/%2e%2e/etc/passwd\n..%5c..%5ca\na%00b\na.\na \n%E2%80%AEa\n_external/a\n%5F/a",
        b"\n$Number$1$Time$?t=$Time$\n$Number$$Time$?t=$Time$\n$Number%x$\n" + b"a" * 300,
    )


NAME_WORDS = tuple(
    b"$Number$ $Time$ $Number%02d$ $Number%x$ $SubNumber$ $RepresentationID$ $Bandwidth$ / // .. . %2e %2F %5c "
    b"? ?a= & @ %40 ~ a A b 1 17 _ %5F .m4s con .dashget _external _data x.mpd http://g/ data:,".split()
)


def _resource(url: str) -> str:
    """Return a URL in the form in which two that are equivalent are equal."""
    parts = Url.parse(url)
    if parts.scheme == "data":
        return url
    try:
        place = f"{parts.host}:{parts.port}"
    except UrlError:
        # The host of a template, with a number that makes it invalid: it is never asked.
        place = parts.authority or ""
    return unquote(
        f"{parts.scheme}://{place}{parts.path or '/'}?{parts.query}", errors="surrogateescape"
    )


def _folders(path: str) -> Iterable[str]:
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)
