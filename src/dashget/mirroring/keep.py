"""Keep the manifest in the mirror: as it was received, and a local MPD that plays from there."""

from __future__ import annotations

from typing import Final

from dashget import store as places
from dashget.errors import MPDError
from dashget.events import Observer, Playback, Warned
from dashget.manifest.load import LoadedManifest
from dashget.mirroring.expectation import Expected, playable
from dashget.mpd.issues import IssueLog
from dashget.planning.layout import NAME_BYTES, local_manifest_name
from dashget.planning.rules import Rule
from dashget.planning.selection import Selection
from dashget.playable.localmpd import make_local_mpd
from dashget.playable.opening import how_it_opens
from dashget.store import RECORD_VERSION, Displaced, FileRecord, Header, Mirror
from dashget.version import __version__

NOT_WRITTEN: Final = "{name} cannot be written, so no player plays the mirror: {reason}"
_DISPLACED: Final = {
    Displaced.EARLIER: "the manifest has changed since the last run; the earlier one is kept in"
    " .dashget/manifests",
    Displaced.FOREIGN: "an unrecorded {name} was replaced; it is kept in .dashget/replaced",
}


def make_header(loaded: LoadedManifest, selection: Selection, name_bytes: int) -> Header:
    """Return the record's header of a run: its presentation, selection, time and longest name."""
    return Header(
        dashget=RECORD_VERSION,
        source=loaded.source.name,
        url=loaded.presentation.url,
        manifest=loaded.name,
        tool=__version__,
        selection=_rules_of(selection),
        now=None if loaded.now is None else loaded.now.isoformat(),
        name_bytes=None if name_bytes == NAME_BYTES else name_bytes,
    )


def keep_manifest(
    loaded: LoadedManifest, expected: Expected, store: Mirror, observer: Observer
) -> Playback | None:
    """Store the MPD and its remote elements as received, and write the local MPD.

    Returns how the local MPD opens on this machine; None if none can be written, which is a
    warning: every file is fetched all the same.
    """
    displaced = places.keep_manifest(store, loaded.data, manifest_record(loaded, store))
    if displaced is not None:
        observer(Warned(_DISPLACED[displaced].format(name=loaded.name)))
    places.keep_remote(store, ((entity.href, entity.url, entity.data) for entity in loaded.remote))
    tracks, name = playable(store, expected), local_manifest_name(loaded.name)
    log = IssueLog()
    try:
        local = make_local_mpd(
            loaded.data,
            loaded.presentation,
            tracks,
            expected.layout,
            remote={entity.href: entity.data for entity in loaded.remote},
            budget=expected.budget,
            log=log,
        )
    except MPDError as error:
        observer(Warned(NOT_WRITTEN.format(name=name, reason=error.message)))
        # What an earlier run wrote plays another manifest.
        store.set_aside(name)
        return None
    for issue in log.warnings:
        observer(Warned.of(issue))
    store.write_if_changed(name, local)
    return how_it_opens(tracks, expected.layout)


def manifest_record(loaded: LoadedManifest, store: Mirror) -> FileRecord:
    """Return the record of an MPD as it was received."""
    fetched, size = loaded.fetched, len(loaded.data)
    coded = fetched if fetched is not None and fetched.size != size else None
    return FileRecord(
        path=loaded.name,
        url=loaded.source.name,
        size=size,
        final_url=fetched.url if fetched and fetched.url != loaded.source.url else None,
        etag=fetched.head.etag if fetched else None,
        last_modified=fetched.head.last_modified if fetched else None,
        sha256=loaded.sha256,
        time=store.now(),
        status=fetched.status if fetched else None,
        http=fetched.head.http_version if fetched else None,
        kept_headers=dict(fetched.head.kept) if fetched else {},
        codings=coded.head.codings if coded else (),
        coded_size=coded.size if coded else None,
    )


def _rules_of(selection: Selection) -> dict[str, str]:
    """Spell the rules of a selection that leave something out, as on the command line."""
    rules = {
        name: str(getattr(selection, name))
        for name in ("video", "audio", "text", "image")
        if getattr(selection, name) != Rule()
    }
    if selection.periods:
        rules["period"] = ",".join(str(period) for period in selection.periods)
    return rules
