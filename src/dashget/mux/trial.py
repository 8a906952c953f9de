"""Try a key: decode some media strictly, before anything is written.

Decryption with a wrong key ends without an error, and gives noise. Noise fails in a decoder, but
not at once: HEVC decodes most of it to pictures that end too early. Those are found by their last
rows, which the decoder has left at zero; no real picture has zero in all of its planes.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final

from dashget.errors import MuxError
from dashget.mux.contents import Piece
from dashget.mux.description import open_media, the_stream
from dashget.mux.errors import load_av
from dashget.mux.feed import OpenPiece
from dashget.mux.times import opus_samples

_PACKETS: Final = 100
_LARGE_PACKETS: Final = 50
_LARGE_PIXELS: Final = 1280 * 720
_ROWS: Final = 4
_COLUMNS: Final = 8
_STRICT: Final = {"err_detect": "crccheck+bitstream+buffer+explode"}
_OPUS_RATE: Final = 48000


def require_right_keys(probes: Iterable[Piece], open_piece: OpenPiece, name: str) -> None:
    """Raise MuxError if a key does not decrypt what it is tried on."""
    av = load_av()
    for piece in probes:
        with open_media(open_piece(piece), name, piece.key) as container:
            stream = the_stream(container, name)
            try:
                good = _decodes(container, stream)
            except av.error.FFmpegError:
                good = False
        if not good:
            raise MuxError(
                f"{name} cannot be decoded with the key that is given for it",
                hint="the key is wrong, or the media are damaged; dashget verify finds damage",
            )


def _decodes(container: Any, stream: Any) -> bool:
    """Return False for what cannot come from the encoder; FFmpegError of the decoder passes."""
    context = stream.codec_context
    video = stream.type == "video"
    most = _PACKETS
    if video and context.width * context.height > _LARGE_PIXELS:
        most = _LARGE_PACKETS
    decoder, begin, left = _decoder(context), None, most
    opus = context.codec.canonical_name == "opus"
    for packet in container.demux(stream):
        if not packet.size or not left:
            break
        if begin is None:
            if video and not packet.is_keyframe:
                continue
            begin = packet.pts
        # Pictures before the key picture may need others that are not here.
        if video and packet.pts is not None and begin is not None and packet.pts < begin:
            continue
        left -= 1
        if opus and not _lasts(packet):
            return False
        for frame in decoder.decode(packet):
            if video and _ends_early(frame):
                return False
    return left < most


def _decoder(context: Any) -> Any:
    """Return a strict decoder of its own, with nothing left in its buffers."""
    decoder = load_av().CodecContext.create(context.codec.name, "r")
    decoder.extradata = context.extradata
    if context.type == "audio":
        decoder.sample_rate = context.sample_rate
        decoder.layout = context.layout
    decoder.thread_count = 1
    decoder.options = dict(_STRICT)
    return decoder


def _lasts(packet: Any) -> bool:
    """Return True if an Opus packet says that it lasts as long as the file says, or longer.

    Any bytes decode as Opus; the last packet may be cut.
    """
    said: Fraction = packet.duration * packet.time_base * _OPUS_RATE
    return opus_samples(bytes(packet)[:2]) >= said


def _ends_early(frame: Any) -> bool:
    """Return True if the last corner of a picture is zero in all planes."""
    for plane in frame.planes:
        data = memoryview(plane)
        for row in range(max(plane.height - _ROWS, 0), plane.height):
            end = row * plane.line_size + plane.width
            if any(data[max(end - _COLUMNS, 0) : end]):
                return False
    return True
