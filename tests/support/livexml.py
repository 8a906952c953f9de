"""The manifests of a simulated origin as real XML, which goes the road of every manifest."""

from __future__ import annotations

import datetime
import math
from fractions import Fraction

from dashget.live.listing import Version
from dashget.live.reading import read_version
from dashget.live.shaping import Shaper
from dashget.mpd.budget import DEFAULT_LIMITS
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.plan import make_layout
from dashget.planning.tracks import make_tracks
from tests.support.liveworld import BASE, BEGIN, Script, kind_of

SCALE = 10


def xml_of(script: Script, at: float) -> bytes:
    """Return the MPD at a time."""
    encoder = script.encoder_at(at)
    over = at >= script.ends
    last = min(at, script.ends) - encoder.start
    edge = math.floor((last - (0 if over else script.lag)) / script.step + 1e-9)
    begins = [0.0, *(p - encoder.start for p in script.periods if encoder.start < p <= at)]
    head = [
        f'type="{"static" if over else "dynamic"}"',
        f'availabilityStartTime="{_stamp(BEGIN + encoder.start)}"',
    ]
    if script.form != "number" or over:
        head.append(f'publishTime="{_stamp(BEGIN + encoder.start + edge * script.step)}"')
    if script.update is not None and not over:
        head.append(f'minimumUpdatePeriod="PT{script.update}S"')
    if script.depth is not None and not over:
        head.append(f'timeShiftBufferDepth="PT{script.depth}S"')
    if over:
        head.append(f'mediaPresentationDuration="PT{last}S"')
    oldest = 0
    if script.depth is not None and not over:
        oldest = max(0, math.ceil((last - script.depth) / script.step) - 2)
    periods = []
    for index, begin in enumerate(begins):
        until = begins[index + 1] if index + 1 < len(begins) else None
        first = max(round(begin / script.step), oldest)
        stop = edge if until is None else min(edge, round(until / script.step))
        sets = "".join(_set(script, track, begin, first, stop) for track in range(script.tracks))
        periods.append(f'<Period id="p{index}" start="PT{begin}S">{sets}</Period>')
    return (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S" '
        f"{' '.join(head)}>{''.join(periods)}</MPD>"
    ).encode()


def _set(script: Script, track: int, begin: float, first: int, stop: int) -> str:
    step, scale, kind = script.step * SCALE, SCALE, kind_of(track)
    offset = round(begin * scale)
    names = f'initialization="t{track}/init.mp4" timescale="{scale}"'
    names += f' presentationTimeOffset="{offset}"'
    if script.form == "number":
        start = round(begin / script.step) + 1
        inner = (
            f'<SegmentTemplate {names} media="t{track}/$Number$.m4s" duration="{step}"'
            f' startNumber="{start}"/>'
        )
    else:
        field = "$Time$" if script.form == "time" else "$Number$"
        row = f'<S t="{first * step}" d="{step}" r="{stop - first - 1}"/>' if stop > first else ""
        inner = (
            f'<SegmentTemplate {names} media="t{track}/{field}.m4s" startNumber="{first + 1}">'
            f"<SegmentTimeline>{row}</SegmentTimeline></SegmentTemplate>"
        )
    return (
        f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp4">{inner}'
        f'<Representation id="t{track}" bandwidth="8000"/></AdaptationSet>'
    )


def _stamp(seconds: float) -> str:
    whole = math.floor(seconds)
    days, rest = divmod(whole, 86_400)
    year, month, day = _civil(days)
    hour, minute, second = rest // 3600, rest // 60 % 60, rest % 60
    part = f"{seconds - whole:.3f}"[1:]
    return f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{part}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Return the date so many days after 1970-01-01."""
    date = datetime.date(1970, 1, 1) + datetime.timedelta(days=days)
    return date.year, date.month, date.day


def document_by_xml(script: Script, at: float) -> Version:
    """Return what the manifest says at a time, by way of its XML."""
    data = xml_of(script, at)
    mpd = parse_mpd(data)
    presentation = resolve(mpd, url=f"{BASE}manifest.mpd", now=Fraction(BEGIN) + Fraction(at))
    layout = make_layout(presentation)
    text = data.decode("ascii")
    tracks = make_tracks(presentation)
    version = read_version(mpd, presentation, tracks, layout, text)
    return Shaper(DEFAULT_LIMITS).give(version, data, presentation, tracks, layout, {})
