"""Recording a live presentation for real: engine, disk and a server on loopback."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.live.facts import LineFact, SegmentFact
from dashget.recording.facts import read_facts
from dashget.store import Mirror
from dashget.verification.versions import Versions
from tests.support.liveorigin import STEP, LiveOrigin
from tests.support.memoryplace import MemoryPlace
from tests.support.running import Events

pytestmark = pytest.mark.slow

FORMS = ("number", "time", "open", "list")
LONG = 120.0
"""A window that nothing leaves while a test runs, however busy the machine is."""


class Run:
    """A recording in a thread of its own."""

    def __init__(self, origin: LiveOrigin, root: Path, **options: Any) -> None:
        self._transfer: dict[str, Any] = {"allow_private": True}
        for name in ("allow_private", "user", "headers", "in_flight", "cacert"):
            if name in options:
                self._transfer[name] = options.pop(name)
        self.events = Events()
        self.stop = dashget.Stop()
        self.ended: dashget.RecordingEnded | dashget.Summary | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._record, args=(origin.url, root, options))
        self._thread.start()

    def _record(self, url: str, root: Path, options: dict[str, Any]) -> None:
        try:
            with dashget.Session(**self._transfer, observer=self.events) as session:
                self.ended = session.record(url, root, stop=self.stop, **options)
        except BaseException as error:  # noqa: BLE001  looked at by the test
            self.error = error

    def end(self) -> dashget.RecordingEnded:
        """Stop the recording in order, and return its end."""
        self.stop.request()
        return self.wait()

    def wait(self) -> dashget.RecordingEnded:
        """Wait for the end."""
        self._thread.join(180)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        assert isinstance(self.ended, dashget.RecordingEnded)
        return self.ended


@contextmanager
def recording(origin: LiveOrigin, root: Path, **options: Any) -> Iterator[Run]:
    run = Run(origin, root, **options)
    try:
        yield run
    finally:
        run.stop.request()
        run._thread.join(60)


def reasons(run: Run) -> set[str]:
    """Return why segments were lost; on a busy machine some may also have left a short window."""
    return {event.reason for event in run.events if isinstance(event, dashget.GapFound)}


def numbers(root: Path, track: int = 0) -> list[int]:
    """Return the ticks or numbers of the segments on disk."""
    return sorted(int(path.stem) for path in (root / f"t{track}").glob("*.m4s"))


def facts(root: Path) -> list[Any]:
    return list(read_facts(Mirror.at(root, read_only=True), "manifest.mpd"))


def has_first(origin: LiveOrigin, root: Path, count: int) -> bool:
    """Return True if so many segments of each track are there, from its very first one on."""
    ticks = origin.form in ("time", "open")
    wanted = set(range(0, 2 * count, 2) if ticks else range(1, count + 1))
    return all(wanted <= set(numbers(root, track)) for track in range(origin.tracks))


def check_whole(origin: LiveOrigin, root: Path, *, least: int = 20, last: float = math.inf) -> None:
    """Every segment between the first and the last one is there, and as served.

    Those after ``last`` may have been under way when it was stopped.
    """
    step = 2 if origin.form in ("time", "open") else 1
    for track in range(origin.tracks):
        found = [each for each in numbers(root, track) if each <= last * step]
        assert len(found) >= least
        assert found == list(range(found[0], found[-1] + 1, step))
        for number in found:
            path = f"t{track}/{number}.m4s"
            assert (root / path).read_bytes() == origin.content(path)
        assert (root / f"t{track}/init.mp4").exists()


@pytest.mark.parametrize("form", FORMS)
def test_the_window_and_then_the_edge_are_recorded(form: str, tmp_path: Path) -> None:
    root = tmp_path / "r"
    with LiveOrigin(form=form, depth=LONG).serving() as origin, recording(origin, root) as run:
        origin.wait_for(lambda: has_first(origin, root, 45))
        ended = run.end()
        assert ended.ended == "stopped"
        assert ended.lost == 0
        check_whole(origin, root, last=45)
        if form != "list":
            lines = [fact for fact in facts(tmp_path / "r") if isinstance(fact, LineFact)]
            assert len(lines) == 2


def test_segments_that_come_in_a_coding_are_recorded_without_it(tmp_path: Path) -> None:
    origin, root = LiveOrigin(depth=LONG), tmp_path / "r"
    origin.coded = True
    with origin.serving(), recording(origin, root) as run:
        origin.wait_for(lambda: has_first(origin, root, 20))
        assert run.end().lost == 0
    check_whole(origin, root, last=20)
    assert b'"codings":["gzip"],"coded_size":' in (root / ".dashget/record.jsonl").read_bytes()
    assert dashget.verify(root).sound


def test_an_outage_that_is_shorter_than_the_window_loses_nothing(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin, recording(origin, tmp_path / "r") as run:
        origin.wait_for(lambda: origin.served(20))
        origin.up = False
        edge = origin.edge()
        origin.wait_for(lambda: origin.edge() > edge + 8 and origin.requests[-1][1] == 0)
        origin.up = True
        origin.wait_for(lambda: origin.served(edge + 20))
        assert run.end().lost == 0
        check_whole(origin, tmp_path / "r")
        outages = [event for event in run.events if isinstance(event, dashget.OutageTold)]
        assert len(outages) >= 2


def test_in_an_outage_the_manifest_is_asked_for_in_time_for_the_window(tmp_path: Path) -> None:
    """The engine's retries, with their growing pauses, would come after it."""
    with (
        LiveOrigin(form="time", depth=2.0).serving() as origin,
        recording(origin, tmp_path / "r") as run,
    ):
        origin.wait_for(lambda: origin.served(20))
        origin.up = False
        edge, before = origin.edge(), len(origin.requests)
        origin.wait_for(lambda: sum(".mpd" in path for path, _ in origin.requests[before:]) >= 6)
        assert origin.edge() < edge + 25
        origin.up = True
        run.end()


