"""The functions of ``import dashget``: each makes a session, and does one thing in it.

Whoever does more than one keeps a ``Session``: connections, cookies and what was learned of the
servers are kept from call to call, and a manifest is fetched once.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Unpack

from dashget.common.stopping import Stop
from dashget.common.validation import instance, optional, require
from dashget.events import Observer, Summary, ignore
from dashget.manifest.load import LoadedManifest
from dashget.mirroring.options import MirrorOptions
from dashget.planning.limits import DEFAULT_SEGMENT_LIMIT, DEFAULT_TOTAL_LIMIT, Limits
from dashget.planning.plan import PlannedSegment
from dashget.planning.selection import Selection
from dashget.session import Loaded, Session
from dashget.session.keywords import mirror_options, split_transfer
from dashget.session.planning import plan_of
from dashget.transfer.settings.options import TransferOptions

if TYPE_CHECKING:
    from dashget.session.keywordtypes import (
        MirrorCallKeywords,
        PlanCallKeywords,
        TransferKeywords,
        VerifyCallKeywords,
    )
    from dashget.session.session import Place
    from dashget.verification.findings import Report
    from dashget.verification.verify import VerifyOptions

Source = str | os.PathLike[str]


def load(
    source: Source,
    *,
    base_url: str | None = None,
    now: datetime.datetime | None = None,
    transfer: TransferOptions | None = None,
    observer: Observer = ignore,
    **keywords: Unpack[TransferKeywords],
) -> Loaded:
    """Fetch (or read) an MPD, and resolve it; see ``Session.open``.

    ``transfer`` or keywords say how to make requests, as in ``Session``. The session of the
    presentation is closed: give it to ``dashget.plan`` or ``dashget.mirror``.
    """
    with _session(transfer, observer, keywords) as session:
        return session.open(source, base_url=base_url, now=now)


def plan(
    source: Source | LoadedManifest,
    selection: Selection | None = None,
    *,
    index: bool = False,
    segment_limit: int | None = DEFAULT_SEGMENT_LIMIT,
    total_limit: int | None = DEFAULT_TOTAL_LIMIT,
    transfer: TransferOptions | None = None,
    observer: Observer = ignore,
    **keywords: Unpack[PlanCallKeywords],
) -> Iterator[PlannedSegment]:
    """Yield every segment that ``mirror`` would fetch; see ``Session.plan``.

    ``source`` is what ``load`` takes, or what it returns; then requests are only made with
    ``index``.
    """
    ours, filters = split_transfer(keywords)
    if isinstance(source, LoadedManifest) and not index:
        return plan_of(source, selection, filters, Limits(segment_limit, total_limit))
    stop = Stop()
    with _session(transfer, observer, ours) as session, session.timing(stop):
        loaded = source if isinstance(source, LoadedManifest) else session.open(source, stop=stop)
        return session.plan(
            loaded,
            selection,
            index=index,
            segment_limit=segment_limit,
            total_limit=total_limit,
            stop=stop,
            **filters,
        )


def mirror(
    source: Source | LoadedManifest,
    root: Place | None = None,
    options: MirrorOptions | None = None,
    *,
    base_url: str | None = None,
    now: datetime.datetime | None = None,
    transfer: TransferOptions | None = None,
    observer: Observer = ignore,
    stop: Stop | None = None,
    **keywords: Unpack[MirrorCallKeywords],
) -> Summary:
    """Mirror a presentation into the directory ``root``, or complete a mirror.

    ``source``, ``base_url`` and ``now`` are those of ``Session.open``; a presentation that was
    loaded is not fetched again. ``root``, ``options`` and keywords are those of
    ``Session.mirror``; ``transfer`` and keywords say how to make requests, as in ``Session``.
    ``observer`` gets every event, the Summary last.
    """
    ours, rest = split_transfer(keywords)
    options, stop = mirror_options(root, options, rest), stop or Stop()
    with _session(transfer, observer, ours) as session, session.timing(stop):
        loaded = (
            source
            if isinstance(source, LoadedManifest)
            else session.open(source, base_url=base_url, now=now, stop=stop)
        )
        return session.mirror(loaded, root, options, stop=stop)


def verify(
    root: Place,
    options: VerifyOptions | None = None,
    *,
    transfer: TransferOptions | None = None,
    observer: Observer = ignore,
    stop: Stop | None = None,
    **keywords: Unpack[VerifyCallKeywords],
) -> Report:
    """Check a mirror, and repair it if asked; see ``Session.verify``.

    ``transfer`` and keywords say how to make requests, as in ``Session``.
    """
    ours, rest = split_transfer(keywords)
    with _session(transfer, observer, ours) as session:
        return session.verify(root, options, stop=stop, **rest)


def _session(
    transfer: TransferOptions | None, observer: Observer, keywords: TransferKeywords
) -> Session:
    hint = "such as dashget.TransferOptions(in_flight=8)"
    require("transfer", transfer, optional(instance(TransferOptions, hint)), "Session")
    return Session(transfer, observer=observer, **keywords)
