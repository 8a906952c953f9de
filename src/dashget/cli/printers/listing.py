"""The content of a presentation as rows: the JSON form of ``list``, and what its tables show."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import msgspec

from dashget.common.numbers import nearest_float
from dashget.common.url import without_user
from dashget.media.isobmff import Protections
from dashget.mpd.presentation import AdaptationSet, Presentation, Protection, Representation
from dashget.mpd.protection import SYSTEMS
from dashget.planning.tracks import Track


class RepresentationRow(msgspec.Struct, frozen=True):
    """One Representation in the JSON form of ``dashget list``.

    ``duration`` is in seconds, ``bandwidth`` in bits per second, ``size_estimated`` in
    bytes; null if the manifest does not tell.
    """

    id: str
    bandwidth: int | None
    codecs: str | None
    mime_type: str | None
    width: int | None
    height: int | None
    frame_rate: float | None
    audio_sampling_rate: int | None
    channels: int | None
    segments: int | None
    duration: float | None
    size_estimated: int | None
    gaps: int
    """The number of stretches of a SegmentTimeline without a listed segment."""
    initialization: InitializationRow | None = None
    problems: tuple[str, ...] = ()
    """The reasons why its segments cannot be worked out."""


class ProtectionRow(msgspec.Struct, frozen=True):
    """One protection system."""

    scheme: str
    name: str | None
    default_kids: tuple[str, ...]
    pssh_systems: tuple[str, ...]


class InitializationRow(msgspec.Struct, frozen=True):
    """The encryption that an initialization segment declares (``--init``)."""

    schemes: tuple[str, ...]
    default_kids: tuple[str, ...]
    pssh_systems: tuple[str, ...]


class AdaptationSetRow(msgspec.Struct, frozen=True):
    """One AdaptationSet in the JSON form of ``dashget list``."""

    index: int
    id: str | None
    content_type: str
    lang: str | None
    labels: tuple[str, ...]
    roles: tuple[str, ...]
    accessibility: tuple[str, ...]
    trick_mode_for: tuple[str, ...]
    switching_with: tuple[str, ...]
    tiles: str | None
    inband_events: tuple[str, ...]
    protection: tuple[ProtectionRow, ...]
    representations: tuple[RepresentationRow, ...]


class PeriodRow(msgspec.Struct, frozen=True):
    """One Period in the JSON form of ``dashget list``."""

    index: int
    id: str | None
    start: float
    duration: float | None
    events: int
    adaptation_sets: tuple[AdaptationSetRow, ...]


class PresentationRow(msgspec.Struct, frozen=True):
    """The JSON form of ``dashget list``."""

    url: str
    type: str
    title: str | None
    duration: float | None
    periods: tuple[PeriodRow, ...]


def presentation_row(
    presentation: Presentation,
    tracks: tuple[Track, ...],
    protections: Mapping[int, Protections] | None = None,
) -> PresentationRow:
    """Return the facts of a presentation; ``tracks`` has all its Representations.

    ``protections`` has the encryption found in initialization segments, by key of the track.
    """
    by_place = {id(track.representation): track for track in tracks}
    return PresentationRow(
        url=without_user(presentation.url),
        type=presentation.type.value,
        title=presentation.title,
        duration=_float(presentation.duration),
        periods=tuple(
            PeriodRow(
                index=period.index,
                id=period.id,
                start=nearest_float(period.start),
                duration=_float(period.duration),
                events=sum(stream.count for stream in period.events),
                adaptation_sets=tuple(
                    _adaptation_set_row(adaptation_set, by_place, protections or {})
                    for adaptation_set in period.adaptation_sets
                ),
            )
            for period in presentation.periods
        ),
    )


def _adaptation_set_row(
    adaptation_set: AdaptationSet,
    tracks: dict[int, Track],
    initial: Mapping[int, Protections],
) -> AdaptationSetRow:
    protections = adaptation_set.protections or tuple(
        protection
        for representation in adaptation_set.representations[:1]
        for protection in representation.protections
    )
    tiles = adaptation_set.tiles
    return AdaptationSetRow(
        index=adaptation_set.index,
        id=adaptation_set.id,
        content_type=adaptation_set.content_type.value,
        lang=adaptation_set.lang,
        labels=adaptation_set.labels,
        roles=tuple(role.value or role.scheme for role in adaptation_set.roles),
        accessibility=tuple(item.value or item.scheme for item in adaptation_set.accessibility),
        trick_mode_for=adaptation_set.trick_mode_for,
        switching_with=adaptation_set.switching_with,
        tiles=f"{tiles.columns}x{tiles.rows}" if tiles else None,
        inband_events=tuple(stream.scheme for stream in adaptation_set.inband_events),
        protection=tuple(_protection_row(protection) for protection in protections),
        representations=tuple(
            _representation_row(representation, tracks[id(representation)], initial)
            for representation in adaptation_set.representations
        ),
    )


def _protection_row(protection: Protection) -> ProtectionRow:
    return ProtectionRow(
        scheme=protection.scheme,
        name=protection.name,
        default_kids=protection.default_kids,
        pssh_systems=tuple(box_.system_id for box_ in protection.pssh),
    )


def _representation_row(
    representation: Representation, track: Track, initial: Mapping[int, Protections]
) -> RepresentationRow:
    found = initial.get(track.key)
    return RepresentationRow(
        id=representation.id,
        bandwidth=representation.bandwidth,
        codecs=representation.codecs,
        mime_type=representation.mime_type,
        width=representation.width,
        height=representation.height,
        frame_rate=_float(representation.frame_rate),
        audio_sampling_rate=representation.audio_sampling_rate,
        channels=representation.channels,
        segments=track.index.count(),
        duration=_float(representation.period.duration),
        size_estimated=track.bytes_estimated,
        gaps=representation.gaps,
        problems=tuple(str(problem) for problem in representation.problems),
        initialization=None
        if found is None
        else InitializationRow(
            found.schemes,
            found.key_ids,
            tuple(SYSTEMS.get(box.system_id, box.system_id) for box in found.pssh),
        ),
    )


def _float(value: Fraction | None) -> float | None:
    return None if value is None else nearest_float(value)
