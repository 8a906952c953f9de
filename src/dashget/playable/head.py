"""Read the head of an MPD, up to its first Period, and give it a BaseURL without parsing the rest.

FFmpeg adds the directory of a relative path twice where an MPD has no BaseURL: ``a/x.mpd`` leads it
to ``a/a/1.m4s``. ``<BaseURL>./</BaseURL>`` means the same to every player, FFmpeg included.
"""

from __future__ import annotations

import pyexpat as expat
from typing import Final

import msgspec

from dashget.mpd.encoding import ENCODING

HERE: Final = "./"
"""A BaseURL that means the directory of the MPD."""


class Head(msgspec.Struct, frozen=True):
    """What an MPD says before its first Period.

    ``position`` is the place in bytes where BaseURL elements belong, and ``prefix`` the prefix of
    the MPD's name with its colon. ``bases`` are the texts of its BaseURLs, as they are written.
    """

    position: int
    prefix: str
    attributes: dict[str, str]
    bases: tuple[str, ...]

    def with_base(self, data: bytes) -> bytes:
        """Return the document with a BaseURL for the directory that it is in."""
        name = f"{self.prefix}BaseURL".encode()
        element = b"<%b>%b</%b>" % (name, HERE.encode(), name)
        space = data[: self.position]
        space = space[len(space.rstrip(b" \t\r\n")) :]
        return b"".join((data[: self.position], element, space, data[self.position :]))


class _FoundError(Exception):
    """The first Period has begun: the rest is not read."""


class _Reader:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.attributes: dict[str, str] = {}
        self.position: int | None = None
        self.bases: list[str] = []
        self.parser = expat.ParserCreate(ENCODING)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if not self.names:
            self.attributes = attributes
        elif len(self.names) == 1:
            if self.position is None and local != "ProgramInformation":
                self.position = self.parser.CurrentByteIndex
            if local == "BaseURL":
                self.bases.append("")
            if local == "Period":
                raise _FoundError
        self.names.append(name)

    def end(self, _: str) -> None:
        self.names.pop()

    def text(self, text: str) -> None:
        if len(self.names) == 2 and self.names[1].endswith("BaseURL"):
            self.bases[-1] += text


def read_head(data: bytes) -> Head | None:
    """Return the head of a document in UTF-8; None if there is none."""
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except _FoundError:
        pass
    except (expat.ExpatError, LookupError, ValueError):
        return None
    if reader.position is None or not reader.names:
        return None
    prefix = reader.names[0].rpartition("MPD")[0]
    return Head(reader.position, prefix, reader.attributes, tuple(reader.bases))
