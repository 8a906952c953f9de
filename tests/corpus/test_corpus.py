"""Small manifests, and the plans that follow from them by the standard.

``NAME.mpd`` states its rule; ``NAME.plan.json`` holds the expected plan and, in ``derived``, how it
was worked out by hand. Only the keys that are given are compared, but the number of segments
always is. URLs are relative to ``https://example.com/dash/``.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dashget.common.byterange import ByteRange
from dashget.errors import MPDError
from dashget.mpd.model import MPD
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.remote import include_remote
from dashget.mpd.resolve import resolve
from dashget.mpd.values import read_date_time
from dashget.planning.limits import Limits, require_countable
from dashget.planning.tracks import make_tracks, require_sound
from dashget.segments import Segment, address
from dashget.segments.subsegments import NeededIndex, read_index

BASE = "https://example.com/dash/"
HERE = Path(__file__).parent
CASES = sorted(path.stem for path in HERE.glob("*.mpd"))


def load(name: str) -> dict[str, Any]:
    case: dict[str, Any] = json.loads((HERE / f"{name}.plan.json").read_text())
    return case


def document_of(name: str, case: dict[str, Any]) -> MPD:
    mpd = parse_mpd((HERE / f"{name}.mpd").read_bytes())
    remote: dict[str, str | None] = case.get("remote", {})
    for _ in range(10):
        if not mpd.remote:
            break
        wanted = {element.href for element in mpd.remote}
        texts = {href: remote.get(href) for href in wanted}
        mpd = include_remote(mpd, {h: t.encode() if t else None for h, t in texts.items()})
    return mpd


def presentation_of(name: str, case: dict[str, Any]) -> Presentation:
    mpd = document_of(name, case)
    now = case.get("now")
    return resolve(
        mpd,
        url=case.get("url", f"{BASE}manifest.mpd"),
        base_url=case.get("base_url"),
        now=None if now is None else read_date_time(now)[0],
    )


def plan_all(name: str, case: dict[str, Any]) -> None:
    presentation = presentation_of(name, case)
    require_sound(presentation)
    require_countable(make_tracks(presentation), Limits())
    segments_of(presentation, case)


def segments_of(presentation: Presentation, case: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for period in presentation.periods:
        for adaptation_set in period.adaptation_sets:
            for representation in adaptation_set.representations:
                index: Any = address(representation)
                if "index" in case:
                    index = indexed(representation, case["index"]) or index
                media = 0
                for segment in index:
                    found.append(
                        described(segment)
                        | {"period_index": period.index, "representation": representation.id}
                    )
                    media += segment.kind.value == "media"
                assert media == index.count()
                addresses = set(index.addresses())
                assert all(segment.address in addresses for segment in index)
    return found


def indexed(representation: Any, files: dict[str, dict[str, str]]) -> Any:
    """Give ``read_index`` the ranges it needs, from the hex dumps in the case (offset -> bytes)."""
    known: dict[ByteRange, bytes] = {}
    for _ in range(10):
        answer = read_index(representation, known)
        if not isinstance(answer, NeededIndex):
            return answer
        url = answer.address.patterns[0].text.removeprefix(BASE)
        for byte_range in answer.ranges:
            data = bytes.fromhex(files[url][str(byte_range.first)])
            known[byte_range] = data[: byte_range.size_bytes]
    raise AssertionError("the index is never complete")


def described(segment: Segment) -> dict[str, Any]:
    timescale = segment.timebase.timescale
    duration = None if segment.duration is None else Fraction(segment.duration, timescale)
    return {
        "kind": segment.kind.value,
        "number": segment.number,
        "sub_number": segment.sub_number,
        "time": segment.time,
        "timescale": timescale,
        "start": plain(segment.start),
        "duration": plain(duration),
        "url": segment.url.removeprefix(BASE),
        "alternatives": [url.removeprefix(BASE) for url in segment.alternatives],
        "range": None if segment.range is None else str(segment.range),
        "explicit": segment.explicit,
        "last_derived": segment.last_derived,
    }


def plain(value: Fraction | None) -> int | str | None:
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else str(value)


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_the_one_derived_by_hand(name: str) -> None:
    case = load(name)
    assert case["rule"]
    assert case["derived"]
    if "problems" in case:
        with pytest.raises(MPDError) as caught:
            plan_all(name, case)
        issues = [str(issue) for issue in caught.value.issues] or [caught.value.message]
        assert len(issues) == len(case["problems"]), issues
        for issue, expected in zip(issues, case["problems"], strict=True):
            assert expected in issue
        return
    presentation = presentation_of(name, case)
    found = segments_of(presentation, case)
    expected_segments = case["segments"]
    shown = [
        {key: segment[key] for key in expected}
        for segment, expected in zip(found, expected_segments, strict=False)
    ]
    assert shown == expected_segments
    assert len(found) == len(expected_segments), found[len(expected_segments) :]
    check_warnings(presentation, case)


def check_warnings(presentation: Presentation, case: dict[str, Any]) -> None:
    warnings = [str(issue) for issue in presentation.warnings]
    wanted = case.get("warnings", [])
    assert len(warnings) == len(wanted), warnings
    for warning, expected in zip(warnings, wanted, strict=True):
        assert expected in warning


def test_there_is_a_plan_for_every_manifest_and_a_manifest_for_every_plan() -> None:
    plans = {path.name.removesuffix(".plan.json") for path in HERE.glob("*.plan.json")}
    assert plans == set(CASES)
    assert len(CASES) >= 120
