"""What ``import dashget`` offers: load a presentation, look at its plan, mirror it.

The command line uses these functions and nothing beside them.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.stopping import Stop
from dashget.common.validation import (
    Check,
    Wrong,
    check,
    flag,
    instance,
    optional,
    path,
    require,
    text,
    whole,
)
from dashget.errors import SelectionError, StoreError, UsageError
from dashget.events import (
    Event,
    ManifestLoaded,
    Observer,
    Summary,
    TrackPlanned,
    Warned,
    ignore,
    ignored_by,
)
from dashget.manifest.load import Loaded, load_manifest
from dashget.manifest.lookups import read_indexes, read_protections
from dashget.manifest.source import Source, parse_source
from dashget.mirroring.run import MirrorRun, Policy
from dashget.mpd.presentation import Presentation
from dashget.planning.layout import SUMS_NAME, Layout, local_manifest_name, root_name
from dashget.planning.plan import PlannedSegment, iter_plan, make_layout
from dashget.planning.rules import Rule
from dashget.planning.selection import Selection, select
from dashget.planning.tracks import Track, iter_representations, make_tracks, track_label
from dashget.playable.localmpd import make_local_mpd
from dashget.store import (
    RECORD_VERSION,
    Displaced,
    FileRecord,
    Header,
    Mirror,
    keep_manifest,
    keep_remote,
)
from dashget.transfer.contract import Hooks
from dashget.transfer.engine import Engine
from dashget.transfer.http.origin import shown
from dashget.transfer.settings.checks import read_files, warnings_about
from dashget.transfer.settings.options import TransferOptions
from dashget.version import __version__

if TYPE_CHECKING:
    from dashget.media.isobmff import Protections
    from dashget.verification.findings import Report
    from dashget.verification.verify import VerifyOptions

DEFAULT_SEGMENT_LIMIT = 10_000_000
_DISPLACED: Final = {
    Displaced.EARLIER: "the manifest has changed since the last run; the earlier one is kept in"
    " .dashget/manifests",
    Displaced.FOREIGN: "another {name} was there that no run has recorded; it is kept in"
    " .dashget/replaced",
}
_SEGMENT_LIMIT: Final = optional(whole(1))
_TRANSFER: Final = instance(TransferOptions, "such as dashget.TransferOptions(in_flight=8)")
_SELECTION: Final = instance(Selection, "such as dashget.parse_selection(video='best')")


def _moment(value: object) -> Wrong | None:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return None
    return Wrong("not a datetime with a time zone", "such as datetime.datetime.now(datetime.UTC)")


class MirrorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to mirror. ``root`` None takes a directory named after the manifest's own."""

    root: str | os.PathLike[str] | None = None
    selection: Selection = Selection()
    transfer: TransferOptions = TransferOptions()
    base_url: str | None = None
    now: datetime.datetime | None = None
    dry_run: bool = False
    moved: bool = False
    """The root may hold the same presentation under an earlier address."""
    fsync: bool = False
    """Make every finished file last through a power cut, at a price."""
    checksums: bool = False
    """Record the SHA-256 of every file, and write SHA256SUMS."""
    verify: bool = False
    """Compare also recorded files with the server, and fetch what has changed.

    One that the server no longer has, or does not show, stays, with a warning. A dry run
    compares nothing.
    """
    prune: bool = False
    """Remove recorded files that the manifest no longer names."""
    segment_limit: int | None = DEFAULT_SEGMENT_LIMIT
    """The most segments of one Representation; a manifest that implies more is refused."""

    def __post_init__(self) -> None:
        """Check every field, so that options which exist can be used."""
        check(self, _RULES)


_RULES: Final[dict[str, Check]] = {
    "root": optional(path),
    "selection": _SELECTION,
    "transfer": _TRANSFER,
    "base_url": optional(text),
    "now": optional(_moment),
    "dry_run": flag,
    "moved": flag,
    "fsync": flag,
    "checksums": flag,
    "verify": flag,
    "prune": flag,
    "segment_limit": _SEGMENT_LIMIT,
}


def load(
    source: str | os.PathLike[str],
    *,
    transfer: TransferOptions | None = None,
    base_url: str | None = None,
    now: datetime.datetime | None = None,
) -> Loaded:
    """Fetch (or read) an MPD, and resolve it.

    ``source`` is an http(s) URL, the path of a local file (a ``Path`` is always one), or ``-``
    for standard input;
    ``base_url`` is what a local document's relative URLs are resolved against (a URL needs none,
    and is refused with one). ``now`` is
    the wall-clock time for a dynamic presentation. Raises UsageError,
    ManifestFetchError or MPDError.
    """
    require("transfer", transfer, optional(_TRANSFER), "load")
    require("now", now, optional(_moment), "load")
    parsed = parse_source(source, base_url=base_url)
    options = transfer or TransferOptions()
    with _engine(options, parsed) as engine:
        return load_manifest(
            parsed, engine, base_url=base_url, now=now, allow_downgrade=options.allow_downgrade
        )


