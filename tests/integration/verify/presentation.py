"""A small presentation that each test of ``verify`` changes as it needs, and ways to damage it."""

from __future__ import annotations

from pathlib import Path

from tests.support.builders import media_segment, mpd
from tests.support.faultserver import Answer, FaultServer

MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"
LATER = "Tue, 03 Nov 2026 10:00:00 GMT"
NUMBERS = (1, 2, 3)
FILES = {"init.mp4"} | {f"{name}/{number}.m4s" for name in "vw" for number in NUMBERS}


def manifest(numbers: tuple[int, ...] = NUMBERS, media: str = "v/$Number$.m4s") -> Answer:
    """Return a manifest with a large and a small picture; both have the segments ``numbers``."""
    representations = (
        '<Representation id="v" bandwidth="8000"/>'
        '<Representation id="w" bandwidth="4000"><SegmentTemplate media="w/$Number$.m4s"/>'
        "</Representation>"
    )
    content = (
        f'<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="2" media="{media}" '
        f'initialization="init.mp4" endNumber="{numbers[-1]}"/>{representations}'
        "</AdaptationSet>"
    )
    return Answer(mpd(content, seconds=2 * len(numbers)))


def segment(number: int, content: bytes | None = None) -> bytes:
    """Return the media segment ``number`` from 1, of two seconds."""
    return media_segment(number, content or bytes([number]) * 2000)


def serve(server: FaultServer, path: str, data: bytes, **more: object) -> None:
    """Put a file of the presentation on the server; ``more`` are fields of the answer."""
    options: dict[str, object] = {"etag": f'"{path}"', "last_modified": MODIFIED, **more}
    server.on(f"/show/{path}", Answer(data, **options))  # type: ignore[arg-type]


def asked(server: FaultServer, method: str) -> set[str]:
    """Return the files that requests with this method asked for."""
    return {s.path.removeprefix("/show/") for s in server.seen if s.method == method}


def flip(path: Path, place: float = 0.5) -> None:
    """Change one byte: 0 is the first one of the file, 1 the last one."""
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 0x10
    path.write_bytes(data)


def drop(path: Path) -> None:
    """Remove a file."""
    path.unlink()


def truncate(path: Path) -> None:
    """Remove the last byte of a file."""
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    """Remove all bytes of a file."""
    path.write_bytes(b"")


def extend(path: Path) -> None:
    """Add a byte to a file."""
    path.write_bytes(path.read_bytes() + b"\0")


def swap(root: Path, first: str, second: str) -> None:
    """Give two files each other's name."""
    (root / first).rename(root / "aside")
    (root / second).rename(root / first)
    (root / "aside").rename(root / second)
