"""Open the media of a stretch, and describe what a decoder needs.

Two stretches with equal configurations can follow one another in a file track.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from math import lcm
from typing import Any, Final

import msgspec

from dashget.errors import MuxError, StoreError
from dashget.media.isobmff import BoxError
from dashget.media.topboxes import has_description
from dashget.media.webm import has_header
from dashget.mux.contents import Contents
from dashget.mux.direct.fragments import UnknownMediaError, read_defaults, read_runs
from dashget.mux.errors import as_mux_error, load_av
from dashget.mux.sampleentries import SampleEntry, find_moov, read_tracks
from dashget.mux.source import JoinedFile, read_box

_BUFFER_BYTES: Final = 1 << 16
"""Larger ones are slower: what is read would leave the processor's cache before it is copied."""
_PEEKED: Final = 32
"""The packets that are looked at for the earliest time: pictures are coded out of order."""
_SET_APART: Final = ("esds",)
"""Boxes with bit rates, which may differ; libavformat gives the configuration in them."""
OPTIONS: Final = {"fflags": "+ignidx+nofillin+noparse"}
"""Times and key frames are those of the container; an index is no reason to read ahead."""
_UNDECODED: Final = {"probesize": "32"}
"""For packets alone nothing needs to be known that only decoding tells."""


class Configuration(msgspec.Struct, frozen=True):
    """What has to be the same in all stretches of a file track."""

    codec: str
    code: str
    """The four-character code of the sample entry; empty in WebM."""
    extradata: bytes
    boxes: tuple[tuple[str, bytes], ...]
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    channels: str = ""

    def difference(self, other: Configuration) -> str | None:
        """Return what differs from another configuration, in words; None if nothing does."""
        for name, word in _WORDS.items():
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                return f"{word} ({mine} and {its})"
        if (self.width, self.height) != (other.width, other.height):
            return f"picture size ({self.width}x{self.height} and {other.width}x{other.height})"
        if self.extradata != other.extradata:
            return "codec configuration"
        changed = dict(self.boxes).items() ^ dict(other.boxes).items()
        return None if not changed else f"codec configuration ({min(changed)[0]})"


_WORDS: Final = {
    "codec": "codec",
    "code": "sample entry",
    "sample_rate": "sample rate",
    "channels": "channels",
}


class Description(msgspec.Struct, frozen=True):
    """The facts about the media of a stretch; times are ticks of ``timescale``."""

    kind: str
    configuration: Configuration
    timescale: int
    first_pts: int
    first_dts: int
    frame_samples: int
    """The samples of each frame of audio; 0 if they vary or are unknown."""
    priming: int
    """The samples at the beginning that a player hides."""
    in_webm: bool
    metadata: tuple[tuple[str, str], ...] = ()
    late: int = 0
    """The ticks by which libavformat presents everything too late; the times here are right."""
    early: Fraction = Fraction(0)
    """The ticks by which the times of WebM are too early: libavformat rounds ``CodecDelay``."""


@contextmanager
def open_media(
    joined: JoinedFile, what: str, key: str | None = None, *, packets_only: bool = False
) -> Iterator[Any]:
    """Open the joined files of a piece; ``what`` names it in errors, ``key`` decrypts it.

    With ``packets_only``, what is known of the streams is only what the container says.
    """
    av = load_av()
    options = {**OPTIONS, **_UNDECODED} if packets_only else dict(OPTIONS)
    if key is not None:
        options["decryption_key"] = key
    joined.seek(0)
    try:
        with as_mux_error(f"{what} cannot be read"):
            container = av.open(
                joined,
                "r",
                options=options,
                buffer_size=_BUFFER_BYTES,
                metadata_errors="replace",
            )
        with container:
            yield container
    finally:
        joined.close()


def the_stream(container: Any, what: str) -> Any:
    """Return the one stream of a stretch; MuxError if there are several, or none to copy."""
    streams = [s for s in container.streams if s.type in ("video", "audio")]
    if len(streams) > 1:
        raise MuxError(
            f"{what} has {len(streams)} tracks in one file, which cannot be taken apart yet",
            hint="leave it out with --video or --audio",
        )
    if not streams or streams[0].codec_context is None:
        raise MuxError(
            f"{what} has a codec that cannot be copied",
            hint="leave it out, for example with --audio codecs!=ac-4",
        )
    return streams[0]


def describe(
    joined: JoinedFile, contents: Contents, beginning: bytes, what: str, key: str | None = None
) -> Description:
    """Read the beginning of a stretch; MuxError for what cannot be read or copied."""
    entry = _entry_of(beginning, what)
    if entry is None:
        _require_description(joined, what)
    offsets = _compositions(joined, beginning, what)
    with open_media(joined, what, key) as container, as_mux_error(f"{what} cannot be read"):
        stream = the_stream(container, what)
        packets = list(islice((p for p in container.demux(stream) if p.size), _PEEKED))
        if not packets:
            raise MuxError(f"{what} has no media: {len(contents.spans)} files, no packet")
        late = _lateness(packets[0], offsets)
        return _described(stream, packets, entry, late, webm="matroska" in container.format.name)


