"""Read ContentProtection (5.8.4.1): systems and key ids. Reported, never acted on."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from typing import Final

from dashget.common.lateregex import late
from dashget.mpd.budget import ITEM, Budget
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import MPD, AdaptationSet, ContentProtection, Period, Representation
from dashget.mpd.presentation import Protection, Pssh

SYSTEMS: Final = {
    "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed": "Widevine",
    "9a04f079-9840-4286-ab92-e65be0885f95": "PlayReady",
    "94ce86fb-07ff-4f43-adb8-93d2fa968ca2": "FairPlay",
    "e2719d58-a985-b3c9-781a-b030af78d30e": "ClearKey",
    "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b": "W3C common pssh",
    "5e629af5-38da-4063-8977-97ffbd9902d4": "Marlin",
    "adb41c24-2dbf-4a6d-958b-4457c0d27b95": "Nagra",
    "9a27dd82-fde2-4725-8cbc-4234aa06ec09": "Verimatrix",
    "80a6be7e-1448-4c37-9e70-d5aebe04c8d2": "Irdeto",
    "3d5e6d35-9b9a-41e8-b843-dd3c6e72c42c": "ChinaDRM",
    "f239e769-efa3-4850-9c16-a903c6932efb": "Primetime",
    "b4413586-c58c-ffb0-94a5-d4896c1af6c3": "Viaccess-Orca",
    "793b7956-9f94-4946-a942-23e7ef7e44b4": "VisionCrypt",
    "35bf197b-530e-42d7-8b65-1b4bf415070f": "SecureMedia",
}
"""Common names of DRM system ids, by the UUID that names them in MPDs and pssh boxes."""

_MP4: Final = "urn:mpeg:dash:mp4protection:2011"
_UUID: Final = late(r"urn:uuid:([0-9a-f-]{36})", re.IGNORECASE)


def protections_of(
    levels: Iterable[tuple[ContentProtection, ...]],
    known: dict[str, ContentProtection],
    log: IssueLog,
    budget: Budget,
) -> tuple[Protection, ...]:
    """Return the descriptors of all levels, nearest first, without duplicates.

    ``known`` has the descriptors that others refer to, as ``referable`` returns them.
    """
    found: dict[Protection, None] = {}
    for level in levels:
        budget.spend(ITEM * 10 * len(level), "protections, which Representations inherit")
        for descriptor in level:
            source = known.get(descriptor.ref or "")
            found[_protection(descriptor, source, log, budget)] = None
    return tuple(found)


def referable(mpd: MPD) -> dict[str, ContentProtection]:
    """Return the ContentProtection descriptors that others may refer to (5.8.4.1.3), by id."""
    sources: list[MPD | Period | AdaptationSet | Representation] = [mpd]
    for period in mpd.periods:
        sources.append(period)
        for adaptation_set in period.adaptation_sets:
            sources.append(adaptation_set)
            sources.extend(adaptation_set.representations)
    return {
        protection.ref_id: protection
        for source in sources
        for protection in source.protections
        if protection.ref_id
    }


def system_name(scheme: str) -> str | None:
    """Return the common name of a protection scheme or system id."""
    if scheme.lower() == _MP4:
        return "MP4 common encryption"
    match = _UUID.fullmatch(scheme)
    return SYSTEMS.get((match[1] if match else scheme).lower())


def _protection(
    descriptor: ContentProtection,
    source: ContentProtection | None,
    log: IssueLog,
    budget: Budget,
) -> Protection:
    """Build a Protection; missing values come from the descriptor in ``@ref`` (5.8.4.1.3)."""
    scheme = descriptor.scheme or (source.scheme if source else "")
    kids = descriptor.default_kid or (source.default_kid if source else None) or ""
    texts = descriptor.pssh or (source.pssh if source else ())
    size = 150 * kids.count(" ") + 150 + len(kids) + 2 * sum(map(len, texts)) + 500 * len(texts)
    budget.spend(size, "the key ids and boxes of protections")
    return Protection(
        scheme=scheme,
        name=system_name(scheme),
        value=descriptor.value or (source.value if source else None),
        default_kids=tuple(kid.lower() for kid in kids.split()),
        pssh=tuple(box for text in texts for box in _boxes(text, descriptor, log)),
    )


def _boxes(text: str, descriptor: ContentProtection, log: IssueLog) -> tuple[Pssh, ...]:
    from dashget.media.isobmff import BoxError, read_pssh

    try:
        data = binascii.a2b_base64("".join(text.split()), strict_mode=True)
        box = read_pssh(data)
    except (ValueError, BoxError) as err:
        log.warn(f"cenc:pssh: {err}", descriptor.where, descriptor.line, "ISO/IEC 23001-7, 8.1")
        return ()
    return (Pssh(box.system_id, data, box.key_ids),)