@pytest.mark.parametrize("dated", [True, False])
def test_a_segment_that_is_still_written_is_not_taken_for_a_whole_one(
    dated: bool, tmp_path: Path
) -> None:
    """The server of a low-latency encoder, which is late, has its files piece by piece."""
    with (
        LiveOrigin(depth=12.0, behind=0.35, dated=dated).serving() as origin,
        recording(origin, tmp_path / "r") as run,
    ):
        first = origin.oldest()
        origin.wait_for(lambda: origin.served(first + 40))
        assert run.end().lost == 0
        # Those of the last seconds may still have been waited for at the end, in any order.
        for track in range(origin.tracks):
            found = [each for each in numbers(tmp_path / "r", track) if each <= first + 20]
            assert found == list(range(found[0], first + 21))
            for number in found:
                path = f"t{track}/{number}.m4s"
                assert (tmp_path / "r" / path).read_bytes() == origin.content(path)


def test_an_outage_that_is_longer_than_the_window_is_named(tmp_path: Path) -> None:
    with (
        LiveOrigin(depth=1.0, head_start=1.0, grace=2).serving() as origin,
        recording(origin, tmp_path / "r") as run,
    ):
        origin.wait_for(lambda: origin.served(10))
        origin.up = False
        edge = origin.edge()
        origin.wait_for(lambda: origin.edge() > edge + 15 and origin.requests[-1][1] == 0)
        origin.up = True
        origin.wait_for(lambda: origin.served(edge + 30))
        ended = run.end()
        assert ended.lost > 0
        assert not ended.complete
        assert "outage" in reasons(run)
        have = len(numbers(tmp_path / "r", 0)) + len(numbers(tmp_path / "r", 1))
        assert have == ended.recorded


def test_a_segment_that_is_not_there_at_first_is_asked_for_again(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin:
        hidden = origin.edge() + 5
        origin.hidden.add(hidden)
        with recording(origin, tmp_path / "r") as run:
            name = f"/live/t0/{hidden}.m4s"
            origin.wait_for(lambda: [p for p, s in origin.requests if s == 404].count(name) >= 2)
            origin.hidden.clear()
            origin.wait_for(lambda: (name, 200) in origin.requests and origin.served(hidden + 15))
            assert run.end().lost == 0
            check_whole(origin, tmp_path / "r")


def test_a_segment_that_never_comes_is_lost_with_its_reason(tmp_path: Path) -> None:
    with LiveOrigin(depth=3.0, head_start=1.0).serving() as origin:
        hidden = origin.edge() + 10
        origin.hidden.add(hidden)
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served(hidden + 35))
            ended = run.end()
            assert ended.lost >= 2
            assert "not-there" in reasons(run)
            assert not (tmp_path / f"r/t0/{hidden}.m4s").exists()


