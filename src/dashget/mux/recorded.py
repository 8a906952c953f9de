"""What a recording holds for one file: all that is recorded, on the time line of its local MPD."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from dashget.errors import MirrorIncompleteError, StoreError
from dashget.events import Observer, Warned
from dashget.live.gaps import Gap, gaps_in
from dashget.live.localmpd import MOST_PERIODS, Coverage, make_local, representations
from dashget.live.state import State
from dashget.mirroring.expectation import Expected, expected_of, playable
from dashget.mpd.budget import Budget
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.mux.container import Container
from dashget.mux.options import MuxOptions
from dashget.mux.selection import choose
from dashget.planning.layout import NAME_BYTES, SafePath, local_manifest_name
from dashget.planning.limits import Limits
from dashget.planning.selection import Selection
from dashget.planning.tracks import iter_representations
from dashget.recording.facts import read_facts
from dashget.store import Header, Mirror

_BASE = "http://mirror.invalid/"
"""Stands for the mirror's directory: the references of a local MPD are relative."""


def read_recorded(
    store: Mirror, header: Header, options: MuxOptions, container: Container, observer: Observer
) -> Expected:
    """Work out what a recording holds, from its record.

    Raises MirrorIncompleteError if the tracks that are chosen have gaps; where gaps are allowed,
    they are a warning.
    """
    state = State.of(read_facts(store, header.manifest))
    made = make_local(Coverage.of(state), whole=True)
    if made is None:
        raise StoreError(
            f"{store.name} has no media yet, so there is nothing that can be written to one file",
            hint="dashget gaps tells what is missing; dashget record goes on",
        )
    if made.cut:
        raise MirrorIncompleteError(
            f"{store.name} is cut by more holes than the {MOST_PERIODS:,} that one file may have",
            hint=f"dashget gaps {store.name} lists them; dashget play {store.name} plays what is"
            " before the last of these",
        )
    data = made.data
    url = _BASE + local_manifest_name(header.manifest)
    now = datetime.datetime.now(datetime.UTC)
    budget = Budget()
    presentation = resolve(parse_mpd(data, url=url, budget=budget), url=url, now=now, budget=budget)
    expected = expected_of(
        presentation,
        SafePath(header.manifest),
        Selection(),
        Limits(None, None),
        header.name_bytes or NAME_BYTES,
        budget,
    )
    chosen = choose(presentation, playable(store, expected), options.choices_for(container))
    ids = {each.id for each in iter_representations(chosen)}
    lines = representations(state.stretches)
    gaps = [
        gap for gap in gaps_in(state) if gap.reason.is_loss and ids & lines.get(gap.line, set())
    ]
    if gaps:
        text = _told(gaps)
        if not options.allow_gaps:
            raise MirrorIncompleteError(
                text,
                hint=f"dashget gaps {store.name} lists them; --allow-gaps leaves holes in their"
                " place",
            )
        observer(Warned(text))
    return expected


def _told(gaps: Iterable[Gap]) -> str:
    gaps = list(gaps)
    seconds = sum(gap.end - gap.begin for gap in gaps)
    reasons = ", ".join(sorted({gap.reason.value for gap in gaps}))
    number = "1 gap" if len(gaps) == 1 else f"{len(gaps):,} gaps"
    return f"{number} in the recorded tracks that are chosen, {seconds:.1f} s in all ({reasons})"
