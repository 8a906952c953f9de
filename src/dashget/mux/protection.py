"""Find encrypted media, by the manifest's word or without it.

libavformat copies encrypted samples like others: the file would be garbage without an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dashget.media.isobmff import BoxError, read_protection
from dashget.media.webm import EBML, EbmlError, iter_elements
from dashget.mpd.presentation import Protection
from dashget.mux.sampleentries import find_moov, iter_fragment_boxes, read_tracks

WEBM_START: Final = EBML.to_bytes(4, "big")
_MARKS: Final = frozenset(("senc",))
"""Boxes of a track fragment that only encrypted samples have."""
_WEBM_SEGMENT: Final = 0x18538067
_TRACKS: Final = 0x1654AE6B
_TRACK_ENTRY: Final = 0xAE
_CONTENT_ENCODINGS: Final = 0x6D80
_CONTENT_ENCODING: Final = 0x6240
_CONTENT_ENCRYPTION: Final = 0x5035
_ROAD: Final = (_WEBM_SEGMENT, _TRACKS, _TRACK_ENTRY, _CONTENT_ENCODINGS, _CONTENT_ENCODING)


def declared(protections: Iterable[Protection]) -> str | None:
    """Return the schemes and key ids of ContentProtection descriptors; None without any."""
    names: dict[str, None] = {}
    keys: dict[str, None] = {}
    for protection in protections:
        common = protection.value if protection.value and len(protection.value) == 4 else None
        names[common or protection.name or protection.scheme] = None
        keys.update(dict.fromkeys(protection.default_kids))
    return _described(names, keys) if names else None


def found(beginning: bytes, fragment: bytes) -> str | None:
    """Return the scheme and key ids that the media themselves tell; None if they are clear.

    ``beginning`` is the ``moov`` box, or the beginning of a WebM file; ``fragment`` is the first
    ``moof`` box.
    """
    if beginning.startswith(WEBM_START):
        return "WebM encryption" if _is_webm_encrypted(beginning) else None
    moov = find_moov(beginning)
    if moov is not None:
        entries = [entry for track in read_tracks(moov) for entry in track]
        protection = read_protection(moov)
        if protection.key_ids or any(entry.is_encrypted for entry in entries):
            schemes = protection.schemes or ("unknown scheme",)
            return _described(schemes, protection.key_ids)
    try:
        if _MARKS & set(iter_fragment_boxes(fragment)):
            return "unknown scheme, the samples have a senc box"
    except BoxError:
        pass
    return None


def _described(schemes: Iterable[str], keys: Iterable[str]) -> str:
    ids = ", ".join(keys)
    return f"{', '.join(schemes)}; {f'key id {ids}' if ids else 'no key id given'}"


def _is_webm_encrypted(beginning: bytes) -> bool:
    try:
        return _leads_to(beginning, 0, len(beginning), _ROAD)
    except EbmlError:
        return False


def _leads_to(data: bytes, start: int, end: int | None, road: tuple[int, ...]) -> bool:
    wanted = road[0] if road else _CONTENT_ENCRYPTION
    for element in iter_elements(data, start, end):
        if element.id == wanted and (
            not road or _leads_to(data, element.payload, element.end, road[1:])
        ):
            return True
    return False