def test_a_page_in_place_of_a_segment_is_not_stored(tmp_path: Path) -> None:
    with LiveOrigin(depth=3.0, head_start=1.0).serving() as origin:
        odd = origin.edge() + 10
        origin.odd.add(odd)
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served(odd + 35))
            run.end()
            assert "odd" in reasons(run)
            assert not (tmp_path / f"r/t0/{odd}.m4s").exists()


def test_the_end_of_the_presentation_ends_the_recording(tmp_path: Path) -> None:
    wishes = dashget.Wishes(linger=0.5)
    with (
        LiveOrigin(form="time").serving() as origin,
        recording(origin, tmp_path / "r", wishes=wishes) as run,
    ):
        origin.wait_for(lambda: origin.served(20))
        origin.end()
        last = origin.edge()
        ended = run.wait()
        assert ended.ended == "over"
        assert ended.complete
        check_whole(origin, tmp_path / "r")
        assert numbers(tmp_path / "r")[-1] == (last - 1) * 2


def test_an_encoder_that_is_started_again_after_its_end_is_recorded_on(tmp_path: Path) -> None:
    with LiveOrigin(form="time").serving() as origin, recording(origin, tmp_path / "r") as run:
        origin.wait_for(lambda: origin.served(20))
        origin.end()
        lingers = dashget.PresentationLingers
        origin.wait_for(lambda: any(isinstance(event, lingers) for event in run.events))
        origin.ended = None
        origin.restart()
        origin.wait_for(lambda: (tmp_path / "r/_again/2/t0/20.m4s").exists())
        ended = run.end()
        assert ended.ended == "stopped"
        assert ended.lost == 0


def test_a_restarted_encoder_overwrites_nothing(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin, recording(origin, tmp_path / "r") as run:
        origin.wait_for(lambda: origin.served(20))
        before = (tmp_path / "r/t0/1.m4s").read_bytes()
        origin.requests.clear()
        origin.restart()
        origin.wait_for(
            lambda: (
                (tmp_path / "r/_again/2/t0/5.m4s").exists()
                and (tmp_path / "r/_again/2/t1/5.m4s").exists()
            )
        )
        run.end()
        assert (tmp_path / "r/t0/1.m4s").read_bytes() == before
        assert (tmp_path / "r/_again/2/t0/1.m4s").read_bytes() == origin.content("t0/1.m4s")


def test_the_same_call_goes_on_and_fetches_nothing_twice(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin:
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served(20))
            run.end()
        origin.requests.clear()
        have = {f"/live/t{t}/{n}.m4s" for t in (0, 1) for n in numbers(tmp_path / "r", t)}
        with recording(origin, tmp_path / "r") as run:
            edge = origin.edge()
            origin.wait_for(lambda: origin.served(edge + 10))
            assert run.end().lost == 0
        assert not have & {path for path, _ in origin.requests}
        check_whole(origin, tmp_path / "r")
        segments = [fact for fact in facts(tmp_path / "r") if isinstance(fact, SegmentFact)]
        assert len({(fact.line, fact.t) for fact in segments}) == len(segments)


def test_the_time_without_a_recorder_is_a_gap(tmp_path: Path) -> None:
    with LiveOrigin(depth=1.0, head_start=1.0, grace=2).serving() as origin:
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served(10))
            run.end()
        edge = origin.edge()
        with LiveOrigin().serving() as clock, recording(clock, tmp_path / "other"):
            clock.wait_for(lambda: origin.edge() > edge + 15)
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served(edge + 25))
            ended = run.end()
        assert "not-running" in reasons(run)
        assert not ended.complete


def test_from_now_leaves_the_window_out(tmp_path: Path) -> None:
    with LiveOrigin(head_start=5.0).serving() as origin:
        edge = origin.edge()
        with recording(origin, tmp_path / "r", wishes=dashget.Wishes(begin_back=0.0)) as run:
            origin.wait_for(lambda: origin.served(edge + 10))
            run.end()
        # The clock of the server has whole seconds.
        assert numbers(tmp_path / "r")[0] >= edge - 1 / STEP


