"""What a file says about a track: its language, its title and its purposes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from dashget.mpd.presentation import AdaptationSet, Descriptor, Representation
from dashget.planning.languages import iso639_2

_ROLES: Final = {
    "dub": "dub",
    "commentary": "comment",
    "forced-subtitle": "forced",
    "forced_subtitle": "forced",
    "caption": "captions",
    "description": "visual_impaired",
    "enhanced-audio-intelligibility": "hearing_impaired",
    "easyreader": "hearing_impaired",
    "karaoke": "karaoke",
    "metadata": "metadata",
}
_ROLE_SCHEME: Final = "urn:mpeg:dash:role:2011"
_PURPOSES: Final = {
    ("urn:tva:metadata:cs:audiopurposecs:2007", "1"): "visual_impaired",
    ("urn:tva:metadata:cs:audiopurposecs:2007", "2"): "hearing_impaired",
    (_ROLE_SCHEME, "description"): "visual_impaired",
    (_ROLE_SCHEME, "caption"): "captions",
    (_ROLE_SCHEME, "enhanced-audio-intelligibility"): "hearing_impaired",
}


class Label(msgspec.Struct, frozen=True):
    """The language (ISO 639-2/T), the title, and the purposes by libavformat's names."""

    language: str
    title: str | None
    purposes: frozenset[str]


def label_of(representation: Representation, adaptation_set: AdaptationSet) -> Label:
    """Return what the manifest says about a track."""
    purposes = {
        _ROLES[role.value]
        for role in adaptation_set.roles
        if role.value in _ROLES and role.scheme.lower() in ("", _ROLE_SCHEME)
    }
    purposes.update(_purposes(adaptation_set.accessibility))
    title = next((label.strip() for label in adaptation_set.labels if label.strip()), None)
    return Label(iso639_2(representation.lang), title, frozenset(purposes))


def _purposes(descriptors: Iterable[Descriptor]) -> Iterable[str]:
    for descriptor in descriptors:
        known = _PURPOSES.get((descriptor.scheme.lower(), descriptor.value or ""))
        if known is not None:
            yield known
