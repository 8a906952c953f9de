"""Names that a file system returns in another spelling than the one that it was given.

HFS+ decomposes names; FAT, exFAT and directories of ext4 with casefold take and may return
another case. Here the listing of a directory does so.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dashget
from tests.integration.verify.presentation import manifest, segment, serve
from tests.support.builders import initialization
from tests.support.faultserver import FaultServer
from tests.support.running import mirror, verify

pytestmark = pytest.mark.utf_8

MEDIA = "vidéo/$Number$-ガ.m4s"


@pytest.fixture
def accented(server: FaultServer, tmp_path: Path) -> Path:
    """A mirror whose names have accents, and its server."""
    serve(server, "init.mp4", initialization())
    for number in (1, 2, 3):
        serve(server, f"vid%C3%A9o/{number}-%E3%82%AC.m4s", segment(number))
        serve(server, f"w/{number}.m4s", segment(number))
    url = server.on("/show/x.mpd", manifest(media=MEDIA))
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.complete
    assert (tmp_path / "m/vidéo/1-ガ.m4s").exists()
    return tmp_path / "m"


def decomposed(name: str) -> str:
    return unicodedata.normalize("NFD", name)


def listing(spelled: Callable[[str], str]) -> Callable[..., Iterator[object]]:
    """Return a stand for ``os.walk`` that returns names in another spelling."""
    walk = os.walk

    def walk_otherwise(top: str, **options: object) -> Iterator[object]:
        for above, folders, files in walk(top):
            relative = spelled(os.path.relpath(above, top))
            yield os.path.join(top, relative), folders, [spelled(name) for name in files]

    return walk_otherwise


@pytest.mark.parametrize("spelled", [decomposed, str.upper, str.swapcase], ids=lambda f: f.__name__)
def test_names_that_are_listed_in_another_spelling_are_not_stray(
    accented: Path, monkeypatch: pytest.MonkeyPatch, spelled: Callable[[str], str]
) -> None:
    monkeypatch.setattr(os, "walk", listing(spelled))
    report, events = verify(accented)
    assert report.sound
    assert events.problems(notes=True) == {}


@pytest.mark.parametrize("spelled", [decomposed, str.upper], ids=lambda f: f.__name__)
def test_names_that_are_listed_in_another_spelling_are_never_pruned(
    accented: Path, monkeypatch: pytest.MonkeyPatch, spelled: Callable[[str], str]
) -> None:
    monkeypatch.setattr(os, "walk", listing(spelled))
    before = sorted(accented.rglob("*.m4s"))
    report, events = verify(accented, prune=True)
    assert report.sound
    assert not [event for event in events if isinstance(event, dashget.Pruned)]
    assert sorted(accented.rglob("*.m4s")) == before


def test_a_file_of_its_own_in_another_spelling_is_stray(accented: Path) -> None:
    other = accented / "W"
    other.mkdir()
    (other / "1.m4s").write_bytes(b"somebody's own")
    _, events = verify(accented)
    assert events.problems(notes=True) == {"W/1.m4s": {"stray"}}


def test_a_file_that_was_copied_under_another_spelling_is_named_with_the_one_it_should_have(
    accented: Path,
) -> None:
    right = accented / "vidéo/2-ガ.m4s"
    wrong = accented / "vidéo" / decomposed(right.name)
    right.rename(wrong)
    _, events = verify(accented)
    assert events.problems() == {"vidéo/2-ガ.m4s": {"missing"}}
    (told,) = [e.message for e in events if isinstance(e, dashget.Finding) and e.note]
    assert told == "the name of vidéo/2-ガ.m4s in another spelling; rename it"
    wrong.rename(right)
    assert verify(accented)[0].sound