def test_it_ends_after_the_given_time(tmp_path: Path) -> None:
    with (
        LiveOrigin().serving() as origin,
        recording(origin, tmp_path / "r", wishes=dashget.Wishes(seconds=1.5)) as run,
    ):
        ended = run.wait()
        assert ended.ended == "until"
        assert ended.complete
        check_whole(origin, tmp_path / "r", least=15)


@pytest.mark.parametrize(("chosen", "most"), [(None, 16), (3, 3)])
def test_as_many_requests_are_made_at_once_as_the_command_makes(
    chosen: int | None, most: int, tmp_path: Path
) -> None:
    with LiveOrigin(head_start=20.0, depth=60.0).serving() as origin:
        # They become more with each answer.
        origin.stuck_after = 60
        with recording(origin, tmp_path / "r", in_flight=chosen):
            origin.wait_for(lambda: origin.waiting >= most)
            origin.stuck_after = math.inf
            assert origin.waiting == most


def test_it_gives_up_when_nothing_comes(tmp_path: Path) -> None:
    with (
        LiveOrigin().serving() as origin,
        recording(origin, tmp_path / "r", wishes=dashget.Wishes(give_up=1.0)) as run,
    ):
        origin.wait_for(lambda: origin.served(16))
        origin.up = False
        assert run.wait().ended == "gave-up"


def test_a_manifest_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin:
        origin.manifest_status = 404
        with recording(origin, tmp_path / "r", wishes=dashget.Wishes(wait=True)) as run:
            origin.wait_for(lambda: ("/live/manifest.mpd", 404) in origin.requests)
            origin.manifest_status = 200
            origin.wait_for(lambda: origin.served(20))
            assert run.end().lost == 0


