"""When a patch of the manifest is asked for, and when all of it is read instead."""

from __future__ import annotations

from dashget.live.listing import PatchOffer, Version
from dashget.live.patching import Patching
from dashget.live.world import ReadEnded, Way

OFFERED = Version(digest="a", patch=PatchOffer("http://h/p", until=100.0))
GOOD = ReadEnded(OFFERED, 0.0, way=Way.PATCH)
SAME = ReadEnded(OFFERED, 0.0, way=Way.SAME)
WHOLE = ReadEnded(OFFERED, 0.0)
BAD = ReadEnded(OFFERED, 0.0, refused="it does not fit")


def after(*reads: ReadEnded) -> Patching:
    patching = Patching()
    for read in reads:
        patching.read(read, by_patch=read is not WHOLE)
    return patching


def test_a_patch_is_asked_for_while_its_time_to_live_lasts() -> None:
    assert Patching().wants(OFFERED, 99.0)
    assert not Patching().wants(OFFERED, 100.0)
    assert Patching().wants(Version(digest="a", patch=PatchOffer("http://h/p")), 1e12)
    assert not Patching().wants(Version(digest="a"), 0.0)
    assert not Patching().wants(None, 0.0)


def test_all_is_read_after_a_hundred_patches() -> None:
    assert after(*[GOOD] * 99).wants(OFFERED, 0.0)
    assert not after(*[GOOD] * 100).wants(OFFERED, 0.0)
    assert after(*[GOOD] * 100, WHOLE).wants(OFFERED, 0.0)


def test_all_is_read_after_three_that_bring_nothing() -> None:
    assert after(SAME, SAME).wants(OFFERED, 0.0)
    assert not after(SAME, SAME, SAME).wants(OFFERED, 0.0)
    assert after(SAME, SAME, SAME, WHOLE).wants(OFFERED, 0.0)
    assert after(SAME, SAME, GOOD, SAME).wants(OFFERED, 0.0)


def test_failures_in_a_row_hold_patches_back_for_longer_and_longer() -> None:
    assert after(BAD).wants(OFFERED, 0.0)
    assert not after(BAD, BAD, WHOLE, WHOLE, WHOLE).wants(OFFERED, 0.0)
    assert after(BAD, BAD, *[WHOLE] * 4).wants(OFFERED, 0.0)
    assert not after(*[BAD] * 20, *[WHOLE] * 63).wants(OFFERED, 0.0)
    assert after(*[BAD] * 20, *[WHOLE] * 64).wants(OFFERED, 0.0)
    assert after(BAD, GOOD, BAD).wants(OFFERED, 0.0)


def test_what_is_wrong_is_told_once() -> None:
    patching = Patching()
    assert patching.read(BAD, by_patch=True) == "it does not fit"
    assert patching.read(BAD, by_patch=True) is None
