"""Subtitles of a mirror as tracks of cues, at their place in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from dashget.errors import MuxError, StoreError
from dashget.media.isobmff import BoxError
from dashget.mpd.presentation import AdaptationSet, Presentation, Representation
from dashget.mux.contents import Contents
from dashget.mux.errors import LockedError
from dashget.mux.labels import Label, label_of
from dashget.mux.protection import declared, found
from dashget.mux.source import JoinedFile, read_box, read_bytes
from dashget.mux.subtitles.cues import Cue, Script, in_milliseconds, in_order, joined, moved
from dashget.mux.subtitles.document import is_mp4, read_script
from dashget.mux.subtitles.formats import Timed
from dashget.mux.subtitles.limits import MOST_BYTES, SubtitleError
from dashget.mux.times import origin_of
from dashget.mux.tracks import stretch_name
from dashget.planning.choice import Group

_PICTURES: Final = ("im1i", "im2i")
"""The profiles of TTML whose subtitles are pictures (in ``@codecs``, such as stpp.ttml.im1i)."""
_SHOWN: Final = 3
_HEAD_BYTES: Final = 16


class TextStretch(msgspec.Struct, frozen=True):
    """The subtitles of one Representation in one Period; their times are media times."""

    representation: Representation
    adaptation_set: AdaptationSet
    script: Script

    @property
    def name(self) -> str:
        """The stretch in messages."""
        return stretch_name(self.representation)


class TextTrack(msgspec.Struct, frozen=True):
    """Subtitles of the file: cues with their times in it, in milliseconds."""

    name: str
    language: str | None
    """The language as the manifest spells it."""
    label: Label
    timed: tuple[Timed, ...]
    styles: tuple[str, ...] = ()


def refuse_pictures(representation: Representation) -> None:
    """Raise MuxError for subtitles that are pictures by the manifest's word."""
    codecs = representation.codecs or ""
    if any(part in _PICTURES for part in codecs.lower().replace(",", ".").split(".")):
        raise _refusal(representation, f"its subtitles are pictures ({codecs})")


def read_stretch(
    representation: Representation,
    adaptation_set: AdaptationSet,
    contents: Contents,
    files: JoinedFile,
) -> TextStretch:
    """Read all cues of a Representation from its joined files, which are closed.

    Raises LockedError for encrypted subtitles, and MuxError for others that cannot be read.
    """
    try:
        _require_clear(representation, files)
        spans = list(_sizes(contents))
        beginning = b"".join(_read(files, *span) for span in spans[: contents.first_media])
        media = (_read(files, *span) for span in spans[contents.first_media :])
        script = read_script(beginning, media)
    except (BoxError, SubtitleError) as error:
        raise _refusal(representation, str(error)) from error
    except OSError as error:
        name = stretch_name(representation)
        raise StoreError(f"{name} cannot be read: {error.strerror or error}") from error
    finally:
        files.close()
    return TextStretch(representation, adaptation_set, script)


def text_tracks(
    stretches: Sequence[TextStretch], presentation: Presentation, zero: Fraction
) -> tuple[TextTrack, ...]:
    """Return the tracks of a file: a track continues by language and roles.

    A cue is shown no longer than its Period; what lies before zero is left out.
    """
    groups: dict[tuple[Group, int], dict[int, TextStretch]] = {}
    for stretch in stretches:
        group, number = Group.of(stretch.representation, stretch.adaptation_set), 0
        period = stretch.representation.period.index
        while period in groups.get((group, number), ()):
            number += 1
        groups.setdefault((group, number), {})[period] = stretch
    return tuple(_track(tuple(parts.values()), presentation, zero) for parts in groups.values())


def problems_of(stretch: TextStretch) -> str | None:
    """Return a sentence on the cues that were left out; None if all were read."""
    problems = stretch.script.problems
    if not problems:
        return None
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return f"{stretch.name}: {'; '.join(problems[:_SHOWN])}{more}"


def _track(
    stretches: Sequence[TextStretch], presentation: Presentation, zero: Fraction
) -> TextTrack:
    last = max(period.index for period in presentation.periods)
    pieces: list[tuple[Cue, ...]] = []
    for stretch in stretches:
        period = stretch.representation.period
        end = None
        if period.index != last and period.duration is not None:
            end = period.start + period.duration - zero
        window = (max(period.start - zero, Fraction(0)), end)
        by = origin_of(stretch.representation) - zero
        pieces.append(tuple(moved(stretch.script.cues, by, window)))
    first = stretches[0]
    label = label_of(first.representation, first.adaptation_set)
    if "captions" in label.purposes:
        purposes = label.purposes | {"hearing_impaired"}
        label = msgspec.structs.replace(label, purposes=purposes)
    styles = dict.fromkeys(style for stretch in stretches for style in stretch.script.styles)
    try:
        timed = in_milliseconds(in_order(joined(pieces)))
    except SubtitleError as error:
        raise _refusal(first.representation, str(error)) from error
    return TextTrack(first.name, first.representation.lang, label, timed, tuple(styles))


def _require_clear(representation: Representation, files: JoinedFile) -> None:
    """Raise LockedError for encrypted subtitles: keys are for video and audio only."""
    encrypted = declared(representation.protections)
    if is_mp4(read_bytes(files, 0, _HEAD_BYTES)):
        encrypted = found(read_box(files, "moov"), read_box(files, "moof")) or encrypted
    if encrypted is not None:
        raise LockedError(f"{encrypted} (subtitles are not decrypted; --subtitles none)")


def _sizes(contents: Contents) -> Iterator[tuple[int, int]]:
    """Yield where each span is in the joined file, and its size."""
    position = 0
    for span in contents.spans:
        yield position, span.size
        position += span.size


def _read(files: JoinedFile, position: int, size: int) -> bytes:
    if size > MOST_BYTES:
        raise SubtitleError(f"a file of more than {MOST_BYTES:,} bytes")
    files.seek(position)
    parts = []
    while size and (data := files.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def _refusal(representation: Representation, reason: str) -> MuxError:
    name = stretch_name(representation)
    return MuxError(
        f"{name} cannot be written: {reason}",
        hint="--subtitles none leaves all subtitles out,"
        f" --text id!={representation.id} only these",
    )