def test_without_wait_a_missing_manifest_is_an_error(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin:
        origin.manifest_status = 404
        with (
            recording(origin, tmp_path / "r") as run,
            pytest.raises(dashget.ManifestFetchError),
        ):
            run.wait()


def test_a_presentation_that_begins_later_is_an_error_without_wait(tmp_path: Path) -> None:
    with (
        LiveOrigin(head_start=-60.0).serving() as origin,
        recording(origin, tmp_path / "r") as run,
        pytest.raises(dashget.ManifestFetchError, match="begins later"),
    ):
        run.wait()


def test_a_static_presentation_is_mirrored(tmp_path: Path) -> None:
    with LiveOrigin(form="time").serving() as origin:
        origin.end()
        run = Run(origin, tmp_path / "r")
        run._thread.join(60)
        assert run.error is None
        assert isinstance(run.ended, dashget.Summary)
        assert run.ended.complete
        assert "the presentation is not live: it is mirrored" in run.events.warnings()
        assert len(numbers(tmp_path / "r")) == origin.edge()


def test_two_recorders_do_not_share_a_directory(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin, recording(origin, tmp_path / "r"):
        origin.wait_for(lambda: origin.served(16))
        with recording(origin, tmp_path / "r") as second, pytest.raises(dashget.InUseError):
            second.wait()


def test_a_place_that_answers_later_can_be_recorded_into() -> None:
    with LiveOrigin().serving() as origin, MemoryPlace() as place:
        run = Run(origin, place)  # type: ignore[arg-type]
        try:
            origin.wait_for(lambda: origin.served_count() >= 50)
            ended = run.end()
        finally:
            run.stop.request()
        assert ended.lost == 0
        media = [path for path in place.files() if path.endswith(".m4s")]
        assert len(media) == ended.recorded
        assert all(place.files()[path] == origin.content(path) for path in media)


def test_a_full_disk_ends_it_in_order_and_it_goes_on_later(tmp_path: Path) -> None:
    with LiveOrigin(depth=60.0).serving() as origin, MemoryPlace(capacity=6_000) as place:
        run = Run(origin, place)  # type: ignore[arg-type]
        with pytest.raises(dashget.StoreError):
            run.wait()
        last = run.events[-1]
        assert isinstance(last, dashget.RecordingEnded)
        assert last.ended == "failed"
        media = [data for path, data in place.files().items() if path.startswith("t")]
        assert last.reads > 0
        assert last.bytes == sum(map(len, media)) > 0
        place.capacity = None
        edge = origin.edge()
        again = Run(origin, place)  # type: ignore[arg-type]
        try:
            origin.wait_for(lambda: origin.served(edge + 10))
            assert again.end().lost == 0
        finally:
            again.stop.request()
        numbers = sorted(
            int(path.split("/")[1].removesuffix(".m4s"))
            for path in place.files()
            if path.startswith("t0/") and path.endswith(".m4s")
        )
        assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_name_that_is_recorded_is_not_taken_by_another_line(tmp_path: Path) -> None:
    """A later document may give names to other segments without a sign that it does."""
    with LiveOrigin(tracks=1).serving() as origin, recording(origin, tmp_path / "r") as run:
        origin.wait_for(lambda: origin.served_count() >= 20)
        kept = {path.name: path.read_bytes() for path in (tmp_path / "r/t0").glob("*.m4s")}
        origin.scale = 20
        count = origin.served_count()
        origin.wait_for(lambda: origin.served_count() >= count + 20)
        run.end()
        for name, data in kept.items():
            assert (tmp_path / "r/t0" / name).read_bytes() == data
        again = tmp_path / "r/_again"
        assert [path.name for path in again.iterdir()] == ["line-2"]
        found = [fact for fact in facts(tmp_path / "r") if isinstance(fact, SegmentFact)]
        assert {fact.line for fact in found} == {1, 2}


def test_a_representation_that_cannot_be_planned_is_named(tmp_path: Path) -> None:
    with LiveOrigin(tracks=1).serving() as origin:
        origin.more = (
            '<AdaptationSet contentType="audio" mimeType="audio/mp4"><SegmentTemplate timescale="x"'
            ' duration="2" media="a/$Number$.m4s"/><Representation id="a" bandwidth="1"/>'
            "</AdaptationSet>"
        )
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served_count() >= 20)
            ended = run.end()
        assert not ended.complete
        assert "'a' cannot be planned" in ended.lost_files[0]


def test_a_token_that_runs_out_is_replaced_by_the_manifests_next_one(tmp_path: Path) -> None:
    with LiveOrigin(depth=20.0, update="PT60S").serving() as origin:
        origin.token = "token=1"
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: origin.served_count() >= 40)
            origin.token = "token=2"
            count = origin.served_count()
            origin.wait_for(lambda: origin.served_count() >= count + 40)
            ended = run.end()
        assert ended.lost == 0
        assert any(status == 403 for _, status in origin.requests)
        check_whole(origin, tmp_path / "r")


def versions_of(root: Path) -> list[bytes]:
    """Return every version of the manifest that a recording keeps."""
    with Versions(Mirror.at(root, read_only=True)) as versions:
        assert [each for each in versions.check(dashget.Stop()) if not each.note] == []
        numbers = [each.number for each in versions.list() if each.how != "same"]
        return [versions.find(number=number) for number in numbers]


def test_every_version_of_the_manifest_is_kept_also_over_a_restart(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with LiveOrigin(form="time").serving() as origin:
        for _ in range(2):
            with recording(origin, root) as run:
                count = len(origin.manifests)
                origin.wait_for(lambda count=count: len(origin.manifests) >= count + 10)  # type: ignore[misc]
                run.end()
        kept = versions_of(root)
        assert [data for data, _ in itertools.groupby(kept)] == origin.manifests
        assert (root / "manifest.mpd").read_bytes() == origin.manifests[-1]
        assert not (root / ".dashget/manifests").exists()


def test_a_stop_waits_for_requests_without_an_answer_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashget.live.recorder.LAST_SECONDS", 0.1)
    root = tmp_path / "r"
    with LiveOrigin(depth=120.0).serving() as origin:
        with recording(origin, root) as run:
            first = origin.edge()
            origin.wait_for(lambda: origin.served(first + 2))
            origin.stuck = True
            origin.wait_for(lambda: origin.waiting > 0)
            ended = run.end()
            assert ended.ended == "stopped"
            assert ended.lost == 0
            assert ended.pending > 0
        # What had no answer is asked for again.
        origin.stuck = False
        with recording(origin, root) as run:
            later = origin.edge()
            origin.wait_for(lambda: origin.served(later + 5))
            assert run.end().lost == 0
        check_whole(origin, root)
