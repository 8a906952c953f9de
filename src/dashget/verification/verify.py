"""Verify a mirror: open it, run all checks, and close it; see ``Session.verify``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.shortrepr import short_repr
from dashget.common.stopping import Stop
from dashget.common.validation import Check, check, flag, moment, optional, seconds, whole
from dashget.errors import UsageError
from dashget.events import Observer
from dashget.mpd.budget import DEFAULT_LIMITS, WorkLimits
from dashget.store import Mirror
from dashget.transfer.contract import Transfers
from dashget.verification.findings import Report
from dashget.verification.run import Tasks, Verification

if TYPE_CHECKING:
    from dashget.store import Backend


class VerifyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to verify a mirror, and what to change in it."""

    __repr__ = short_repr

    remote: bool = False
    """Ask the server for size and validators of every file."""
    repair: bool = False
    """Fetch exactly what is wrong."""
    prune: bool = False
    """Remove recorded files that the manifest no longer names; never what was recorded live."""
    dry_run: bool = False
    """Only report what repairing would fetch and pruning remove."""
    segment_limit: int | None = Tasks().segment_limit
    """The most segments of one Representation; a mirror of more is refused."""
    total_limit: int | None = Tasks().total_limit
    """The most segments in all."""
    max_file_size: int | None = None
    """The most bytes of one file that a repair fetches, as for a mirror."""
    max_total_size: int | None = None
    """The most bytes of all files of the mirror, after which a repair ends."""
    begin: float | None = None
    """Of a recording: check only segments that end after this server time, since 1970."""
    begin_back: float | None = None
    """The same, so many seconds before its newest segment ends."""
    until: float | None = None
    """Of a recording: check only segments that begin before this server time."""

    def __post_init__(self) -> None:
        """Check every field, so that options which exist can be used."""
        check(self, _RULES)


_LONGEST_SECONDS: Final = 366 * 100 * 86_400
_RULES: Final[dict[str, Check]] = {
    "remote": flag,
    "repair": flag,
    "prune": flag,
    "dry_run": flag,
    "segment_limit": optional(whole(1)),
    "total_limit": optional(whole(1)),
    "max_file_size": optional(whole(1)),
    "max_total_size": optional(whole(1)),
    "begin": optional(moment),
    "begin_back": optional(seconds(positive=False, most=_LONGEST_SECONDS)),
    "until": optional(moment),
}


def verify_mirror(
    place: Backend,
    options: VerifyOptions,
    observer: Observer,
    stop: Stop,
    connect: Callable[[str | None, str], Transfers],
    *,
    allow_downgrade: bool = False,
    work: WorkLimits = DEFAULT_LIMITS,
) -> Report:
    """Check a mirror, and mend it if asked; see ``Session.verify``.

    ``connect`` gives the engine for the URL of the manifest, None if it did not come from one, and
    for the URL whose origin may have a private address.
    """
    started = time.monotonic()
    tasks = Tasks(
        remote=options.remote,
        repair=options.repair,
        prune=options.prune,
        dry_run=options.dry_run,
        segment_limit=options.segment_limit,
        total_limit=options.total_limit,
        max_file_size=options.max_file_size,
        max_total_size=options.max_total_size,
        begin=options.begin,
        begin_back=options.begin_back,
        until=options.until,
        allow_downgrade=allow_downgrade,
        work=work,
    )
    with Mirror(place, read_only=not tasks.writes) as store:
        header = store.known_header(
            "give a mirror's directory; dashget URL -o DIR makes a mirror of other trees,"
            " and repairs a record that has lost its first line"
        )
        if header.recording:
            # Loaded late: most mirrors are no recordings.
            from dashget.verification.recording import refuse_tasks

            refuse_tasks(place.name, remote=options.remote, prune=options.prune)
        elif tasks.is_part:
            raise UsageError(
                f"{place.name} is no recording, so it has no times to check a part of it by",
                hint="leave --from and --until out",
            )
        store.claim(header)
        source = header.source if "://" in header.source else None
        engine = connect(source, source or header.url)
        verification = Verification(store, header, tasks, observer, stop, engine)
        with stop.answered():
            report = verification.report()
    report = msgspec.structs.replace(report, seconds=round(time.monotonic() - started, 3))
    observer(report)
    return report
