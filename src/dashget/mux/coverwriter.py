"""Add a cover to a file: an attachment in Matroska, what libavformat writes as ``covr`` in MP4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dashget.mux.container import Container, Family
from dashget.mux.errors import load_av
from dashget.mux.picture import Picture


def add_cover(output: Any, container: Container, cover: Picture) -> Iterator[Any]:
    """Add a cover behind all tracks; the packets returned are to be written before all others."""
    if container.family is Family.MATROSKA:
        output.add_attachment(cover.name, cover.mime_type, cover.data)
        return iter(())
    from av.stream import Disposition

    stream = output.add_mux_stream(cover.kind.value, width=cover.width, height=cover.height)
    stream.disposition = Disposition.attached_pic.value
    packet = load_av().Packet(cover.data)
    packet.stream = stream
    packet.pts = packet.dts = 0
    packet.is_keyframe = True
    return iter((packet,))


def is_cover(stream: Any) -> bool:
    """Return True if a stream that is read is a cover, and no track."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)
