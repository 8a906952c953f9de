"""The library for asyncio: the same calls as coroutines.

::

    async with dashget.aio.Session(in_flight=8) as session:
        show = await session.open("https://example.com/show/manifest.mpd")
        async for event in show.mirror_events("show", video="best"):
            print(event)

Each call works in a thread of its own, so that the event loop is never blocked. Cancelling a
call, by ``task.cancel()`` or ``asyncio.timeout()``, stops its run in order: unfinished files keep
their parts, the record is written, the directory is free again. Then ``CancelledError`` is raised.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from dashget import api
from dashget import session as sync
from dashget.common.stopping import Stop
from dashget.errors import SessionClosedError
from dashget.events import Event, Observer, Summary
from dashget.manifest.load import LoadedManifest
from dashget.mirroring.options import MirrorOptions
from dashget.planning.limits import DEFAULT_SEGMENT_LIMIT, DEFAULT_TOTAL_LIMIT
from dashget.planning.plan import PlannedSegment
from dashget.planning.selection import Selection
from dashget.session.keywords import merge_options
from dashget.session.stream import Channel, work_in_thread
from dashget.transfer.settings.options import TransferOptions

if TYPE_CHECKING:
    from dashget.events import Muxed
    from dashget.mux.options import MuxOptions
    from dashget.session.keywordtypes import (
        MirrorCallKeywords,
        MirrorKeywords,
        MuxKeywords,
        SelectionKeywords,
        TransferKeywords,
        VerifyCallKeywords,
        VerifyKeywords,
    )
    from dashget.session.session import Place
    from dashget.verification.findings import Report
    from dashget.verification.verify import VerifyOptions

__all__ = ["Loaded", "Session", "load", "mirror", "verify"]

Result = TypeVar("Result")
Source = str | os.PathLike[str]


class Session:
    """A ``dashget.Session`` for asyncio; its connections are closed in the background."""

    def __init__(
        self, options: TransferOptions | None = None, **keywords: Unpack[TransferKeywords]
    ) -> None:
        self._options = merge_options(TransferOptions, options, keywords, "Session")
        self._guard = threading.Lock()
        self._made: sync.Session | None = None
        self._closed = False

    async def open(
        self,
        source: Source,
        *,
        base_url: str | None = None,
        now: datetime.datetime | None = None,
    ) -> Loaded:
        """Fetch (or read) an MPD, and resolve it; see ``dashget.Session.open``."""
        loaded = await _in_thread(
            lambda stop: self._session().open(source, base_url=base_url, now=now, stop=stop)
        )
        return Loaded(loaded, self)

    async def mirror(
        self,
        loaded: Loaded | LoadedManifest,
        root: Place | None = None,
        options: MirrorOptions | None = None,
        **keywords: Unpack[MirrorKeywords],
    ) -> Summary:
        """Mirror a presentation, or complete a mirror; see ``dashget.Session.mirror``."""
        manifest = _manifest_of(loaded)
        return await _in_thread(
            lambda stop: self._session().mirror(manifest, root, options, stop=stop, **keywords)
        )

    def mirror_events(
        self,
        loaded: Loaded | LoadedManifest,
        root: Place | None = None,
        options: MirrorOptions | None = None,
        **keywords: Unpack[MirrorKeywords],
    ) -> AsyncGenerator[Event, None]:
        """Mirror a presentation, and yield its events; the Summary comes last."""
        manifest = _manifest_of(loaded)

        def work(observer: Observer, stop: Stop) -> Summary:
            session = self._session()
            return session.mirror(manifest, root, options, observer=observer, stop=stop, **keywords)

        return _events(work)

    async def verify(
        self,
        root: Place,
        options: VerifyOptions | None = None,
        **keywords: Unpack[VerifyKeywords],
    ) -> Report:
        """Check a mirror, and repair it if asked; see ``dashget.Session.verify``."""
        return await _in_thread(
            lambda stop: self._session().verify(root, options, stop=stop, **keywords)
        )

    def verify_events(
        self,
        root: Place,
        options: VerifyOptions | None = None,
        **keywords: Unpack[VerifyKeywords],
    ) -> AsyncGenerator[Event, None]:
        """Check a mirror, and yield its findings; the Report comes last."""

        def work(observer: Observer, stop: Stop) -> Report:
            return self._session().verify(root, options, observer=observer, stop=stop, **keywords)

        return _events(work)

    async def mux(
        self,
        root: Place,
        file: Source,
        options: MuxOptions | None = None,
        **keywords: Unpack[MuxKeywords],
    ) -> tuple[Muxed, ...]:
        """Write one playable file of a mirror; see ``dashget.Session.mux``."""
        return await _in_thread(
            lambda stop: self._session().mux(root, file, options, stop=stop, **keywords)
        )

    def mux_events(
        self,
        root: Place,
        file: Source,
        options: MuxOptions | None = None,
        **keywords: Unpack[MuxKeywords],
    ) -> AsyncGenerator[Event, None]:
        """Write one file of a mirror, and yield the events; a ``Muxed`` comes for each file."""

        def work(observer: Observer, stop: Stop) -> tuple[Muxed, ...]:
            session = self._session()
            return session.mux(root, file, options, observer=observer, stop=stop, **keywords)

        return _events(work)

    async def close(self) -> None:
        """Stop what is at work in the session, and close its connections."""
        self._closed = True
        made = self._made
        if made is not None:
            await _in_thread(lambda _: made.close())

    async def __aenter__(self) -> Self:
        await _in_thread(lambda _: self._session())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _session(self) -> sync.Session:
        """Return the session itself, made by the first thread that needs it."""
        with self._guard:
            if self._closed:
                raise SessionClosedError(
                    "the session is closed", hint="use it inside its async with statement"
                )
            if self._made is None:
                self._made = sync.Session(self._options)
            return self._made


class Loaded:
    """A presentation that was opened in a session for asyncio."""

    def __init__(self, manifest: LoadedManifest, session: Session) -> None:
        self.manifest = manifest
        """The presentation, and the document that it was read from."""
        self.session = session

    async def plan(
        self,
        selection: Selection | None = None,
        *,
        index: bool = False,
        segment_limit: int | None = DEFAULT_SEGMENT_LIMIT,
        total_limit: int | None = DEFAULT_TOTAL_LIMIT,
        **filters: Unpack[SelectionKeywords],
    ) -> Iterator[PlannedSegment]:
        """Return the segments that ``mirror`` would fetch; see ``dashget.Session.plan``."""
        return await _in_thread(
            lambda _: self.session._session().plan(
                self.manifest,
                selection,
                index=index,
                segment_limit=segment_limit,
                total_limit=total_limit,
                **filters,
            )
        )

    async def mirror(
        self,
        root: Place | None = None,
        options: MirrorOptions | None = None,
        **keywords: Unpack[MirrorKeywords],
    ) -> Summary:
        """Mirror the presentation, or complete a mirror; see ``dashget.Session.mirror``."""
        return await self.session.mirror(self, root, options, **keywords)

    def mirror_events(
        self,
        root: Place | None = None,
        options: MirrorOptions | None = None,
        **keywords: Unpack[MirrorKeywords],
    ) -> AsyncGenerator[Event, None]:
        """Mirror the presentation, and yield the events; the Summary comes last."""
        return self.session.mirror_events(self, root, options, **keywords)

    def __repr__(self) -> str:
        return repr(self.manifest)


async def load(
    source: Source,
    *,
    base_url: str | None = None,
    now: datetime.datetime | None = None,
    transfer: TransferOptions | None = None,
    **keywords: Unpack[TransferKeywords],
) -> LoadedManifest:
    """Fetch (or read) an MPD, and resolve it; see ``dashget.load``."""
    async with Session(transfer, **keywords) as session:
        return (await session.open(source, base_url=base_url, now=now)).manifest


async def mirror(
    source: Source | LoadedManifest,
    root: Place | None = None,
    options: MirrorOptions | None = None,
    *,
    base_url: str | None = None,
    now: datetime.datetime | None = None,
    transfer: TransferOptions | None = None,
    **keywords: Unpack[MirrorCallKeywords],
) -> Summary:
    """Mirror a presentation, or complete a mirror; see ``dashget.mirror``."""
    return await _in_thread(
        lambda stop: api.mirror(
            source,
            root,
            options,
            base_url=base_url,
            now=now,
            transfer=transfer,
            stop=stop,
            **keywords,
        )
    )


async def verify(
    root: Place,
    options: VerifyOptions | None = None,
    *,
    transfer: TransferOptions | None = None,
    **keywords: Unpack[VerifyCallKeywords],
) -> Report:
    """Check a mirror, and repair it if asked; see ``dashget.verify``."""
    return await _in_thread(
        lambda stop: api.verify(root, options, transfer=transfer, stop=stop, **keywords)
    )


def _manifest_of(loaded: Loaded | LoadedManifest) -> LoadedManifest:
    return loaded.manifest if isinstance(loaded, Loaded) else loaded


async def _in_thread(call: Callable[[Stop], Result]) -> Result:
    """Return what a call returns in a thread of its own; cancelling stops it in order."""
    results: list[Result] = []
    ended = _Signal()
    channel = Channel(ended.set)

    def work(_: Observer, stop: Stop) -> None:
        results.append(call(stop))

    stop = Stop()
    work_in_thread(work, channel, stop)
    try:
        await ended.wait()
    except asyncio.CancelledError:
        await _end(channel, stop, ended)
        raise
    if channel.error is not None:
        raise channel.error
    return results[0]


async def _events(work: Callable[[Observer, Stop], Any]) -> AsyncGenerator[Event, None]:
    """Yield the events of a run that works in a thread of its own."""
    changed = _Signal()
    channel, stop = Channel(changed.set), Stop()
    work_in_thread(work, channel, stop)
    try:
        while True:
            changed.clear()
            event = channel.take(wait=False)
            if event is not None:
                yield event
            elif channel.exhausted:
                break
            else:
                await changed.wait()
    finally:
        await _end(channel, stop, changed)
    if channel.error is not None:
        raise channel.error


async def _end(channel: Channel, stop: Stop, changed: _Signal) -> None:
    """Stop a run in order, and wait for its end, however often that is cancelled."""
    stop.request()
    channel.abandon()
    while True:
        changed.clear()
        if channel.exhausted:
            return
        with suppress(asyncio.CancelledError):
            await changed.wait()


class _Signal:
    """An ``asyncio.Event`` that any thread may set."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def set(self) -> None:
        """Wake who waits; nobody does any more in a loop that is closed."""
        if not self._event.is_set():
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._event.set)

    def clear(self) -> None:
        """Begin to wait anew."""
        self._event.clear()

    async def wait(self) -> None:
        """Wait until it is set."""
        await self._event.wait()
