"""Recording while manifests change as those of real servers do, or go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from tests.integration.test_record import check_whole, numbers, recording, versions_of
from tests.support.liveorigin import STEP, LiveOrigin

pytestmark = pytest.mark.slow

HTML = b"<!DOCTYPE html><html><body>sorry</body></html>"
BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[:-60],
    "a page": lambda _: HTML,
    "empty": lambda _: b"",
    "another document": lambda _: b"<SmoothStreamingMedia/>",
    "no Period": lambda data: re.sub(rb"<Period.*</Period>", b"", data),
    "an empty Period": lambda data: re.sub(rb"(<Period[^>]*>).*(</Period>)", rb"\1\2", data),
    "no begin": lambda data: data.replace(b"availabilityStartTime", b"x"),
    "noise": lambda data: data[:100] + bytes(range(256)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answers_cost_nothing(name: str, tmp_path: Path) -> None:
    with LiveOrigin(form="time").serving() as origin, recording(origin, tmp_path / "r") as run:
        origin.wait_for(lambda: origin.served_count() >= 10)
        origin.rewrite = BROKEN[name]
        count = len(origin.manifests)
        origin.wait_for(lambda: len(origin.manifests) > count)
        edge = origin.edge()
        origin.wait_for(lambda: origin.edge() > edge + 5)
        origin.rewrite = bytes
        origin.wait_for(lambda: origin.served(edge + 10))
        ended = run.end()
        assert ended.lost == ended.withdrawn == 0
        check_whole(origin, tmp_path / "r")
        for number in (edge - 1, edge + 1, edge + 4):
            assert number * 2 in numbers(tmp_path / "r")


@pytest.mark.parametrize("status", [404, 410, 403, 425, 204, 304, 500])
def test_a_manifest_that_is_not_there_for_a_while_is_no_end(status: int, tmp_path: Path) -> None:
    with LiveOrigin(form="time").serving() as origin, recording(origin, tmp_path / "r") as run:
        origin.wait_for(lambda: origin.served_count() >= 10)
        edge = origin.edge()
        origin.manifest_status = status
        origin.wait_for(lambda: origin.edge() > edge + 8 and origin.requests[-1][1] == status)
        origin.manifest_status = 200
        origin.wait_for(lambda: origin.served(edge + 14))
        assert run.end().lost == 0
        check_whole(origin, tmp_path / "r")


def test_the_next_reads_go_to_the_location_and_back_if_it_fails(tmp_path: Path) -> None:
    with LiveOrigin(form="time").serving() as origin:
        origin.before = "<Location>session.mpd</Location>"
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: sum("session.mpd" in p for p, _ in origin.requests) >= 3)
            asked = [path for path, _ in origin.requests if ".mpd" in path]
            assert asked.count("/live/manifest.mpd") == 1
            origin.before = "<Location>gone.mpd</Location><Location>other.mpd</Location>"
            origin.gone.add("/live/gone.mpd")
            origin.wait_for(lambda: sum("other.mpd" in p for p, _ in origin.requests) >= 3)
            origin.gone.add("/live/other.mpd")
            origin.wait_for(lambda: sum("/manifest.mpd" in p for p, _ in origin.requests) >= 3)
            assert run.end().lost == 0
        check_whole(origin, tmp_path / "r")


def test_relative_addresses_are_those_of_the_location_once_it_is_read(tmp_path: Path) -> None:
    """The first address makes a session; segments are there under its own path only."""
    with LiveOrigin(form="time").serving() as origin:
        origin.before = "<Location>/live/s1/manifest.mpd</Location>"
        origin.session = "s1"
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served_count() >= 60)
            assert run.end().lost == 0
        origin.session = None
        check_whole(origin, tmp_path / "r")


def of_manifest(origin: LiveOrigin) -> list[int]:
    """Return the statuses of the answers to requests for the manifest."""
    return [status for path, status in tuple(origin.requests) if ".mpd" in path]


def test_a_pause_that_the_server_asks_for_is_kept_for_the_manifest(tmp_path: Path) -> None:
    with LiveOrigin(form="number", depth=60.0, update="PT0.1S").serving() as origin:
        origin.pause = 2
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served_count() >= 20)
            origin.manifest_status = 429
            origin.wait_for(lambda: of_manifest(origin).count(429) >= 3)
            asked = [at for at, path in origin.seen_at if ".mpd" in path][-2:]
            assert asked[1] - asked[0] > 1.5
            origin.manifest_status = 200
            assert run.end().lost == 0


@pytest.mark.parametrize("validators", ["etag", "weak", "date"])
def test_a_manifest_that_stays_the_same_is_not_sent_again(validators: str, tmp_path: Path) -> None:
    with LiveOrigin(form="number", depth=8.0, update="PT0.1S").serving() as origin:
        origin.validators = validators
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: of_manifest(origin).count(304) >= 20)
            assert run.end().lost == 0
        statuses = of_manifest(origin)
        # All of it is read now and then.
        assert 200 in statuses[statuses.index(304) :]
        assert statuses.count(304) > 2 * statuses.count(200)
        check_whole(origin, tmp_path / "r")


def test_a_manifest_that_changes_is_read_whatever_its_validator_says(tmp_path: Path) -> None:
    """A cache may hold an old one for ever, and say that it is the newest."""
    with LiveOrigin(form="time", depth=4.0, update="PT0.1S").serving() as origin:
        origin.validators = "stuck"
        with recording(origin, tmp_path / "r") as run:
            # A machine so slow that each read is overdue asks for all of it: then none is a 304.
            origin.wait_for(lambda: origin.served_count() >= 120)
            assert run.end().lost == 0
        check_whole(origin, tmp_path / "r", least=40)


def test_the_same_manifest_in_another_place_has_other_addresses(tmp_path: Path) -> None:
    with LiveOrigin(form="number", update="PT0.1S").serving() as origin:
        origin.moved = {"/live/manifest.mpd": "/live/s1/manifest.mpd"}
        origin.session = "s1"
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served_count() >= 30)
            origin.moved = {"/live/manifest.mpd": "/live/s2/manifest.mpd"}
            origin.session = "s2"
            count = origin.served_count()
            origin.wait_for(lambda: origin.served_count() >= count + 30)
            run.end()
        # What was asked for in between may be lost.
        assert any("/s2/" in path for path, status in origin.requests if status == 200)
        assert not (tmp_path / "r/s2").exists()


@pytest.mark.parametrize("form", ["number", "time"])
def test_files_with_addresses_of_their_own_keep_their_names_wherever_the_manifest_is(
    form: str, tmp_path: Path
) -> None:
    """It goes to another folder, in which the media are not, and back to theirs."""
    with LiveOrigin(form=form).serving() as origin:
        base = f"<BaseURL>{origin.url.rpartition('/')[0]}/</BaseURL>"
        origin.before = base
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served_count() >= 20)
            origin.before = "<Location>/other/folder/manifest.mpd</Location>" + base
            origin.wait_for(
                lambda: sum("/other/folder/manifest.mpd" in p for p, _ in origin.requests) >= 3
            )
            count = origin.served_count()
            origin.wait_for(lambda: origin.served_count() >= count + 20)
            origin.before = "<Location>/live/elsewhere.mpd</Location>" + base
            origin.wait_for(lambda: sum("elsewhere.mpd" in p for p, _ in origin.requests) >= 3)
            count = origin.served_count()
            origin.wait_for(lambda: origin.served_count() >= count + 20)
            assert run.end().lost == 0
        check_whole(origin, tmp_path / "r")
        assert not (tmp_path / "r/_external").exists()
        segments = [p for p, status in origin.requests if ".m4s" in p and status == 200]
        assert len(segments) == len(set(segments))


@pytest.mark.parametrize("attribute", ["mediaPresentationDuration", "availabilityEndTime"])
@pytest.mark.parametrize("form", ["number", "time"])
def test_an_announced_end_ends_a_dynamic_presentation(
    form: str, attribute: str, tmp_path: Path
) -> None:
    import time

    origin = LiveOrigin(form=form)
    last = origin.edge() + 20
    origin.stopped = origin.began + last * STEP + 0.001
    text = f"PT{last * STEP:.1f}S"
    if attribute == "availabilityEndTime":
        at = origin.stopped
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"
    origin.marked = f'{attribute}="{text}"'
    wishes = dashget.Wishes(linger=0.5)
    with origin.serving(), recording(origin, tmp_path / "r", wishes=wishes) as run:
        ended = run.wait()
        assert ended.ended == "over"
        assert ended.lost == 0
        assert max(numbers(tmp_path / "r")) == (last if form == "number" else (last - 1) * 2)
        check_whole(origin, tmp_path / "r")


def renamed(data: bytes) -> bytes:
    """Return an MPD with its sets in another order, with other ids and bandwidths."""
    sets = re.findall(rb"<AdaptationSet.*?</AdaptationSet>", data)
    other = b"".join(reversed(sets)).replace(b'bandwidth="8000"', b'bandwidth="9000"')
    other = re.sub(rb'<Representation id="(\w+)"', rb'<Representation id="new-\1"', other)
    return data.replace(b"".join(sets), other.replace(b"<AdaptationSet", b'<AdaptationSet id="7"'))


@pytest.mark.parametrize("form", ["number", "time"])
def test_sets_that_are_renamed_and_reordered_are_the_same_lines(form: str, tmp_path: Path) -> None:
    with LiveOrigin(form=form).serving() as origin:
        with recording(origin, tmp_path / "r") as run:
            for rewrite in (renamed, bytes, renamed):
                origin.rewrite = rewrite
                count = origin.served_count()
                origin.wait_for(lambda count=count: origin.served_count() >= count + 14)  # type: ignore[misc]
            ended = run.end()
        assert ended.lost == ended.withdrawn == 0
        check_whole(origin, tmp_path / "r")
        assert not (tmp_path / "r/_again").exists()
        paths = [path for path, status in origin.requests if ".m4s" in path and status == 200]
        assert len(paths) == len(set(paths))
        changes = [e for e in run.events if isinstance(e, dashget.PresentationChanged)]
        assert not [each for each in changes if each.what in ("track", "restart")]


def better(data: bytes) -> bytes:
    """Return an MPD in which the second track is better than the first."""
    return data.replace(b'id="t1" bandwidth="8000"', b'id="t1" bandwidth="16000"')


def test_best_stays_with_what_it_has_taken_while_that_is_there(tmp_path: Path) -> None:
    selection = dashget.parse_selection(video="best")
    options = dashget.RecordOptions(selection=selection)
    with LiveOrigin(form="time").serving() as origin:
        with recording(origin, tmp_path / "r", options=options) as run:
            origin.wait_for(lambda: origin.served_count() >= 20)
            origin.rewrite = better
            edge = origin.edge()
            origin.wait_for(lambda: origin.served(edge + 10))
            assert numbers(tmp_path / "r", 1) == []
            origin.rewrite = lambda data: re.sub(
                rb"<AdaptationSet[^>]*>(?:(?!</Adapt).)*t0/.*?</AdaptationSet>", b"", data
            )
            edge = origin.edge()
            origin.wait_for(lambda: origin.served(edge + 10))
            assert numbers(tmp_path / "r", 1) != []
            origin.rewrite = bytes
            count = origin.served_count()
            origin.wait_for(lambda: origin.served_count() >= count + 10)
            run.end()
        first, second = numbers(tmp_path / "r", 0), numbers(tmp_path / "r", 1)
        assert max(second) > max(first)


def test_a_version_without_what_is_selected_is_no_failed_read(tmp_path: Path) -> None:
    """An advertisement has no such track; what follows it has."""
    options = dashget.RecordOptions(selection=dashget.parse_selection(video="id=t0"))
    root = tmp_path / "r"
    other = b'<Representation id="x'
    with LiveOrigin(form="time").serving() as origin:
        with recording(origin, root, options=options) as run:
            origin.wait_for(lambda: origin.served_count() >= 10)
            origin.rewrite = lambda data: data.replace(b'<Representation id="t', other)
            count = len(origin.manifests)
            origin.wait_for(lambda: len(origin.manifests) >= count + 4)
            origin.rewrite = bytes
            edge = origin.edge()
            origin.wait_for(lambda: origin.served(edge + 5))
            run.end()
            assert not [
                each
                for each in run.events
                if isinstance(each, dashget.ManifestRead) and each.kind == "failed"
            ]
        assert any(other in version for version in versions_of(root))
        # The same command goes on in the middle of the next one, too.
        origin.rewrite = lambda data: data.replace(b'<Representation id="t', other)
        with recording(origin, root, options=options) as run:
            count = len(origin.manifests)
            origin.wait_for(lambda: len(origin.manifests) >= count + 3)
            origin.rewrite = bytes
            edge = origin.edge()
            origin.wait_for(lambda: origin.served(edge + 5))
            run.end()


def test_a_presentation_that_is_still_empty_is_waited_for(tmp_path: Path) -> None:
    wishes = dashget.Wishes(wait=True)
    with LiveOrigin(form="time", depth=60.0).serving() as origin:
        origin.rewrite = BROKEN["an empty Period"]
        with recording(origin, tmp_path / "r", wishes=wishes) as run:
            origin.wait_for(lambda: len(origin.manifests) >= 2)
            origin.rewrite = bytes
            origin.wait_for(lambda: origin.served_count() >= 20)
            assert run.end().lost == 0


def test_clocks_that_tell_nothing_are_passed_over(tmp_path: Path) -> None:
    """An empty direct one, one that is not there, one that is no time: the answer's Date counts."""
    scheme = "urn:mpeg:dash:utc:{}:2014"
    clocks = (("direct", ""), ("http-iso", "gone"), ("http-xsdate", "manifest.mpd"), ("ntp", "x"))
    with LiveOrigin(form="time").serving() as origin:
        origin.before = "".join(
            f'<UTCTiming schemeIdUri="{scheme.format(kind)}" value="{value}"/>'
            for kind, value in clocks
        )
        origin.gone.add("/live/gone")
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served_count() >= 40)
            assert run.end().lost == 0
        told = [event for event in run.events if isinstance(event, dashget.ClockSet)]
        assert {event.source for event in told} == {"date"}
        assert all(abs(event.offset_seconds) < 1.5 for event in told)
        check_whole(origin, tmp_path / "r")
