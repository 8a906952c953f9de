"""A law over the whole corpus: a value that cannot be read never makes a silent hole.

Each attribute that segments may depend on is made unreadable, one at a time. Either the document
or the Representation is then refused, or every segment of the original plan is still asked for.
Of segments that are not in use, a warning tells it.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from dashget.errors import DashGetError
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.mpd.values import read_date_time
from dashget.planning.tracks import iter_representations
from dashget.segments import address
from tests.corpus.test_corpus import BASE, CASES, HERE, load

NAMES = (
    "timescale|duration|startNumber|endNumber|presentationTimeOffset|t|d|r|n|k|start|"
    "mediaPresentationDuration|availabilityStartTime|availabilityEndTime|timeShiftBufferDepth|"
    "availabilityTimeOffset|indexRange|range|mediaRange|eptDelta|pdDelta"
)
ATTRIBUTE = re.compile(rf'(?<=\s)(?:{NAMES})="([^"]*)"')
PLANS = [name for name in CASES if "problems" not in load(name) and "remote" not in load(name)]


def presentation_of(text: str, case: dict[str, Any]) -> Presentation:
    now = case.get("now")
    return resolve(
        parse_mpd(text.encode()),
        url=case.get("url", f"{BASE}manifest.mpd"),
        base_url=case.get("base_url"),
        now=None if now is None else read_date_time(now)[0],
    )


def urls_of(
    presentation: Presentation, *, spare: bool = True
) -> dict[tuple[int, str], set[tuple[str, str]]]:
    """Return URL and range of every segment, by Representation; only of those without problems."""
    found: dict[tuple[int, str], set[tuple[str, str]]] = {}
    for r in iter_representations(presentation):
        if not r.problems:
            key = r.period.index, r.where
            segments = [s for s in address(r, limit=10_000) if spare or s.kind.value != "spare"]
            found[key] = {(s.url, str(s.range)) for s in segments}
    return found


@pytest.mark.parametrize("name", PLANS)
def test_a_value_that_cannot_be_read_makes_no_silent_hole(name: str) -> None:
    case, text = load(name), (HERE / f"{name}.mpd").read_text(encoding="utf-8")
    original = presentation_of(text, case)
    for match in ATTRIBUTE.finditer(text):
        if text[: match.start()].rstrip().endswith("<BaseURL"):
            continue
        changed = f"{text[: match.start(1)]}unreadable{text[match.end(1) :]}"
        try:
            presentation = presentation_of(changed, case)
            found = urls_of(presentation)
        except DashGetError:
            continue
        told = {str(issue) for issue in presentation.warnings} - {
            str(issue) for issue in original.warnings
        }
        whole = urls_of(original, spare=not told)
        for key, urls in found.items():
            # A file that is asked for as a whole has every range of it.
            missing = {(url, span) for url, span in whole[key] - urls if (url, "None") not in urls}
            assert not missing, match[0]
