"""Recording by patches of the manifest, from a server that makes them, well or badly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from dashget.store import Mirror
from dashget.verification.versions import ManifestVersion, Versions
from tests.integration.test_record import Run, check_whole, recording
from tests.support.liveorigin import LiveOrigin

pytestmark = pytest.mark.slow


def patching(**more: object) -> LiveOrigin:
    origin = LiveOrigin(form="time", **more)  # type: ignore[arg-type]
    origin.patches = True
    return origin


def listed(root: Path) -> list[ManifestVersion]:
    with Versions(Mirror.at(root, read_only=True)) as versions:
        assert list(versions.check(dashget.Stop())) == []
        return list(versions.list())


def warnings(run: Run) -> list[str]:
    return [e.message for e in run.events if isinstance(e, dashget.Warned) and "patch" in e.message]


def test_patches_take_the_place_of_the_manifest(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with patching().serving() as origin, recording(origin, root) as run:
        origin.wait_for(lambda: len(origin.patched) >= 12)
        ended = run.end()
        assert ended.lost == 0
        check_whole(origin, root)
        assert warnings(run) == []
        whole = sum(".mpd" in path for path, _ in origin.requests)
        assert whole < len(origin.patched) / 2
        versions = listed(root)
        by_patch = [each for each in versions if each.how == "patch"]
        assert len(by_patch) >= 11
        with Versions(Mirror.at(root, read_only=True)) as kept:
            patches = [kept.find(number=each.number, patch=True) for each in by_patch]
            assert patches == origin.patched[: len(patches)]
            for each in by_patch:
                assert kept.find(number=each.number).count(b"<S ") == 2
        reads = [each for each in run.events if isinstance(each, dashget.ManifestRead)]
        assert {"full", "patch"} >= {each.how for each in reads} >= {"patch"}


@pytest.mark.parametrize("status", [425, 204])
def test_too_early_is_nothing_new_and_all_is_read_in_the_end(status: int, tmp_path: Path) -> None:
    root = tmp_path / "r"
    with patching().serving() as origin:
        origin.patch_status = status
        with recording(origin, root) as run:
            origin.wait_for(lambda: origin.served_count() >= 80)
            assert run.end().lost == 0
            assert warnings(run) == []
            assert {code for path, code in origin.requests if ".mpp" in path} == {status}
        check_whole(origin, root)
        assert {each.how for each in listed(root)} <= {"full", "same"}


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "another id": lambda patch: patch.replace(b'mpdId="live"', b'mpdId="other"'),
    "another time": lambda patch: patch.replace(
        b'originalPublishTime="2', b'originalPublishTime="1'
    ),
    "nothing there": lambda patch: patch.replace(b"AdaptationSet[2]", b"AdaptationSet[7]"),
    "no XML": lambda patch: patch[:100],
    "a page": lambda _: b"<!DOCTYPE html><html><body>no</body></html>",
    "empty": lambda _: b"",
    "no manifest left": lambda patch: patch.replace(
        b"</Patch>", b'<remove sel="/MPD/Period"/></Patch>'
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_patch_that_does_not_fit_costs_nothing_and_is_told_once(
    name: str, tmp_path: Path
) -> None:
    root = tmp_path / "r"
    with patching().serving() as origin:
        origin.spoiled = SPOILED[name]
        with recording(origin, root) as run:
            origin.wait_for(lambda: len(origin.patched) >= 3)
            assert run.end().lost == 0
            assert len(warnings(run)) == 1
            check_whole(origin, root, least=10)


@pytest.mark.parametrize("status", [410, 404, 500, 403])
def test_a_patch_that_is_gone_is_asked_for_once_and_all_is_read(
    status: int, tmp_path: Path
) -> None:
    root = tmp_path / "r"
    with patching().serving() as origin:
        origin.patch_status = status
        with recording(origin, root) as run:
            origin.wait_for(lambda: sum(".mpp" in path for path, _ in origin.requests) >= 3)
            assert run.end().lost == 0
            assert len(warnings(run)) == 1
            patches = [path for path, _ in origin.requests if ".mpp" in path]
            assert len(patches) == len(set(patches))
            check_whole(origin, root, least=10)


def test_patches_that_lead_astray_are_found_out(tmp_path: Path) -> None:
    """They say what the manifest does not; it is read as a whole now and then."""
    root = tmp_path / "r"
    astray = b'<add sel="/MPD/Period" type="@duration">PT9H</add></Patch>'

    def spoiled(patch: bytes) -> bytes:
        now = patch.decode().partition(' publishTime="')[2].partition('"')[0]
        origin.frozen = origin.published[now]
        return patch.replace(b"</Patch>", astray)

    with patching().serving() as origin:
        origin.spoiled = spoiled
        with recording(origin, root) as run:
            origin.wait_for(lambda: any("another manifest" in text for text in warnings(run)))
            run.end()
        assert [each.how for each in listed(root) if each.how != "same"][-1] == "full"
        assert (root / "manifest.mpd").read_bytes() == origin.frozen
