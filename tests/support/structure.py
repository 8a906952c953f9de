"""Read the structure of the source: who imports whom, and who uses clocks and files.

Everything here works on the text of modules, so that a test can show each rule failing on
a few lines of bad code.
"""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import dashget

SOURCE = Path(dashget.__file__).parent

CLOCK_MODULES = frozenset({"random", "secrets", "time", "uuid"})
"""Standard modules whose every function gives another answer each time."""

CLOCK_METHODS = frozenset({"monotonic", "now", "perf_counter", "today", "utcnow"})
"""Methods that read a clock, whatever they are called on (``datetime.now()``, ``self.now()``)."""

FILE_MODULES = frozenset({"fcntl", "glob", "io", "mmap", "shutil", "stat", "tempfile"})
"""Standard modules for files. ``io.BytesIO`` and its like are no files (``HARMLESS``)."""

FILE_METHODS = frozenset({
    "absolute", "chmod", "exists", "expanduser", "glob", "hardlink_to", "is_dir", "is_file",
    "is_mount", "is_symlink", "iterdir", "lstat", "mkdir", "read_bytes", "read_text",
    "readlink", "rename", "resolve", "rglob", "rmdir", "samefile", "stat", "symlink_to", "touch",
    "unlink", "walk", "write_bytes", "write_text",
})  # fmt: skip
"""Methods of ``pathlib.Path`` that ask the disk. ``replace`` is missing: strings have it, too."""

HARMLESS = frozenset({
    "io.BufferedIOBase", "io.BytesIO", "io.StringIO", "io.TextIOBase", "io.TextIOWrapper",
    "io.UnsupportedOperation", "os.PathLike", "os.RTLD_LAZY", "os.RTLD_NOW", "os.cpu_count", "os.environ", "os.fsdecode",
    "os.fsencode", "os.fspath", "os.getpid", "os.name", "os.sched_getaffinity", "os.sep",
    "os.strerror", "os.sysconf", "shutil.get_terminal_size",
})  # fmt: skip
"""Names of ``os`` and the modules above that touch no file."""

BY_DESCRIPTOR = frozenset({
    "os",
    "os.close", "os.fchmod", "os.fstat", "os.fsync", "os.ftruncate", "os.getpid", "os.lseek", "os.pipe",
    "os.path.basename", "os.path.dirname", "os.path.join", "os.path.relpath",
    "os.path.samestat", "os.read", "os.stat_result", "os.supports_dir_fd", "os.uname", "os.write",
    "shutil.copyfileobj",
})  # fmt: skip
"""Names that use an open file, or the text of a path."""

PATH_METHODS = frozenset({
    ".hardlink_to()", ".read_bytes()", ".read_text()", ".symlink_to()", ".touch()",
    ".write_bytes()", ".write_text()",
})  # fmt: skip
"""Methods of ``Path`` that no open directory has."""


TEXT_READERS = frozenset({
    "fromisoformat", "fromtimestamp", "isdecimal", "isdigit", "isnumeric", "parsedate",
    "parsedate_to_datetime", "parsedate_tz", "strptime", "utcfromtimestamp",
})  # fmt: skip
"""Functions that read more texts than is meant, or raise more than one expects."""

NUMBERS = frozenset({"Decimal", "Fraction", "float", "int"})


@dataclass(frozen=True)
class Use:
    """One place in a module that a rule may forbid."""

    line: int
    name: str


