"""Check the files that DashGet itself writes: the local MPD and ``SHA256SUMS``."""

from __future__ import annotations

from collections.abc import Iterator

from dashget.errors import MPDError
from dashget.mirroring.expectation import Expected, playable
from dashget.planning.layout import SUMS_NAME, local_manifest_name
from dashget.playable.localmpd import make_local_mpd
from dashget.store import Mirror, read_remote
from dashget.verification.findings import Finding, Problem, note
from dashget.verification.sums import sums_agree


def check_own(store: Mirror, expected: Expected, manifest: str, *, mend: bool) -> Iterator[Finding]:
    """Yield a finding for each file that differs from what DashGet would write now.

    With ``mend`` the local MPD is written anew instead.
    """
    name = local_manifest_name(manifest)
    try:
        fresh = _local_mpd(store, expected, manifest)
    except MPDError as error:
        yield note(name, Problem.OWN, f"cannot be written: {error.message}")
    else:
        if mend:
            store.write_if_changed(name, fresh)
        elif _read(store, name) != fresh:
            message = (
                "differs from the one that this version of DashGet writes; --repair or get"
                " rewrites it"
            )
            yield note(name, Problem.OWN, message)
    listed = _read(store, SUMS_NAME)
    if listed is not None and not sums_agree(store, listed, manifest):
        message = "differs from the record; --repair or get --checksums sha256 rewrites it"
        yield Finding(SUMS_NAME, Problem.OWN, message)


def _local_mpd(store: Mirror, expected: Expected, manifest: str) -> bytes:
    return make_local_mpd(
        store.read(manifest),
        expected.presentation,
        playable(store, expected),
        expected.layout,
        remote={href: data for href, _, data in read_remote(store)},
        budget=expected.budget,
    )


def _read(store: Mirror, name: str) -> bytes | None:
    try:
        return store.read(name)
    except OSError:
        return None
