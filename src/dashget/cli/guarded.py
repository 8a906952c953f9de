"""The standard streams, which no text can make dangerous: the one way to a terminal or a log.

``guard`` puts a wrapper around both; what is written through it has its control, direction and
invisible characters escaped, apart from the ends of lines. That is a net under ``streams.legible``:
only that knows where a value begins and ends, and so escapes a line break in it too.
``console`` paints in place; of what it writes, only its own commands reach the terminal as they
are. ``json_output`` takes lines of JSON, ``put_document`` the bytes of a document. Loads nothing
that is slow to import.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
"""As in ``typing``, whose import would delay the answer to Ctrl-C."""
if TYPE_CHECKING:
    from typing import IO, Any, BinaryIO, TextIO

    from rich.console import Console


class _Guarded:
    """A text stream that escapes what must not reach a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.unguarded = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self.unguarded, name)

    def write(self, text: str) -> int:
        if not (text.isascii() and text.replace("\n", "").isprintable()):
            from dashget.common.foreigntext import printable_lines

            text = printable_lines(text)
        return self.unguarded.write(text)

    def writelines(self, lines: list[str]) -> None:
        self.write("".join(lines))


class _JsonOutput:
    """A binary stream for JSON that escapes the same, as JSON does."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, data: bytes) -> int:
        if not data.isascii() or b"\x7f" in data:
            from dashget.common.foreigntext import printable_json

            data = printable_json(data)
        return self._stream.write(data)


def guard() -> None:
    """Guard the standard streams of the process, once."""
    streams: Any = sys
    for name in ("stdout", "stderr"):
        stream = getattr(streams, name)
        if not isinstance(stream, _Guarded):
            setattr(streams, name, _Guarded(stream))


def json_output() -> BinaryIO:
    """Return standard output for lines of JSON."""
    output: Any = _JsonOutput(sys.stdout.buffer)
    return output  # type: ignore[no-any-return]  # it has all that the stream has


def put_document(data: bytes) -> None:
    """Write a document to standard output byte for byte; to a terminal with escapes."""
    stream = sys.stdout
    if stream.isatty():
        stream.write(data.decode("utf-8", "replace"))
        return
    stream.flush()
    stream.buffer.write(data)
    stream.buffer.flush()


def console(stream: IO[str], **options: Any) -> Console:
    """Return a console of ``rich`` for a stream; it escapes all but its own commands."""
    from rich.console import Console
    from rich.segment import Segment

    from dashget.common.foreigntext import printable_lines

    class Guarding(Console):
        def render(self, *arguments: Any, **keywords: Any) -> Any:
            for part in super().render(*arguments, **keywords):
                if part.control:
                    yield part
                else:
                    yield Segment(printable_lines(part.text), part.style)

    raw = stream.unguarded if isinstance(stream, _Guarded) else stream
    return Guarding(file=raw, highlight=False, **options)