def _require_description(joined: JoinedFile, what: str) -> None:
    """Raise MuxError for media that nothing describes, as ``get`` and ``verify`` call it."""

    def read(offset: int, count: int) -> bytes:
        joined.seek(offset)
        return joined.read(count)

    with as_mux_error(f"{what} cannot be read"):
        if False in (has_description(read, joined.size), has_header(read, joined.size)):
            raise MuxError(
                f"{what} cannot be decoded: its media begins without a moov box or an EBML header",
                hint="leave it out with --video or --audio",
            )


def _compositions(joined: JoinedFile, beginning: bytes, what: str) -> Sequence[int]:
    """Return the distances from decode to presentation time in the first fragment."""
    if not find_moov(beginning):
        return ()
    try:
        moof = read_box(joined, "moof")
        runs = read_runs(moof, 0, 0, read_defaults(beginning), encrypted=True) if moof else ()
    except UnknownMediaError:
        return ()
    except OSError as error:
        raise StoreError(f"{what} cannot be read: {error.strerror or error}") from error
    return [offset for run in runs for offset in run.compositions or [0] * run.count]


def _lateness(first: Any, compositions: Sequence[int]) -> int:
    """Return how much later libavformat presents what has offsets below 0 (``dts_shift``).

    It adds the largest of them to all presentation times, in place of taking it off decode times.
    """
    if first.pts is None or first.dts is None or not compositions:
        return 0
    late: int = first.pts - first.dts - compositions[0]
    return late if late == -min(compositions) else 0


def _described(
    stream: Any, packets: Sequence[Any], entry: SampleEntry | None, late: int, *, webm: bool
) -> Description:
    context = stream.codec_context
    audio = stream.type == "audio"
    ticks = stream.time_base
    scale = lcm(ticks.denominator, 1)
    times = [p.pts if p.pts is not None else p.dts for p in packets]
    decode = [p.dts if p.dts is not None else p.pts for p in packets]
    boxes = () if entry is None else entry.boxes
    return Description(
        kind=stream.type,
        configuration=Configuration(
            codec=context.codec.canonical_name,
            code="" if entry is None else entry.code,
            extradata=bytes(context.extradata or b""),
            boxes=tuple(box for box in boxes if box[0] not in _SET_APART),
            width=0 if audio else context.width,
            height=0 if audio else context.height,
            sample_rate=context.sample_rate if audio else 0,
            channels=context.layout.name if audio else "",
        ),
        timescale=scale,
        first_pts=min(times) * ticks.numerator - late,
        first_dts=decode[0] * ticks.numerator - late,
        frame_samples=max(context.frame_size or 0, 0) if audio else 0,
        priming=_priming(packets[0], context) if audio else 0,
        in_webm=webm,
        metadata=tuple(sorted(stream.metadata.items())),
        late=late,
        early=_earliness(packets[0], context.sample_rate, ticks) if audio and webm else Fraction(0),
    )


def _earliness(first: Any, rate: int, tick: Fraction) -> Fraction:
    """Return by how many ticks too much libavformat has taken ``CodecDelay`` off all times.

    6.5 ms, the delay of Opus, are 7 ticks for it.
    """
    delay = Fraction(_skipped(first), rate)
    taken = int(delay / tick + Fraction(1, 2)) * tick
    return (taken - delay) * tick.denominator


def _priming(packet: Any, context: Any) -> int:
    """Return the samples that are skipped at the beginning: those of Opus are in its header."""
    head = bytes(context.extradata or b"")
    if context.codec.canonical_name == "opus" and head.startswith(b"OpusHead"):
        return int.from_bytes(head[10:12], "little")
    return _skipped(packet)


def _skipped(packet: Any) -> int:
    if not packet.has_sidedata("skip_samples"):
        return 0
    return int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")


def _entry_of(beginning: bytes, what: str) -> SampleEntry | None:
    """Return the sample entry of an initialization segment; None in WebM."""
    try:
        moov = find_moov(beginning)
        if moov is None:
            return None
        entries = {entry.clear() for track in read_tracks(moov) for entry in track}
    except BoxError as error:
        raise MuxError(f"{what} cannot be read: {error}") from error
    if len(entries) > 1:
        codes = ", ".join(sorted(entry.code for entry in entries))
        raise MuxError(
            f"{what} has several sample entries ({codes}): players read the first one only",
            hint="leave it out with --video or --audio",
        )
    return next(iter(entries), None)
