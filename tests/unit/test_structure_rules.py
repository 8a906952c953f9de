"""The rules of ``docs/architecture.md`` that the import contracts cannot see.

No import circles, no clocks in pure packages, and files only where the list says. Each
rule has a test that shows it failing on a few bad lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from textwrap import dedent

import pytest

from tests.support.structure import (
    Use,
    circles,
    clocks,
    files,
    imports,
    modules,
    number_readers,
    outputs,
    paths,
    strict_decoders,
    unguarded,
)

MODULES = modules()

PURE = (
    "common", "errors", "events", "live", "media", "mpd", "mux.subtitles", "planning", "playable", "segments",
    "transfer.contract", "transfer.http", "transfer.pacing", "version",
)  # fmt: skip
"""Packages that read no clock: the time is an argument."""

FILES_ALLOWED = {
    "cli": "standard streams, and folders that a mistyped command may mean",
    "demo.presentation": "reads the media files that come with the package",
    "manifest.source": "a manifest may be a local file, and such a name is not taken for a URL",
    "mux.destination": "the one file that is written, outside the mirror",
    "mux.direct.copying": "media go from the mirror into that file, which the system copies",
    "mux.direct.writer": "writes that file anew from its sketch",
    "serve.npm": "files of an npm package are put into a new folder",
    "serve.page": "reads the files of the page that come with the package",
    "serve.player": "the player is kept in the user's cache",
    "serve.shows": "the user names directories of mirrors",
    "session.session": "a mirror's directory may have a name like a URL",
    "store": "the place of a mirror is its subject",
    "transfer.curl.descriptors": "opens /dev/null to see if file descriptors are left",
    "transfer.curl.easy": "the system's trust anchors are looked for where distributions keep them",
    "transfer.curl.links": "sockets are told from others by their inodes",
    "transfer.curl.sockets": "duplicates of the descriptors of sockets",
    "transfer.settings.givenfile": "the one reader of cookie files, netrc files and certificates",
}
"""Where files may be used, with the reason. Everything else goes through ``store``."""

BY_PATH = {
    "control": {"os.lstat", "os.makedirs"},
    "directory": {
        "os.listdir", "os.lstat", "os.mkdir", "os.open", "os.path.realpath", "os.replace",
        "os.rmdir", "os.stat", "os.unlink", "os.utime",
    },
    "filesystem": {"open()", "os.pathconf"},
    "folders": {"os.readlink", "os.stat"},
    "journal": {".read_text()"},
    "local": {"os.path.samefile", "os.scandir", "os.stat", "os.walk"},
    "moving": {"os.utime"},
    "reading": {"os.path.realpath"},
    "unnamed": {"os.link", "os.open", "os.path.isdir"},
}  # fmt: skip
"""The modules of the store that name a file by its path, and how. Whatever changes a file goes
through ``store.directory``, which follows no link; the others look, or use an open folder."""

_CAUGHT = "its ValueError is caught, and becomes an error, another text or another reader"

DECODING_ALLOWED = {
    "cli.options.givensecrets": _CAUGHT,
    "cli.streams": "what was encoded with escapes a moment before",
    "common.filenames": _CAUGHT,
    "common.foreigntext": "JSON of our own encoder, which writes UTF-8",
    "common.url": _CAUGHT,
    "media.sniff": _CAUGHT,
    "mpd.encoding": _CAUGHT,
    "transfer.http.keptfields": _CAUGHT,
    "transfer.http.origin": _CAUGHT,
    "transfer.settings.netrc": "a keyword that was compared with a list",
}
"""Where bytes are decoded strictly, and why none of them ends in a traceback."""

_MATCHED = "texts that a pattern has matched: ASCII digits, of a limited number"
_EXACT = "numbers already, of another type"

NUMBERS_ALLOWED = {
    "cli.blanking": "what the operating system says",
    "cli.options.quantities": _MATCHED,
    "cli.options.requests": _MATCHED,
    "cli.parser": "what the user types; argparse reports every ValueError",
    "cli.printers.text": _EXACT,
    "common.byterange": _MATCHED,
    "common.numbers": "the reader of numbers, times and dates",
    "demo.server": _MATCHED,
    "live": _EXACT,
    "media.inspection": "fixed numbers of bytes",
    "media.signatures": "fixed numbers of bytes",
    "mpd.addressing": _EXACT,
    "mpd.periods": _EXACT,
    "mpd.clock": _EXACT,
    "mpd.malformed": _MATCHED,
    "mpd.pattern": _EXACT,
    "mpd.presentation": _EXACT,
    "mpd.template": _EXACT,
    "mpd.ticks": _EXACT,
    "mpd.timeline": _EXACT,
    "mpd.traits": _MATCHED,
    "mpd.values": "the reader of the values of an MPD",
    "mpd.xmltree": "rows of a timeline, a million at a time: every ValueError makes an odd row",
    "mux.subtitles.ttmlstyles": _MATCHED,
    "mux.subtitles.ttmltimes": _MATCHED,
    "planning.selection": _MATCHED,
    "planning.rules": _MATCHED,
    "recording.reader": _EXACT,
    "segments.subsegments": _EXACT,
    "session.recording": _EXACT,
    "store.filesystem": "what the operating system says",
    "store.recordclock": _EXACT,
    "transfer.curl": _EXACT,
    "transfer.http.addresses": _EXACT,
    "transfer.http.head": _MATCHED,
    "transfer.http.judge": _MATCHED,
}
"""Where a number may be made from what may be a text, with the reason why every text is met."""


def belongs(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"dashget.{package}.")


def among(module: str, packages: Iterable[str]) -> bool:
    return any(belongs(module, package) for package in packages)


def uses(rule: Callable[[str], Iterable[Use]], names: Iterable[str]) -> dict[str, list[Use]]:
    """Return what a rule finds, for each module in which it finds anything."""
    found = {name: list(rule(MODULES[name])) for name in names}
    return {name: uses for name, uses in found.items() if uses}


@pytest.mark.parametrize("package", [*PURE, *FILES_ALLOWED])
def test_every_package_of_these_lists_exists(package: str) -> None:
    assert any(belongs(module, package) for module in MODULES)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: imports(text, MODULES.keys()) for name, text in MODULES.items()}
    assert circles(graph) == []


def test_pure_packages_read_no_clock() -> None:
    assert uses(clocks, [name for name in MODULES if among(name, PURE)]) == {}


def test_files_are_used_only_where_the_list_says() -> None:
    assert uses(files, [name for name in MODULES if not among(name, FILES_ALLOWED)]) == {}


def test_the_store_reaches_files_only_through_open_directories() -> None:
    """A path may lead through a link that somebody else put into the mirror."""
    found = {
        name.removeprefix("dashget.store."): {use.name for use in paths(MODULES[name])}
        for name in MODULES
        if belongs(name, "store")
    }
    assert {name: uses for name, uses in found.items() if uses} == BY_PATH


@pytest.mark.parametrize(
    "bad",
    [
        "import os\nos.truncate('x', 0)",
        "from os import replace",
        "from shutil import copyfile",
        "def f(path):\n    path.write_bytes(b'')",
        "def f(path):\n    return open(path, 'rb')",
    ],
)
def test_a_path_is_found(bad: str) -> None:
    assert list(paths(bad))


def test_a_descriptor_is_no_path() -> None:
    assert not list(paths("import os\ndef f(d):\n    os.fsync(d)\n    return open(d.open('x'))"))


def test_only_the_command_line_writes_to_the_standard_streams() -> None:
    """The library tells what happens by events, records of logging and exceptions."""
    assert uses(outputs, [name for name in MODULES if not belongs(name, "cli")]) == {}


def test_nothing_writes_to_them_past_their_guard() -> None:
    """So no text reaches a terminal, a log or JSON with characters that could do harm."""
    found = {name.removeprefix("dashget.cli."): {use.name for use in found} for name, found in
             uses(unguarded, MODULES).items()}  # fmt: skip
    assert found == {"guarded": {"sys.stdout.buffer"}, "streams": {"sys.stdout.fileno"}}


@pytest.mark.parametrize(
    "bad",
    [
        "import sys\nsys.stdout.buffer.write(b'x')",
        "import sys\nsys.__stderr__.write('x')",
        "from sys import __stdout__",
        "from rich.console import Console\nConsole().print('x')",
    ],
)
def test_a_way_past_the_guard_is_found(bad: str) -> None:
    assert list(unguarded(bad))


@pytest.mark.parametrize("package", FILES_ALLOWED)
def test_every_permission_for_files_is_needed(package: str) -> None:
    texts = [text for module, text in MODULES.items() if belongs(module, package)]
    assert any(list(files(text)) for text in texts), "no files used any more: take it out"


def test_numbers_of_strangers_are_read_by_the_readers_only() -> None:
    """``int("²")``, 5,000 digits and the year 10000 have ended runs with a traceback."""
    names = [name for name in MODULES if not among(name, NUMBERS_ALLOWED)]
    assert uses(number_readers, names) == {}


@pytest.mark.parametrize("package", NUMBERS_ALLOWED)
def test_every_permission_for_numbers_is_needed(package: str) -> None:
    texts = [text for module, text in MODULES.items() if belongs(module, package)]
    assert any(list(number_readers(text)) for text in texts), "no reader any more: take it out"


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ("int(text)", "int(text)"),
        ("count = int(fields['age'])", "int(fields['age'])"),
        ("float(row.value)", "float(row.value)"),
        ("from fractions import Fraction\nFraction(match[1])", "Fraction(match[1])"),
        ("if value.isdigit(): pass", "isdigit"),
        ("datetime.datetime.fromtimestamp(x)", "fromtimestamp"),
        ("datetime.fromisoformat(x)", "fromisoformat"),
    ],
)
def test_a_reader_of_numbers_is_found(bad: str, name: str) -> None:
    assert name in {use.name for use in number_readers(bad)}


def test_bytes_of_strangers_become_text_by_total_decoders_only() -> None:
    """``punycode``, half a character at a limit and lone surrogates have ended runs before."""
    names = [name for name in MODULES if not among(name, DECODING_ALLOWED)]
    assert uses(strict_decoders, names) == {}


@pytest.mark.parametrize("package", DECODING_ALLOWED)
def test_every_permission_to_decode_is_needed(package: str) -> None:
    texts = [text for module, text in MODULES.items() if belongs(module, package)]
    assert any(list(strict_decoders(text)) for text in texts), "no decoder any more: take it out"


@pytest.mark.parametrize("bad", ["data.decode()", "a[:9].decode('utf-8')", "x.y().decode(codec)"])
def test_a_strict_decoder_is_found(bad: str) -> None:
    assert list(strict_decoders(bad))


@pytest.mark.parametrize(
    "good",
    ["data.decode('utf-8', 'replace')", "data.decode('latin-1')", "msgspec.json.decode(line)",
     "decoder.decode(line)", "data.decode(errors='replace', encoding='utf-8')"],
)  # fmt: skip
def test_a_total_decoder_passes(good: str) -> None:
    assert not list(strict_decoders(good))


def test_a_circle_is_found_also_inside_functions_and_under_type_checking() -> None:
    texts = {
        "dashget.a": "def later():\n    from dashget.b import thing",
        "dashget.b": "if TYPE_CHECKING:\n    from dashget import c",
        "dashget.c": "import dashget.a",
        "dashget.d": "from dashget.a import thing",
    }
    graph = {name: imports(text, texts.keys()) for name, text in texts.items()}
    assert circles(graph) == [["dashget.a", "dashget.b", "dashget.c"]]


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ("import time\ntime.monotonic()", "time.monotonic"),
        ("import time as t\nstarted = t.time", "time.time"),
        ("from time import monotonic", "time.monotonic"),
        ("def f():\n    from random import random as r", "random.random"),
        ("import datetime\ndatetime.datetime.now(datetime.UTC)", "datetime.datetime.now"),
        ("from datetime import datetime\nf = datetime.utcnow", "datetime.datetime.utcnow"),
        ("def f(store):\n    return store.now()", ".now()"),
    ],
)
def test_a_clock_is_found(bad: str, name: str) -> None:
    assert name in {use.name for use in clocks(bad)}


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ("open('x')", "open()"),
        ("def f(path):\n    with path.open('rb') as file: pass", ".open()"),
        ("def f(path):\n    return path.read_bytes()", ".read_bytes()"),
        ("from pathlib import Path\nPath('x').exists()", ".exists()"),
        ("import os\nos.stat('x')", "os.stat"),
        ("import os\nos.path.exists('x')", "os.path.exists"),
        ("from os import stat as look", "os.stat"),
        ("import shutil\nshutil.rmtree('x')", "shutil.rmtree"),
        ("import tempfile as t\nt.mkdtemp()", "tempfile.mkdtemp"),
    ],
)
def test_a_file_is_found(bad: str, name: str) -> None:
    assert name in {use.name for use in files(bad)}


def test_harmless_code_passes() -> None:
    good = dedent("""
        import io, os
        from datetime import UTC, datetime
        from pathlib import PurePosixPath
        def f(store, path, now: datetime):
            os.fspath(path)
            io.BytesIO(b"")
            store.open(path)
            return "a-b".replace("-", "_"), now.timestamp(), os.environ.get("HOME")
    """)
    assert list(clocks(good)) == []
    assert list(files(good)) == []


def test_a_use_knows_its_line() -> None:
    assert list(clocks("\n\nfrom time import time")) == [Use(3, "time.time")]
