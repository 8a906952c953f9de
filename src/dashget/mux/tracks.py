"""Join stretches into file tracks, across Periods.

A track continues by type, language and roles, never by Representation id: ids need not stay the
same from one Period to the next. If a Period has several of the same, they continue in order.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dashget.errors import MuxError
from dashget.mpd.presentation import AdaptationSet, Representation
from dashget.mux.container import Container
from dashget.mux.contents import Contents, Piece
from dashget.mux.description import Description
from dashget.mux.labels import Label, label_of
from dashget.planning.choice import Group

_SPLIT_HINT = "--split writes one file for each Period; --period takes only some"
_ORDER = {"video": 0, "audio": 1}


class Stretch(msgspec.Struct, frozen=True):
    """One Representation in one Period, with its files and what is known of its media."""

    representation: Representation
    adaptation_set: AdaptationSet
    contents: Contents
    pieces: tuple[Piece, ...]
    """The contents in parts that are opened one after the other; nearly always one."""
    description: Description

    @property
    def name(self) -> str:
        """The stretch in messages."""
        return stretch_name(self.representation)


class FileTrack(msgspec.Struct, frozen=True):
    """A track of the file: stretches with the same configuration, in order of their Periods."""

    kind: str
    label: Label
    stretches: tuple[Stretch, ...]

    @property
    def description(self) -> Description:
        """What is known of the media of the first stretch."""
        return self.stretches[0].description


def stretch_name(representation: Representation) -> str:
    """Return how messages name a Representation in a Period."""
    period = representation.period
    shown = f"Period {period.index}" if period.id is None else f"Period {period.id}"
    return f"{representation.content_type.value} {representation.id} of {shown}"


def join(stretches: Sequence[Stretch], container: Container) -> tuple[FileTrack, ...]:
    """Return the file tracks, video first; MuxError if a track changes or does not fit."""
    joined: dict[tuple[str, Group, int], list[Stretch]] = {}
    for stretch in stretches:
        kind, group = stretch.description.kind, _group(stretch)
        number = 0
        while _has_period(joined.get((kind, group, number)), stretch):
            number += 1
        joined.setdefault((kind, group, number), []).append(stretch)
    tracks = [
        FileTrack(kind, label_of(parts[0].representation, parts[0].adaptation_set), tuple(parts))
        for (kind, _, _), parts in joined.items()
    ]
    for track in tracks:
        _require_same(track)
        _require_fit(track, container)
    return tuple(sorted(tracks, key=lambda track: _ORDER.get(track.kind, 2)))


def _group(stretch: Stretch) -> Group:
    """Return what stays the same in all Periods; video often has a language in some only."""
    group = Group.of(stretch.representation, stretch.adaptation_set)
    return (
        msgspec.structs.replace(group, lang="und") if stretch.description.kind == "video" else group
    )


def _has_period(parts: Sequence[Stretch] | None, stretch: Stretch) -> bool:
    """Return True if a track has a stretch in the Period already."""
    period = stretch.representation.period.index
    return bool(parts) and any(p.representation.period.index == period for p in parts or ())


def _require_same(track: FileTrack) -> None:
    first, *others = track.stretches
    for other in others:
        changed = first.description.configuration.difference(other.description.configuration)
        if changed is not None:
            raise MuxError(
                f"{other.name} cannot follow {first.name} in one file: another {changed}",
                hint=_SPLIT_HINT,
            )


def _require_fit(track: FileTrack, container: Container) -> None:
    codec = track.description.configuration.codec
    better = container.refusal(codec)
    if better is not None:
        raise MuxError(
            f"{track.stretches[0].name}: a {container.suffix} file cannot hold {codec}",
            hint=f"give the file a name that ends in {better}",
        )
    if container.audio_only and track.kind != "audio":
        raise MuxError(
            f"{track.stretches[0].name}: a {container.suffix} file holds audio only",
            hint="leave --video out, or give the file a name that ends in .mp4 or .mkv",
        )
