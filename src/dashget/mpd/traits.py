"""Derive the content type of a Representation, and other facts, from names and descriptors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dashget.common.lateregex import late
from dashget.common.numbers import read_digits
from dashget.mpd.model import AdaptationSet, DescriptorElement, Representation
from dashget.mpd.presentation import ContentType, Descriptor, Tiles

TILE_SCHEMES: Final = frozenset(
    {"http://dashif.org/guidelines/thumbnail_tile", "http://dashif.org/thumbnail_tile"}
)
TRICK_MODE_SCHEMES: Final = frozenset({"http://dashif.org/guidelines/trickmode"})
SWITCHING_SCHEMES: Final = frozenset({"urn:mpeg:dash:adaptation-set-switching:2016"})
_KNOWN_ESSENTIAL: Final = (
    *TILE_SCHEMES,
    *TRICK_MODE_SCHEMES,
    *SWITCHING_SCHEMES,
    "urn:mpeg:dash:urlparam:",
    "urn:mpeg:mpegb:cicp:",
    "urn:mpeg:dash:srd:",
    "urn:mpeg:dash:period-continuity:",
    "urn:mpeg:dash:period-connectivity:",
    "urn:mpeg:dash:preselection:",
    "urn:mpeg:dash:pattern:",
    "urn:mpeg:dash:ssr:",
    "urn:dvb:dash:",
)
_VIDEO: Final = frozenset(
    [
        "avc1",
        "avc2",
        "avc3",
        "avc4",
        "hvc1",
        "hev1",
        "hvc2",
        "hev2",
        "lhv1",
        "lhe1",
        "vvc1",
        "vvi1",
        "evc1",
        "vp8",
        "vp9",
        "vp08",
        "vp09",
        "av1",
        "av01",
        "dvh1",
        "dvhe",
        "dvav",
        "dva1",
        "dav1",
        "mp4v",
        "mp2v",
        "mpeg2video",
        "theora",
        "s263",
        "mjpg",
        "apcn",
        "apch",
        "apcs",
        "ap4h",
    ]
)
_AUDIO: Final = frozenset(
    [
        "mp4a",
        "ac-3",
        "ec-3",
        "ac-4",
        "opus",
        "vorbis",
        "flac",
        "alac",
        "mp3",
        "dtsc",
        "dtse",
        "dtsh",
        "dtsl",
        "dtsx",
        "dtsy",
        "mha1",
        "mha2",
        "mhm1",
        "mhm2",
        "samr",
        "sawb",
        "iamf",
        "pcm",
        "lpcm",
        "ipcm",
        "fpcm",
    ]
)
_TEXT: Final = frozenset(
    [
        "stpp",
        "wvtt",
        "ttml",
        "dfxp",
        "sbtt",
        "stxt",
        "tx3g",
        "vtt",
        "webvtt",
        "subs",
        "c608",
        "im1t",
        "im2t",
    ]
)
_IMAGE: Final = frozenset(["jpeg", "jpg", "png", "webp", "avif", "heic", "mjpeg"])
_EXTENSIONS: Final = {
    ContentType.VIDEO: frozenset(["mp4", "m4v", "cmfv", "webm", "mkv", "ts", "m2ts", "mpg", "mov"]),
    ContentType.AUDIO: frozenset(
        ["m4a", "cmfa", "aac", "mp3", "ac3", "ec3", "oga", "ogg", "opus", "weba", "flac"]
    ),
    ContentType.TEXT: frozenset(
        ["vtt", "webvtt", "ttml", "ttml2", "dfxp", "xml", "srt", "cmft", "m4t", "smi"]
    ),
    ContentType.IMAGE: frozenset(["jpg", "jpeg", "png", "webp", "gif", "avif"]),
}
_TEXT_MIME: Final = late(
    r"text/.*|application/(ttml(\+xml)?|dfxp(\+xml)?|x-subrip|smil(\+xml)?|x-sami)", re.IGNORECASE
)
_TEXT_ROLES: Final = frozenset({"subtitle", "caption", "forced-subtitle", "forced_subtitle"})
_CHANNEL_LAYOUTS: Final = {
    1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 8: 2, 9: 3, 10: 4,
    11: 7, 12: 8, 13: 24, 14: 8, 15: 12, 16: 10, 17: 12, 18: 14, 19: 12, 20: 14,
}  # fmt: skip
_TILES: Final = late(r"\s*(\d{1,4})\s*[xX]\s*(\d{1,4})\s*", re.ASCII)
_COMPONENTS: Final = {kind.value: kind for kind in ContentType}


def content_type(
    adaptation_set: AdaptationSet,
    representation: Representation | None,
    media: str | None,
    tiles: Tiles | None,
) -> ContentType | None:
    """Return the content type, None if nothing tells it. The most explicit source decides.

    In order: a thumbnail grid, ``@contentType``, ``@mimeType``, ContentComponent, ``@codecs``,
    a subtitle role, and last the extension of the media's name.
    """
    if tiles is not None:
        return ContentType.IMAGE
    declared = (adaptation_set.content_type or "").strip().lower()
    if declared in _COMPONENTS:
        return _COMPONENTS[declared]
    codecs = _pick(representation, adaptation_set, "codecs")
    by_mime = _of_mime(_pick(representation, adaptation_set, "mime_type"), codecs)
    if by_mime is not None:
        return by_mime
    for kind, _ in adaptation_set.content_components:
        if (kind or "").lower() in _COMPONENTS:
            return _COMPONENTS[(kind or "").lower()]
    found = _of_codecs(codecs)
    if found is None and any(role.value in _TEXT_ROLES for role in adaptation_set.roles):
        found = ContentType.TEXT
    if found is None and declared:
        return ContentType.TEXT if declared in ("subtitle", "subtitles") else ContentType.OTHER
    return found or _of_extension(media)


def tiles_of(descriptors: Iterable[DescriptorElement]) -> Tiles | None:
    """Return the grid of thumbnails (DASH-IF IOP, 6.2.6)."""
    for descriptor in descriptors:
        match = _TILES.fullmatch(descriptor.value or "")
        if descriptor.scheme in TILE_SCHEMES and match and int(match[1]) and int(match[2]):
            return Tiles(int(match[1]), int(match[2]))
    return None


def channels_of(descriptors: Iterable[DescriptorElement]) -> int | None:
    """Return the number of channels in AudioChannelConfiguration, if its scheme is known."""
    for descriptor in descriptors:
        value = (descriptor.value or "").strip()
        scheme = descriptor.scheme.lower()
        if "23003:3:audio_channel_configuration" in scheme and (count := read_digits(value)):
            return count
        if "cicp:channelconfiguration" in scheme and (layout := read_digits(value)) is not None:
            return _CHANNEL_LAYOUTS.get(layout)
        if "dolby" in scheme and re.fullmatch("[0-9A-Fa-f]{4}", value):
            return _dolby_channels(int(value, 16))
    return None


def values_of(descriptors: Iterable[DescriptorElement], schemes: frozenset[str]) -> tuple[str, ...]:
    """Return the values listed by descriptors of these schemes, split at spaces and commas."""
    return tuple(
        part
        for descriptor in descriptors
        if descriptor.scheme in schemes
        for part in re.split(r"[\s,]+", descriptor.value or "")
        if part
    )


def plain(descriptors: Iterable[DescriptorElement]) -> tuple[Descriptor, ...]:
    """Return descriptors without their places."""
    return tuple(Descriptor(d.scheme, d.value, d.id) for d in descriptors)


def is_known_essential(scheme: str) -> bool:
    """Return True if an EssentialProperty of this scheme does not change which files to fetch."""
    return scheme.lower().startswith(_KNOWN_ESSENTIAL)


def _pick(
    representation: Representation | None, adaptation_set: AdaptationSet, name: str
) -> str | None:
    own: str | None = None if representation is None else getattr(representation, name)
    shared: str | None = getattr(adaptation_set, name)
    return own or shared


def _of_mime(mime_type: str | None, codecs: str | None) -> ContentType | None:
    if mime_type is None:
        return None
    mime = mime_type.partition(";")[0].strip().lower()
    main = mime.partition("/")[0]
    if main in ("video", "audio", "image"):
        by_codecs = _of_codecs(codecs)
        if main == "video" and by_codecs in (ContentType.AUDIO, ContentType.TEXT):
            return by_codecs
        return _COMPONENTS[main]
    return ContentType.TEXT if _TEXT_MIME.fullmatch(mime) else None


def _of_codecs(codecs: str | None) -> ContentType | None:
    """Return the content type of the sample entries; video takes precedence over audio."""
    found = set()
    for codec in (codecs or "").lower().split(","):
        name = codec.strip().partition(".")[0]
        for kind, names in (
            (ContentType.VIDEO, _VIDEO),
            (ContentType.AUDIO, _AUDIO),
            (ContentType.TEXT, _TEXT),
            (ContentType.IMAGE, _IMAGE),
        ):
            if name in names:
                found.add(kind)
    order = (ContentType.VIDEO, ContentType.AUDIO, ContentType.TEXT, ContentType.IMAGE)
    return next((kind for kind in order if kind in found), None)


def _of_extension(media: str | None) -> ContentType | None:
    if media is None:
        return None
    name = re.split("[?#]", media, maxsplit=1)[0].rpartition("/")[2]
    extension = name.rpartition(".")[2].lower()
    return next((kind for kind, names in _EXTENSIONS.items() if extension in names), None)


def _dolby_channels(mask: int) -> int:
    """Count the channels in the map of ETSI TS 102 366: some of its 16 bits stand for a pair."""
    pairs = {5, 6, 9, 10, 11, 13}
    return sum(2 if bit in pairs else 1 for bit in range(16) if mask & (0x8000 >> bit))
