"""Targets for documents: a manifest with all that it refers to, and the local MPD made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from urllib.parse import unquote
from xml.parsers import expat

import msgspec

from dashget.common.url import Url
from dashget.errors import DashGetError
from dashget.manifest.load import LoadedManifest, load_manifest
from dashget.manifest.lookups import read_indexes, read_protections
from dashget.manifest.source import Source
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.layout import Layout
from dashget.planning.limits import Limits, require_countable
from dashget.planning.plan import PlannedSegment, iter_plan, make_layout, plan_line
from dashget.planning.selection import Selection, parse_selection, select
from dashget.planning.tracks import Track, make_tracks, split_sound
from dashget.playable.localmpd import make_local_mpd
from tests.fuzz.answers import Answers
from tests.fuzz.paths import check_paths
from tests.fuzz.target import SEPARATOR, check_error

URL = "http://h.example/a/x.mpd"
PLANNED = 200
"""The planned files that are looked at."""
_MIRROR = "http://mirror.example/m/"
_CORPUS = Path(__file__).parents[1] / "corpus"


class Planned(msgspec.Struct, frozen=True):
    """What came of a manifest."""

    loaded: LoadedManifest
    tracks: tuple[Track, ...]
    layout: Layout
    files: tuple[PlannedSegment, ...]


def run_manifest(data: bytes) -> None:
    """Read a manifest, plan it twice, and look into its indexes."""
    try:
        answers = Answers(data.split(SEPARATOR))
        planned = _plan(_load(answers))
        _check_plan(planned)
        for track, issue in read_indexes(planned.tracks, answers, planned.loaded.budget.copy()):
            assert issue is None or str(issue)
            for segment in islice(track.index, PLANNED):
                assert segment.range is None or segment.range.first >= 0
        msgspec.json.encode(read_protections(planned.tracks, answers, planned.loaded.budget.copy()))
    except DashGetError as error:
        check_error(error)


def run_local(data: bytes) -> None:
    """Read a manifest, write its local MPD, and read that as a player at the mirror would."""
    try:
        planned = _plan(_load(Answers(data.split(SEPARATOR))))
        loaded = planned.loaded
        local = make_local_mpd(
            *(loaded.data, loaded.presentation, planned.tracks, planned.layout),
            remote={entity.href: entity.data for entity in loaded.remote},
        )
    except DashGetError as error:
        check_error(error)
    else:
        _check_local(local, planned)


def run_selection(data: bytes) -> None:
    """Read the rules of a selection, and select from a presentation that has all types."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    names = ("video", "audio", "text", "image")
    try:
        rules = dict(zip(names, (line or "all" for line in lines), strict=False))
        period = lines[4] if len(lines) > len(names) else None
        selection = parse_selection(**rules, period=period)
        for name, text in rules.items():
            rule = getattr(parse_selection(**{name: text}), name)
            assert getattr(parse_selection(**{name: str(rule)}), name) == rule
        assert select(_various(), selection).periods
    except DashGetError as error:
        check_error(error)


@lru_cache(maxsize=1)
def manifest_seeds() -> Sequence[bytes]:
    """Return the manifests of the corpus, each with its remote elements and indexes."""
    seeds = []
    for path in sorted(_CORPUS.glob("*.mpd")):
        case = json.loads(path.with_suffix("").with_suffix(".plan.json").read_text())
        parts = [path.read_bytes()]
        parts += [b"200\n" + text.encode() for text in case.get("remote", {}).values() if text]
        for pieces in case.get("index", {}).values():
            whole = bytearray()
            for first, text in pieces.items():
                piece = bytes.fromhex(text)
                whole.extend(bytes(max(0, int(first) + len(piece) - len(whole))))
                whole[int(first) : int(first) + len(piece)] = piece
            parts.append(b"200\n" + bytes(whole[: 32 * 1024]))
        seeds.append(SEPARATOR.join(parts))
    return seeds


