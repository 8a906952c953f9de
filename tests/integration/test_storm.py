"""The command in a storm: faults in 15 % of all answers, and a mirror without a flaw."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.builders import TIMESCALE, initialization, media_segment, mpd
from tests.support.certificates import Authority
from tests.support.faultserver import FaultServer
from tests.support.program import Ended, run, tree
from tests.support.storm import CLOSES, HANDSHAKES, H2Storm, Storm, Weather

pytestmark = pytest.mark.slow

SEED = 23
"""One with which every kind of fault strikes, whatever the threads do."""
SEGMENTS = 500
"""Per Representation; there are two."""
IN_FLIGHT = 8
LARGE = ("one.bin", "two.bin")
LARGE_BYTES = 18 * 1024 * 1024
"""Well above the size from which a resource is fetched in parallel ranges."""
MIDDLE = f"v/{SEGMENTS // 2}.m4s"
CIRCLE = f"w/{SEGMENTS // 3}.m4s"


class Shape(NamedTuple):
    """Servers that offer a presentation."""

    servers: int
    tls: bool = False
    streams: bool = False
    """True if the servers speak HTTP/2."""


SHAPES = {
    "server": Shape(1),
    "servers": Shape(2),
    "tls": Shape(2, tls=True),
    "http2": Shape(2, tls=True, streams=True),
}


def large(dice: random.Random) -> bytes:
    """Many bytes, no two places of which are alike."""
    content = bytearray(dice.randbytes(1 << 20) * (LARGE_BYTES >> 20))
    for position in range(0, len(content), 1024):
        content[position : position + 8] = position.to_bytes(8, "big")
    return bytes(content)


@pytest.fixture(scope="module")
def media() -> dict[str, bytes]:
    """Hundreds of segments of any size, and a few large files that are one segment each."""
    dice = random.Random(15)
    files = {f"{name}/init.mp4": initialization() for name in "vw"}
    for name in "vw":
        for number in range(1, SEGMENTS + 1):
            size = dice.choice((0, 1, 500, 5_000, 20_000, 60_000))
            files[f"{name}/{number}.m4s"] = media_segment(
                number, dice.randbytes(dice.randint(0, size)), seconds=1
            )
    files.update((name, large(dice)) for name in LARGE)
    return files


def manifest(*bases: str) -> bytes:
    whole = "".join(
        '<AdaptationSet mimeType="application/octet-stream" contentType="text">'
        f'<Representation id="{name}" bandwidth="1000"><BaseURL>{name}</BaseURL></Representation>'
        "</AdaptationSet>"
        for name in LARGE
    )
    return mpd(
        f"{whole}"
        '<AdaptationSet contentType="application" mimeType="application/x-filler">'
        f'<SegmentTemplate timescale="{TIMESCALE}" media="$RepresentationID$/$Number$.m4s" '
        'initialization="$RepresentationID$/init.mp4"><SegmentTimeline>'
        f'<S t="0" d="{TIMESCALE}" r="{SEGMENTS - 1}"/></SegmentTimeline></SegmentTemplate>'
        '<Representation id="v" bandwidth="8000"/><Representation id="w" bandwidth="4000"/>'
        "</AdaptationSet>",
        before="".join(f"<BaseURL>{base}</BaseURL>" for base in bases),
        seconds=SEGMENTS,
    )


class Presentation(NamedTuple):
    """Servers of one presentation, and where the mirror goes."""

    weather: Weather
    servers: tuple[Storm, Storm] | tuple[H2Storm, H2Storm]
    plain: FaultServer
    """A server without TLS, to which no redirect from https may lead."""
    directory: Path
    options: tuple[str, ...]
    shape: Shape

    @property
    def files(self) -> Mapping[str, bytes]:
        """The files of the servers."""
        return self.weather.files

    @property
    def seen(self) -> list[str]:
        """The requests that the servers received."""
        return [f"{seen.method} {seen.path}" for server in self.servers for seen in server.seen]

    def run(self, *more: str) -> Ended:
        """Mirror it, or go on where the last run stopped."""
        url = self.servers[0].url("/manifest.mpd")
        options = ("-o", "mirror", "-t", str(IN_FLIGHT), "--timeout", "5", *self.options, *more)
        # Its redirects lead to other servers of this machine.
        options = (*options, "--allow-private")
        return run("get", url, *options, cwd=self.directory)

    def run_in_calm(self, *more: str) -> Ended:
        """Run it once more without faults, and count from zero."""
        self.weather.calm = True
        for server in self.servers:
            server.seen.clear()
        return self.run(*more)

    def check(self, *, but: frozenset[str] = frozenset()) -> None:
        """Compare the mirror with the servers; nothing unfinished may be left."""
        held = tree(self.directory / "mirror")
        held.pop("manifest.local.mpd")
        assert held.keys() == self.files.keys() - but
        assert [name for name, data in held.items() if data != self.files[name]] == []
        assert not (self.directory / "mirror" / ".dashget" / "parts").exists()


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def presentation(
    request: pytest.FixtureRequest, media: dict[str, bytes], tmp_path: Path
) -> Iterator[Presentation]:
    """A storm over one BaseURL or two."""
    shape: Shape = request.param
    files = dict(media)
    weather = Weather(
        files,
        SEED,
        gone=frozenset(media),
        astray=shape.servers > 1,
        tls=shape.tls,
        streams=shape.streams,
    )
    options: tuple[str, ...] = ()
    servers: tuple[Storm, Storm] | tuple[H2Storm, H2Storm]
    if shape.tls:
        authority: Authority = request.getfixturevalue("authority")
        # What closes a connection of HTTP/2 is a failure of everything that was on it.
        options = ("--cacert", authority.certificate, "--retries", "12" if shape.streams else "5")
        tls = authority.server()
        kind = H2Storm if shape.streams else Storm
        servers = (kind(weather, tls=tls), kind(weather, 1, tls=tls))
    else:
        servers = (Storm(weather), Storm(weather, 1))
    home, other = servers
    home.other, other.other = other, home
    with home, other, FaultServer() as plain:
        home.plain = other.plain = plain.url("")
        files["manifest.mpd"] = manifest(*(s.url("/") for s in servers[: shape.servers]))
        yield Presentation(weather, servers, plain, tmp_path, options, shape)


def check_events(ended: Ended, files: Mapping[str, bytes]) -> Counter[str]:
    """Check that the events tell one story; return how many retries each file had."""
    names = files.keys() - {"manifest.mpd"}
    events = ended.events
    ends = [event for event in events if event["event"] == "file"]
    assert Counter(event["path"] for event in ends) == dict.fromkeys(names, 1)
    order: dict[str, list[str]] = {}
    for event in events:
        if event["event"] in ("started", "retry", "file") and event["path"] != "manifest":
            order.setdefault(event["path"], []).append(event["event"])
    for kinds in order.values():
        assert (kinds[0], kinds[-1]) == ("started", "file")
        assert "file" not in kinds[:-1]
    retries = [event for event in events if event["event"] == "retry"]
    assert all(event["reason"] and event["delay_seconds"] >= 0 for event in retries)
    assert not any("libcurl" in event["reason"] for event in retries)
    tried = Counter(event["path"] for event in retries)
    failed = {event["path"] for event in ends if event["outcome"] == "failed"}
    for event in ends:
        if event["outcome"] != "failed":
            assert event["attempts"] == tried[event["path"]] + 1, event
    summary = events[-1]
    assert summary["event"] == "summary"
    assert summary["outcomes"] == Counter(event["outcome"] for event in ends)
    assert {failure["path"] for failure in summary["failures"]} == failed
    assert summary["files"] == len(ends) - len(failed)
    assert summary["bytes"] == sum(len(files[name]) for name in names - failed)
    assert summary["transferred"] >= summary["bytes"]
    assert not summary["interrupted"]
    assert summary["error"] is None
    return tried


def test_a_storm_of_faults_ends_complete_and_identical(presentation: Presentation) -> None:
    ended = presentation.run("--json")
    assert ended.code == 0, ended.err
    presentation.check()
    tried = check_events(ended, presentation.files)
    summary = ended.events[-1]
    count = len(presentation.files) - 1
    assert summary["outcomes"] == {"downloaded": count}

    drawn = presentation.weather.drawn
    print(
        sorted(drawn.items(), key=lambda i: i[1]),
        len(presentation.seen),
        sum(tried.values()),
        summary["requests"],
    )
    assert presentation.weather.kinds - drawn.keys() == set()
    assert sum(tried.values()) > 0.08 * count
    # libcurl repeats by itself what met a connection that was kept open and then closed.
    unseen = sum(drawn[kind] for kind in HANDSHAKES)
    repeated = len(presentation.seen) + unseen - summary["requests"]
    closes = sum(drawn[kind] for kind in CLOSES)
    if presentation.shape.streams:
        # What was on its way to a connection that then was closed was not seen either.
        assert abs(repeated) <= IN_FLIGHT * closes
    else:
        assert 0 <= repeated <= closes
    assert presentation.plain.seen == []
    versions = {e["http"] for e in ended.events if e["event"] == "file"}
    assert versions == {"2" if presentation.shape.streams else "1.1"}

    verified = run("verify", "mirror", cwd=presentation.directory)
    assert verified.code == 0, verified.err
    again = presentation.run_in_calm("--json")
    assert again.code == 0, again.err
    assert presentation.seen == ["GET /manifest.mpd"]
    assert again.events[-1]["outcomes"] == {"present": count}


def test_a_storm_with_missing_files_names_them_and_mirrors_all_others(
    presentation: Presentation,
) -> None:
    lost = {MIDDLE: "HTTP 404 Not Found", CIRCLE: "redirect loop at "}
    presentation.weather.missing.add(MIDDLE)
    presentation.weather.looping.add(CIRCLE)
    ended = presentation.run("--json")
    assert ended.code == 1, ended.err
    presentation.check(but=frozenset(lost))
    check_events(ended, presentation.files)
    summary = ended.events[-1]
    count = len(presentation.files) - 1
    assert summary["outcomes"] == {"downloaded": count - 2, "failed": 2}
    failures = {failure["path"]: failure for failure in summary["failures"]}
    assert failures.keys() == lost.keys()
    assert failures[MIDDLE]["status"] == 404
    assert failures[CIRCLE]["reason"].startswith("redirect loop at ")
    verified = run("verify", "mirror", "--json", cwd=presentation.directory)
    assert verified.code == 1
    assert {e["path"] for e in verified.events if e["event"] == "finding"} == lost.keys()

    told = presentation.run_in_calm()
    assert told.code == 1
    assert "Incomplete: 2 " in told.err
    for name, reason in lost.items():
        assert f"failed: {name}\n    {reason}" in told.err
        assert presentation.servers[0].url(f"/{name}") in told.err
    presentation.weather.missing.clear()
    presentation.weather.looping.clear()
    again = presentation.run_in_calm()
    assert again.code == 0, again.err
    assert sorted(presentation.seen) == sorted(["GET /manifest.mpd", *(f"GET /{n}" for n in lost)])
    presentation.check()
