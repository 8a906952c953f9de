"""One option raises every limit on a document, and every message about a limit names it."""

from __future__ import annotations

import pytest

from dashget.errors import MPDError
from dashget.manifest.load import load_manifest
from dashget.manifest.source import Source
from dashget.mpd.budget import DEFAULT_LIMITS, WorkLimits
from dashget.planning.limits import Limits, require_countable
from dashget.planning.tracks import iter_representations, make_tracks, split_sound
from tests.support.builders import mpd, numbered
from tests.unit.manifest.test_budget_of_requests import Deaf

XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
REMOTE = '<Period xlink:href="http://h/{}"/>'
CLOCK = '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="http://h/t"/>'
PLAIN = mpd(numbered())
CASES = {
    "max_bytes": (PLAIN, 100),
    "max_elements": (PLAIN, 4),
    "max_work": (PLAIN, 20_000),
    "max_requests": (mpd(numbered(), before="".join(map(REMOTE.format, "abc")), more=XLINK), 2),
    "max_token": (PLAIN.replace(b"<Period", b"<!--" + b"x" * 600 + b"--><Period", 1), 250),
    "max_urls": (mpd(numbered("long/" * 60 + "$Number$")), 200),
    "max_clocks": (mpd(numbered(), before=CLOCK * 3, kind="dynamic"), 2),
    "max_url": (mpd(numbered("long/" * 30 + "$Number$")), 100),
    "max_identifiers": (mpd(numbered("$Number$" * 3)), 2),
}
"""A document that is just too much for a limit, and that limit."""


def told(document: bytes, limits: WorkLimits) -> str:
    """Load a document; return everything that is said about it."""
    source = Source(name="stdin.mpd", path=None)
    try:
        loaded = load_manifest(
            source,
            Deaf(),
            limits=limits,
            read_input=lambda most: document[:most],  # type: ignore[arg-type]  # fetch only
        )
        tracks = make_tracks(split_sound(loaded.presentation)[0])
        require_countable(tracks, Limits(), loaded.budget)
    except MPDError as error:
        return "\n".join([error.message, error.hint or "", *map(str, error.issues)])
    representations = iter_representations(loaded.presentation)
    problems = [str(problem) for each in representations for problem in each.problems]
    return "\n".join([*map(str, loaded.warnings), *problems])


def test_each_limit_has_its_case() -> None:
    # The tree's own depth is never raised; see the next package for remote elements, and
    # ``test_budget`` for the work that a small document may cause.
    other = {"max_depth", "max_remote_bytes", "work_per_byte", "least_work"}
    assert {*CASES, *other} == set(WorkLimits.__struct_fields__)


@pytest.mark.parametrize("name", CASES)
def test_a_limit_that_is_passed_names_the_option_which_lets_the_document_through(name: str) -> None:
    document, most = CASES[name]
    limits = WorkLimits(**{name: most})
    assert "--document-limits" in told(document, limits)
    assert "--document-limits" not in told(document, limits.times(10))


def test_the_option_changes_all_limits_but_the_depth() -> None:
    raised = DEFAULT_LIMITS.times(3)
    for name in WorkLimits.__struct_fields__:
        usual = getattr(DEFAULT_LIMITS, name)
        assert getattr(raised, name) == (usual if name == "max_depth" else 3 * usual)
    assert DEFAULT_LIMITS.times(1) is DEFAULT_LIMITS