def modules() -> dict[str, str]:
    """Return the source text of every module of the package by its full name."""
    return {_name_of(path): path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")}


def _name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(["dashget", *(part for part in parts if part != "__init__")])


def imports(text: str, known: Set[str]) -> set[str]:
    """Return the modules among ``known`` that a module imports, anywhere in its text.

    Imports inside functions and under ``TYPE_CHECKING`` count: a circle is a circle.
    """
    found: set[str] = set()
    for node in _nodes(text):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their module in full"
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                found.add(member if member in known else str(node.module))
    return found & known


def circles(graph: Mapping[str, Set[str]]) -> list[list[str]]:
    """Return every group of modules that import each other, however far around (Tarjan)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            at = stack.index(name)
            group = sorted(stack[at:])
            del stack[at:]
            if len(group) > 1 or name in graph[name]:
                found.append(group)

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return sorted(found)


def clocks(text: str) -> Iterator[Use]:
    """Yield every use of a clock or of randomness."""
    nodes = _nodes(text)
    for use in _named(nodes):
        head, _, rest = use.name.partition(".")
        if head in CLOCK_MODULES or (head == "datetime" and _last(rest) in CLOCK_METHODS):
            yield use
    for node in nodes:
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in CLOCK_METHODS:
            yield Use(called.lineno, f".{called.attr}()")


def files(text: str) -> Iterator[Use]:
    """Yield every use of a file or a folder."""
    nodes = _nodes(text)
    for use in _named(nodes):
        head, *rest = use.name.split(".")
        if ".".join([head, *rest[:1]]) in HARMLESS:
            continue
        if head == "os" or head in FILE_MODULES:
            yield use
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "open" and "open" not in own:
            yield Use(node.lineno, "open()")
        elif isinstance(node.func, ast.Attribute) and _asks_the_disk(node, node.func.attr):
            yield Use(node.lineno, f".{node.func.attr}()")


def number_readers(text: str) -> Iterator[Use]:
    """Yield every call that may read a number, a date or a time from a text.

    ``int(x)`` may: the source does not tell if ``x`` is a text. ``int(x * y)`` does not.
    """
    for node in _nodes(text):
        if not isinstance(node, ast.Call):
            continue
        name = _last(ast.unparse(node.func))
        given = node.args[0] if len(node.args) == 1 else None
        if name in TEXT_READERS:
            yield Use(node.lineno, name)
        elif name in NUMBERS and isinstance(given, ast.Name | ast.Attribute | ast.Subscript):
            yield Use(node.lineno, f"{name}({ast.unparse(given)})")


def strict_decoders(text: str) -> Iterator[Use]:
    """Yield every call that turns bytes into a text, and raises for bytes that are none.

    Not those with a handler of errors, of Latin-1, which has all bytes, of JSON, and of what was
    encoded in Base64 just now.
    """
    for node in _nodes(text):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = ast.unparse(node.func.value)
        if node.func.attr != "decode" or owner.endswith(("json", "decoder")):
            continue
        if owner.startswith("base64."):
            continue
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        total = len(given) > 1 or (
            bool(given) and isinstance(given[0], ast.Constant) and given[0].value == "latin-1"
        )
        if not total:
            yield Use(node.lineno, f"{owner}.decode")


def paths(text: str) -> Iterator[Use]:
    """Yield every use of a file by its path; an open file or directory is none.

    ``open`` is for what a method returned: the descriptor of a file.
    """
    nodes = _nodes(text)
    for use in files(text):
        head = use.name.partition(".")[0]
        if use.name in PATH_METHODS or (
            head in ("os", "shutil")
            and not use.name.startswith(("os.O_", "os.SEEK_"))
            and use.name not in BY_DESCRIPTOR
        ):
            yield use
    for node in nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "open"
            and not _is_descriptor(node.args[0])
        ):
            yield Use(node.lineno, "open()")


def outputs(text: str) -> Iterator[Use]:
    """Yield every way to write to a standard stream: itself, ``print``, a console."""
    nodes = _nodes(text)
    for use in _named(nodes):
        if use.name.startswith(("sys.stdout", "sys.stderr", "sys.__std")):
            yield use
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in ("print", "Console"):
                yield Use(node.lineno, f"{name}()")


def unguarded(text: str) -> Iterator[Use]:
    """Yield the ways among ``outputs`` that pass by the guard of the streams."""
    ways = (".buffer", ".buffer.write", ".buffer.flush", ".fileno", ".detach")
    for use in outputs(text):
        if use.name.startswith("sys.__std") or use.name == "Console()" or use.name.endswith(ways):
            yield use


def _is_descriptor(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) or (isinstance(node, ast.Name) and node.id == "descriptor")


@functools.cache
def _nodes(text: str) -> tuple[ast.AST, ...]:
    """Parse a module once for all rules."""
    return tuple(ast.walk(ast.parse(text)))


def _asks_the_disk(call: ast.Call, method: str) -> bool:
    """Tell ``path.open("rb")`` from ``store.open(path)``: the mode is a text in the source."""
    if method != "open":
        return method in FILE_METHODS
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(isinstance(value, ast.Constant) for value in values)


def _named(nodes: Sequence[ast.AST]) -> Iterator[Use]:
    """Yield every name that leads into an imported module, with what it stands for.

    ``import time as t`` and ``t.sleep``, and ``from time import sleep``, are both
    ``time.sleep``. A module that is imported and not used is reported by the linter.
    """
    known: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield Use(node.lineno, f"{node.module}.{alias.name}")
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            dotted = _dotted(node)
            head, _, rest = dotted.partition(".")
            if head in known and (rest or not hasattr(builtins, head)):
                yield Use(node.lineno, f"{known[head]}.{rest}".rstrip("."))


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _last(name: str) -> str:
    return name.rpartition(".")[2]