def plan(
    loaded: Loaded,
    selection: Selection | None = None,
    *,
    segment_limit: int | None = DEFAULT_SEGMENT_LIMIT,
    indexes: TransferOptions | None = None,
    observer: Observer = ignore,
) -> Iterator[PlannedSegment]:
    """Yield every segment that ``mirror`` would fetch, in presentation order, lazily.

    ``dashget.plan_line`` gives the JSON form of each. With ``indexes``, the ``sidx`` or Cues of
    single files are fetched under these options, and their subsegments listed with their
    ranges; ``observer`` gets a ``Warned`` for each that cannot be had. Raises
    SelectionError at once, and MPDError where a Representation has more than
    ``segment_limit`` segments.
    """
    require("selection", selection, optional(_SELECTION), "plan")
    require("segment_limit", segment_limit, _SEGMENT_LIMIT, "plan")
    require("indexes", indexes, optional(_TRANSFER), "plan")
    narrowed = _narrow(loaded.presentation, selection or Selection())
    tracks = make_tracks(narrowed, limit=segment_limit)
    if indexes is not None:
        tracks = _with_indexes(loaded, tracks, indexes, observer)
    return iter_plan(tracks, make_layout(loaded.presentation, loaded.name))


def mirror(
    source: str | os.PathLike[str],
    options: MirrorOptions | None = None,
    *,
    observer: Observer = ignore,
    stop: Stop | None = None,
) -> Summary:
    """Mirror a presentation, or complete a mirror; return what came of it.

    Files that fail are in ``Summary.failures``; only what prevents any result is raised:
    UsageError, ManifestFetchError, MPDError, SelectionError, StoreError. ``stop.request()``
    ends the run early, with ``Summary.interrupted`` set. A disk that takes no more ends
    it, too: the StoreError is raised after the Summary was observed. ``observer`` gets
    every event, the Summary last, from one thread at a time.
    """
    started = time.monotonic()
    require("options", options, optional(instance(MirrorOptions)), "mirror")
    options = options or MirrorOptions()
    stop = stop or Stop()
    watch = _Watch(observer)
    parsed = parse_source(source, base_url=options.base_url)
    transfer = read_files(options.transfer)
    _warn_about(options, transfer, watch)
    run = MirrorRun(watch, _policy(options))
    with _engine(transfer, parsed, hooks=run) as engine:
        stop.on_request(engine.cancel)
        work = _read(parsed, engine, options)
        with Mirror.at(work.root, fsync=options.fsync, read_only=options.dry_run) as store:
            _begin(work, store, options, watch)
            failure: StoreError | None = None
            try:
                _fill(work, store, run, engine, stop)
                _finish(work, store, run, options, watch, stop)
            except StoreError as error:
                failure = _explained(error, work.root)
            kept = store.kept()
    loaded = work.loaded
    summary = run.ledger.summary(
        root=str(work.root),
        manifest=str(work.root / loaded.name),
        url=loaded.source.name,
        seconds=time.monotonic() - started,
        warnings=watch.warnings,
        requests=loaded.fetched.requests if loaded.fetched else 0,
        interrupted=stop.requested,
        dry_run=options.dry_run,
        bytes_estimated=_total(track.bytes_estimated for track in work.tracks),
        error=None if failure is None else failure.message,
        kept=kept,
    )
    watch(summary)
    if failure is not None:
        raise failure
    return summary


def verify(
    root: str | os.PathLike[str],
    options: VerifyOptions | None = None,
    *,
    observer: Observer = ignore,
    stop: Stop | None = None,
) -> Report:
    """Check a mirror: present, whole, sound; return the sums.

    ``observer`` gets a ``Finding`` for everything that is wrong or odd, and the Report last.
    Offline nothing is fetched, and nothing is written. Raises StoreError for a directory
    that is no mirror, MPDError for a manifest that cannot be read.
    """
    from dashget.verification.verify import VerifyOptions, verify_mirror

    require("options", options, optional(instance(VerifyOptions)), "verify")
    require("root", root, path, "verify")
    if isinstance(root, str) and "://" in root and not Path(root).exists():
        raise UsageError(
            f"verify takes the directory of a mirror, not a URL: {shown(root)}",
            hint="name the directory; get --verify compares a mirror with the server",
        )
    return verify_mirror(Path(root), options or VerifyOptions(), _Watch(observer), stop or Stop())


