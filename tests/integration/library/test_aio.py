"""The library for asyncio: the loop is never blocked, and cancelling stops a run in order."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget import aio
from tests.integration.library.conftest import Publish
from tests.integration.library.test_event_stream import ended, is_free
from tests.support.faultserver import Answer, FaultServer, refuse

QUICK = dashget.TransferOptions(retries=1, backoff_seconds=0.01, in_flight=1)
BODY = b"2" * 200_000


def stall(server: FaultServer) -> None:
    """Let the second segment stall half way."""
    server.on("/show/v/2.m4s", Answer(BODY, etag='"2"', hold=threading.Event(), hold_after=100_000))


def test_a_presentation_is_opened_planned_mirrored_and_verified(
    publish: Publish, server: FaultServer, tmp_path: Path
) -> None:
    async def main() -> None:
        async with aio.Session(QUICK, user="me:pw") as session:
            show = await session.open(publish())
            assert len(show.manifest.presentation.periods) == 1
            assert len(list(await show.plan(video="best"))) == 3
            assert (await show.mirror(tmp_path / "m", checksums=True)).complete
            report = await session.verify(tmp_path / "m", remote=True)
            assert report.compared == 0 or report.files == 3
            kinds = [type(event) async for event in session.verify_events(tmp_path / "m")]
            assert kinds[-1] is dashget.Report

    asyncio.run(main())
    assert len([seen for seen in server.asked("/show/x.mpd") if seen.method == "GET"]) == 1


def test_the_functions_work_without_a_session(publish: Publish, tmp_path: Path) -> None:
    async def main() -> None:
        loaded = await aio.load(publish())
        assert (await aio.mirror(loaded, tmp_path / "m", video="best")).complete
        assert (await aio.verify(tmp_path / "m")).files == 3

    asyncio.run(main())


def test_events_come_in_order_and_end_with_the_summary(publish: Publish, tmp_path: Path) -> None:
    async def main() -> list[dashget.Event]:
        async with aio.Session(QUICK) as session:
            show = await session.open(publish())
            return [event async for event in show.mirror_events(tmp_path / "m")]

    events = asyncio.run(main())
    assert isinstance(events[0], dashget.ManifestLoaded)
    assert isinstance(events[-1], dashget.Summary)
    finished = [e.path for e in events if isinstance(e, dashget.FileFinished)]
    assert finished == ["v/1.m4s", "v/2.m4s", "v/3.m4s"]


def test_the_event_loop_is_never_blocked(
    publish: Publish, server: FaultServer, tmp_path: Path
) -> None:
    url = publish()
    gate = threading.Event()
    server.on("/show/v/2.m4s", Answer(b"2" * 2000, etag='"2"', hold=gate))

    async def main() -> int:
        turns = 0
        async with aio.Session(QUICK) as session:
            show = await session.open(url)
            run = asyncio.create_task(show.mirror(tmp_path / "m"))
            while not server.asked("/show/v/2.m4s") or turns < 100:
                turns += 1
                await asyncio.sleep(0)
            assert not run.done()
            gate.set()
            assert (await run).complete
        return turns

    assert asyncio.run(main()) >= 100


async def cancelled_by_task(call: Coroutine[Any, Any, object], ready: Callable[[], bool]) -> None:
    task = asyncio.ensure_future(call)
    while not ready():
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancelled_twice(call: Coroutine[Any, Any, object], ready: Callable[[], bool]) -> None:
    task = asyncio.ensure_future(call)
    while not ready():
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancelled_by_timeout(
    call: Coroutine[Any, Any, object], ready: Callable[[], bool]
) -> None:
    async def limited() -> None:
        async with asyncio.timeout(None) as limit:
            task = asyncio.ensure_future(call)
            while not ready():
                await asyncio.sleep(0.001)
            limit.reschedule(asyncio.get_running_loop().time())
            await task

    with pytest.raises(TimeoutError):
        await limited()


@pytest.mark.parametrize("way", [cancelled_by_task, cancelled_twice, cancelled_by_timeout])
def test_cancelling_a_mirror_stops_it_in_order(
    publish: Publish, server: FaultServer, tmp_path: Path, way: Callable[..., Any]
) -> None:
    url = publish()
    stall(server)
    parts = tmp_path / "m/.dashget/parts"

    def half_way() -> bool:
        return parts.is_dir() and any(path.stat().st_size for path in parts.glob("*.part"))

    async def main() -> None:
        async with aio.Session(QUICK) as session:
            show = await session.open(url)
            await way(show.mirror(tmp_path / "m"), half_way)
            assert is_free(tmp_path / "m")
            assert any(parts.iterdir()), "the part is kept"
            server.on("/show/v/2.m4s", Answer(BODY, etag='"2"'))
            summary = await show.mirror(tmp_path / "m")
            assert summary.outcomes[dashget.Outcome.PRESENT] == 1
            assert summary.outcomes[dashget.Outcome.RESUMED] == 1

    asyncio.run(main())
    assert ended()


def test_leaving_the_events_early_stops_the_run_in_order(
    publish: Publish, server: FaultServer, tmp_path: Path
) -> None:
    url = publish()
    stall(server)

    async def main() -> None:
        async with aio.Session(QUICK) as session:
            show = await session.open(url)
            events = show.mirror_events(tmp_path / "m")
            async for event in events:
                if isinstance(event, dashget.FileFinished):
                    break
            await events.aclose()
            assert is_free(tmp_path / "m")

    asyncio.run(main())
    assert ended()


def test_cancelling_the_consumer_of_events_stops_the_run_in_order(
    publish: Publish, server: FaultServer, tmp_path: Path
) -> None:
    url = publish()
    stall(server)
    seen: list[dashget.Event] = []

    async def consume(events: AsyncIterator[dashget.Event]) -> None:
        async for event in events:
            seen.append(event)

    async def main() -> None:
        async with aio.Session(QUICK) as session:
            show = await session.open(url)
            await cancelled_by_task(
                consume(show.mirror_events(tmp_path / "m")),
                lambda: any(isinstance(event, dashget.FileFinished) for event in seen),
            )
            assert is_free(tmp_path / "m")

    asyncio.run(main())
    assert ended()


def test_cancelling_while_the_manifest_is_fetched_ends_soon(server: FaultServer) -> None:
    url = server.on("/x.mpd", Answer(b"<MPD/>", hold=threading.Event()))

    async def main() -> float:
        async with aio.Session(QUICK) as session:
            await cancelled_by_task(session.open(url), lambda: bool(server.seen))
            return time.monotonic()

    started = time.monotonic()
    assert asyncio.run(main()) - started < 20
    assert ended()


def test_errors_of_the_library_are_raised_where_they_are_awaited(
    publish: Publish, server: FaultServer, tmp_path: Path
) -> None:
    async def main() -> None:
        with pytest.raises(dashget.FieldError):
            aio.Session(in_flight=0)
        async with aio.Session(QUICK) as session:
            with pytest.raises(dashget.ManifestFetchError):
                await session.open(server.on("/gone.mpd", refuse(404)))
            show = await session.open(publish())
            with pytest.raises(dashget.SelectionError):
                await show.mirror(tmp_path / "m", video="height>1")
            with pytest.raises(dashget.SelectionError):
                _ = [event async for event in show.mirror_events(tmp_path / "m", video="height>1")]
        with pytest.raises(dashget.SessionClosedError):
            await show.mirror(tmp_path / "m")

    asyncio.run(main())


def test_several_mirrors_run_at_once_in_one_session(
    publish: Publish, server: FaultServer, tmp_path: Path
) -> None:
    async def main() -> None:
        async with aio.Session(QUICK) as session:
            show = await session.open(publish(10))
            runs = [show.mirror(tmp_path / str(number)) for number in range(3)]
            assert all(summary.complete for summary in await asyncio.gather(*runs))

    asyncio.run(main())