def selection_seeds() -> Sequence[bytes]:
    """Return rules as they stand in the guide."""
    return (
        b"best\nlang=en,fr&channels>=2\nall\nnone\n0,2-4,id=a",
        b"height<=720,best\nbest1,codecs=mp4a\nrole!=caption\nworst\nfirst,last",
        b"bandwidth<2.5M\nlang=und\nset=#1\nwidth=320\n3-",
    )


SELECTION_WORDS = tuple(
    b"best best1 worst worst1 all none lang= codecs=avc1* height<=720 bandwidth>=1.5M role=main set=#0 "
    b"channels=2 fps>=25 id!=a , & = != < <= > >= first last 0-1 2- -2 id= *".split()
)


def _load(answers: Answers) -> LoadedManifest:
    loaded = load_manifest(Source(name=URL, url=URL), answers, clock=lambda: 0.0)
    assert all(map(str, loaded.warnings))
    return loaded


def _plan(loaded: LoadedManifest) -> Planned:
    narrowed = select(loaded.presentation, Selection())
    tracks = make_tracks(split_sound(narrowed)[0])
    require_countable(tracks, Limits())
    layout = make_layout(loaded.presentation, loaded.name)
    return Planned(loaded, tracks, layout, tuple(islice(iter_plan(tracks, layout), PLANNED)))


def _check_plan(planned: Planned) -> None:
    again = _plan(planned.loaded)
    assert list(map(_facts, again.files)) == list(map(_facts, planned.files))
    for file in planned.files:
        msgspec.json.encode(plan_line(file))
    check_paths([(file.path, file.urls[0]) for file in planned.files], planned.loaded.name)
    for track in planned.tracks:
        count = track.index.count()
        if count <= PLANNED:
            media = sum(1 for segment in track.index if segment.kind.value == "media")
            assert media == count


def _facts(file: PlannedSegment) -> tuple[object, ...]:
    segment = file.segment
    return file.path, file.urls, segment.range, segment.number, segment.time, segment.duration


def _check_local(local: bytes, planned: Planned) -> None:
    # No name of a namespace has this separator: it cannot be written in XML.
    expat.ParserCreate(namespace_separator="\f").Parse(local, True)
    periods = b"Period" in local.rpartition(b"-->")[2]
    if not planned.files or (planned.loaded.presentation.dynamic and not periods):
        # Nothing to play: no file, or none whose time is known.
        return
    url = f"{_MIRROR}x.local.mpd"
    shown = resolve(parse_mpd(local, url=url), url=url, now=planned.loaded.now)
    tracks = make_tracks(shown)
    # What leads to the manifest itself is fetched by nobody.
    wanted = {str(file.path) for file in planned.files} | {"x.mpd", "x.local.mpd", ""}
    whole = len(wanted) < PLANNED and len(planned.files) < PLANNED
    for track in tracks:
        if track.representation.problems:
            continue
        for address in track.index.addresses():
            for pattern in address.patterns:
                assert pattern.marked.startswith(_MIRROR), pattern.marked
        for segment in islice(track.index, PLANNED if whole else 0):
            path = unquote(Url.parse(segment.url.removeprefix(_MIRROR)).path)
            assert path in wanted, path


@lru_cache(maxsize=1)
def _various() -> Presentation:
    sets = "".join(
        f'<AdaptationSet mimeType="{kind}" lang="{lang}"><SegmentTemplate duration="2" media="{lang}$Number$"/>'
        f'<Representation id="{lang}1" bandwidth="1000000" codecs="avc1.64001f" width="1280" height="720" '
        f'frameRate="30000/1001"/><Representation id="{lang}2" bandwidth="500000"/></AdaptationSet>'
        for kind, lang in (
            ("video/mp4", "en"),
            ("audio/mp4", "fr"),
            ("text/vtt", "und"),
            ("image/png", "de"),
        )
    )
    periods = (
        f'<Period id="a" duration="PT4S">{sets}</Period><Period duration="PT4S">{sets}</Period>'
    )
    text = f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">{periods}</MPD>'
    return resolve(parse_mpd(text.encode()), url=URL)