class _Work(msgspec.Struct, frozen=True):
    """What a run has before it, once the manifest is read."""

    loaded: Loaded
    tracks: tuple[Track, ...]
    layout: Layout
    root: Path


class _Watch:
    """Pass events on, and count the warnings among them."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.ignores = ignored_by(observer) - {Warned}
        self.warnings = 0

    def __call__(self, event: Event, /) -> None:
        if type(event) is Warned:
            self.warnings += 1
        self._observer(event)


def _engine(options: TransferOptions, source: Source, *, hooks: Hooks | None = None) -> Engine:
    """Make an engine for a manifest: its origin gets the secrets, also those in its URL."""
    engine = Engine(options, hooks=hooks)
    if source.url is not None:
        engine.trust(source.url, source.user)
    return engine


def protections_inside(
    loaded: Loaded, tracks: tuple[Track, ...], options: TransferOptions, observer: Observer = ignore
) -> dict[int, Protections]:
    """Fetch initialization segments; return what they say about encryption, by track key.

    ``observer`` gets a ``Warned`` for each that cannot be had or read.
    """
    with _engine(options, loaded.source) as engine:
        found, issues = read_protections(tracks, engine)
    for issue in issues:
        observer(Warned.of(issue))
    return found


def _with_indexes(
    loaded: Loaded, tracks: tuple[Track, ...], options: TransferOptions, observer: Observer
) -> tuple[Track, ...]:
    read = []
    with _engine(options, loaded.source) as engine:
        for track, issue in read_indexes(tracks, engine):
            if issue is not None:
                observer(Warned.of(issue))
            read.append(track)
    return tuple(read)


def _narrow(presentation: Presentation, selection: Selection) -> Presentation:
    if not presentation.periods:
        raise SelectionError(
            "no Period of the presentation is available yet",
            hint="it is announced, but its start is not; try again later",
        )
    return select(presentation, selection)


def _refuse_local_files(tracks: tuple[Track, ...]) -> None:
    """A local MPD whose references stay relative names files next to it, not a server."""
    for track in tracks:
        for address in track.index.addresses():
            if address.patterns[0].marked[:5].lower() == "file:":
                raise UsageError(
                    "the local MPD has relative URLs, and nothing says where from",
                    hint="give --base-url with the URL that the MPD was downloaded from",
                )


def _warn_about(options: MirrorOptions, transfer: TransferOptions, watch: _Watch) -> None:
    """Say what is odd about the options themselves."""
    for message in warnings_about(transfer):
        watch(Warned(message))
    if options.verify and options.dry_run:
        watch(
            Warned(
                "a dry run compares no file with the server;"
                " dashget verify DIR --remote does, and changes nothing"
            )
        )


def _policy(options: MirrorOptions) -> Policy:
    return Policy(
        dry_run=options.dry_run,
        checksum="sha256" if options.checksums or _has_sums(options.root) else None,
        check_remote=options.verify and not options.dry_run,
    )


def _read(source: Source, engine: Engine, options: MirrorOptions) -> _Work:
    """Fetch the manifest, and make out what of it is wanted, and where to."""
    loaded = load_manifest(
        source,
        engine,
        base_url=options.base_url,
        now=options.now,
        allow_downgrade=options.transfer.allow_downgrade,
    )
    narrowed = _narrow(loaded.presentation, options.selection)
    tracks = make_tracks(narrowed, limit=options.segment_limit)
    layout = make_layout(loaded.presentation, loaded.name)
    _refuse_local_files(tracks)
    return _Work(loaded, tracks, layout, Path(options.root or root_name(loaded.presentation.url)))


def _begin(work: _Work, store: Mirror, options: MirrorOptions, watch: _Watch) -> None:
    """Open the mirror, report what is to come, and store the manifest."""
    loaded = work.loaded
    only = loaded.sha256 if loaded.source.nameless else None
    store.claim(_header(loaded, options.selection), moved=options.moved, only=only)
    _announce(work, watch)
    if not options.dry_run:
        _keep_manifest(work, store, watch, options.selection)


def _fill(work: _Work, store: Mirror, run: MirrorRun, engine: Engine, stop: Stop) -> None:
    """Bring every file to its outcome; a part of the manifest that is not here is one, too."""
    for lacking in work.loaded.unreached:
        reason = f"a part of the manifest that is elsewhere: {lacking.reason}"
        run.ledger.lack(work.loaded.name, lacking.url, reason)
    with stop.answered():
        run.run(work.tracks, work.layout, store, engine, stop)


def _announce(work: _Work, watch: _Watch) -> None:
    """Report the manifest, what is odd about it, and what was selected."""
    loaded, tracks = work.loaded, work.tracks
    presentation = loaded.presentation
    watch(
        ManifestLoaded(
            url=presentation.url,
            size=len(loaded.data),
            type=presentation.type.value,
            periods=len(presentation.periods),
            representations=len(tracks),
            root=str(work.root),
            title=presentation.title,
        )
    )
    for issue in loaded.warnings:
        watch(Warned.of(issue))
    if presentation.dynamic:
        watch(
            Warned(
                "the presentation is live: this is a snapshot of what is available now,"
                " later segments are not waited for"
            )
        )
    for track in tracks:
        representation = track.representation
        watch(
            TrackPlanned(
                track=track.key,
                period_index=representation.period.index,
                representation=representation.id,
                content_type=representation.content_type.value,
                label=track_label(representation),
                segments=track.index.count(),
                bytes_estimated=track.bytes_estimated,
                files=track.files,
            )
        )


def _header(loaded: Loaded, selection: Selection) -> Header:
    return Header(
        dashget=RECORD_VERSION,
        source=loaded.source.name,
        url=loaded.presentation.url,
        manifest=loaded.name,
        tool=__version__,
        selection=_chosen(selection),
        now=None if loaded.now is None else loaded.now.isoformat(),
    )


def _explained(error: StoreError, root: Path) -> StoreError:
    """Add where it happened, and what to do about it."""
    if str(root) not in error.message:
        error.message = f"cannot go on in {root}: {error.message}"
    error.hint = error.hint or "make room on the disk; the same command continues from here"
    return error


def _has_sums(root: str | os.PathLike[str] | None) -> bool:
    """Whether a mirror has checksums already, which have to be kept up."""
    try:
        return root is not None and Path(root, SUMS_NAME).is_file()
    except OSError:  # a name that no directory can have, as the store will say
        return False


def _total(estimates: Iterable[int | None]) -> int | None:
    known = [estimate for estimate in estimates if estimate is not None]
    return sum(known) if known else None


def _finish(
    work: _Work,
    store: Mirror,
    run: MirrorRun,
    options: MirrorOptions,
    watch: _Watch,
    stop: Stop,
) -> None:
    """Do what comes after the transfers: whether the mirror is still there, pruning, checksums."""
    loaded = work.loaded
    if not options.dry_run:
        store.check_present()
    if stop.requested:
        return
    # What the mirror still needs is not known where something is missing.
    if options.prune and not (loaded.partial or run.ledger.totals.failures):
        from dashget.mirroring.expectation import LiveHistory, expected_of
        from dashget.verification.prune import prune

        expected = expected_of(loaded.presentation, loaded.name, options.selection)
        history = LiveHistory(store)
        prune(store, expected, history, loaded.name, watch, dry_run=options.dry_run)
    if options.dry_run:
        return
    if options.checksums or store.size(SUMS_NAME) is not None:
        from dashget.verification.sums import write_sums

        write_sums(store, loaded.name)


def _chosen(selection: Selection) -> dict[str, str]:
    """Spell the rules of a selection that leave something out, as on the command line."""
    rules = {
        name: str(getattr(selection, name))
        for name in ("video", "audio", "text", "image")
        if getattr(selection, name) != Rule()
    }
    if selection.periods:
        rules["period"] = ",".join(str(period) for period in selection.periods)
    return rules


def _keep_manifest(work: _Work, store: Mirror, watch: _Watch, selection: Selection) -> None:
    """Store the MPD as received, and beside it the one that plays from the mirror."""
    loaded, tracks = work.loaded, work.tracks
    fetched = loaded.fetched
    record = FileRecord(
        path=loaded.name,
        url=loaded.source.name,
        size=len(loaded.data),
        final_url=fetched.url if fetched and fetched.url != loaded.source.url else None,
        etag=fetched.head.etag if fetched else None,
        last_modified=fetched.head.last_modified if fetched else None,
        sha256=loaded.sha256,
        time=store.now(),
        status=fetched.status if fetched else None,
        http=fetched.head.http_version if fetched else None,
    )
    displaced = keep_manifest(store, loaded.data, record)
    if displaced is not None:
        watch(Warned(_DISPLACED[displaced].format(name=loaded.name)))
    keep_remote(store, ((entity.href, entity.url, entity.data) for entity in loaded.remote))
    remote = {entity.href: entity.data for entity in loaded.remote}
    if len(tracks) < sum(1 for _ in iter_representations(loaded.presentation)):
        from dashget.mirroring.expectation import expected_of, playable

        tracks = playable(store, expected_of(loaded.presentation, loaded.name, selection))
    local = make_local_mpd(loaded.data, loaded.presentation, tracks, work.layout, remote=remote)
    store.write_if_changed(local_manifest_name(loaded.name), local)
