"""A directory for each of several presentations that one command line names.

The usual one is named after the manifest's own directory. Where that is the same for several (many
sites have ``TITLE/dash/manifest.mpd``), the directories above are added, so that no presentation
gets into the way of another: ``a-dash`` and ``b-dash``. A directory that holds the presentation
already stays its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from dashget.cli.wanted import Wanted
from dashget.common.filenames import on_disk, readable
from dashget.common.url import Url
from dashget.errors import DashGetError, UsageError
from dashget.manifest.source import STDIN, parse_source
from dashget.planning.layout import root_name

_LEVELS: Final = 8
"""So many names of a URL's path are tried in the name of a directory."""


def with_rooms(wanted: Sequence[Wanted], parent: Path | None) -> tuple[Wanted, ...]:
    """Return what is wanted with a directory for each, in ``parent`` if that is given.

    Raises UsageError where two would have the same one, and where ``parent`` is a mirror.
    """
    if parent is not None and _source_in(parent) is not None:
        raise UsageError(
            f"--output: {readable(str(parent))!r} is a mirror already, and cannot hold others",
            hint="name the directory in which each gets one of its own",
        )
    urls = {each.source: _address(each) for each in wanted if each.root is None}
    names = _names({url for url in urls.values() if url is not None}, parent or Path())
    rooms = []
    for each in wanted:
        url = urls.get(each.source)
        if each.root is None and (url is not None or parent is not None):
            name = Path(on_disk(names[url] if url else "dash"))
            root = name if parent is None else parent / name
            rooms.append(msgspec.structs.replace(each, root=root))
        else:
            rooms.append(each)
    return tuple(rooms)


def _names(urls: set[str], parent: Path) -> dict[str, str]:
    """Return a name for each URL, no two of them the same."""
    names = {url: name for url in urls if (name := _held(url, parent)) is not None}
    new = sorted(urls - names.keys())
    usual = Counter(map(root_name, new))
    usual.update(names.values())
    names.update((url, root_name(url)) for url in new if usual[root_name(url)] == 1)
    for name in sorted(name for name, count in usual.items() if count > 1):
        group = [url for url in new if root_name(url) == name]
        names.update(_told_apart(group, {*names.values(), name}))
    return names


def _held(url: str, parent: Path) -> str | None:
    """Return the name of the directory that holds a presentation already; None if there is none."""
    for name in dict.fromkeys(found for (found,) in _choices([url])):
        place = parent / on_disk(name)
        if place.is_dir() and _source_in(place) == url:
            return name
    return None


def _choices(urls: Sequence[str]) -> Iterator[list[str]]:
    """Yield names for URLs, with ever more of the URLs in them."""
    for levels in range(1, _LEVELS):
        yield [root_name(url, levels) for url in urls]
    yield [root_name(_with_file(url), 2) for url in urls]


def _told_apart(urls: Sequence[str], taken: set[str]) -> dict[str, str]:
    """Return the shortest names that tell the URLs apart, and that are not taken."""
    for names in _choices(urls):
        if len(set(names)) == len(urls) and taken.isdisjoint(names):
            return dict(zip(urls, names, strict=True))
    raise UsageError(
        f"two mirrors would have the same directory: {urls[0]} and {urls[-1]}",
        hint="mirror each of them by a command of its own, with -o DIR",
    )


def _with_file(url: str) -> str:
    """Return a URL in which the file's name, without its ending, is a directory, and the query."""
    parts = Url.parse(url)
    folder, _, file = parts.path.rpartition("/")
    name = "-".join(filter(None, (file.rpartition(".")[0] or file, parts.query)))
    return str(Url(parts.scheme, parts.authority, f"{folder}/{name.replace('/', '-')}/"))


def _address(each: Wanted) -> str | None:
    """Return the URL that a mirror is named after; None for standard input without one."""
    if each.base_url is not None:
        return each.base_url
    if each.source == STDIN:
        return None
    source = parse_source(each.source)
    return source.url or (None if source.path is None else source.path.resolve().as_uri())


def _source_in(directory: Path) -> str | None:
    """Return the URL that a directory is a mirror of; None if it is none that can be read."""
    from dashget.store import Mirror

    try:
        header = Mirror.at(directory, read_only=True).header()
    except (DashGetError, OSError):
        return None
    return None if header is None else header.source
