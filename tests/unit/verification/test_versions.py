"""The list of versions, and each of them again: of recordings, and of mirrors of snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashget.cli.app import run
from dashget.common.stopping import Stop
from dashget.errors import StoreError
from dashget.store import Header, Mirror
from dashget.store.versions import LOG, How, VersionLog
from dashget.verification.versions import Versions

HEADER = Header("1", "http://h/x.mpd", "http://h/x.mpd", "x.mpd", "0", recording=True)
BEGIN = 1_700_000_000.0
DOCUMENTS = [b"<MPD><!--%d-->%s</MPD>" % (number, bytes(range(32, 127)) * 9) for number in range(4)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A recording of four versions, the last by a patch, the second of them read three times."""
    with Mirror.at(tmp_path / "r") as store:
        store.claim(HEADER)
        log = VersionLog(lambda data: store.append_to(LOG, data))
        for second, document in enumerate(DOCUMENTS):
            patch = b"<Patch/>" if second == 3 else b""
            how = How.PATCH if patch else How.FULL
            log.add(document, BEGIN + second * 10 + 0.1234, how, BEGIN + second, patch)
            if second == 1:
                log.same(BEGIN + 11)
                log.same(BEGIN + 12)
        log.close()
    return tmp_path / "r"


def opened(root: Path) -> Versions:
    return Versions(Mirror.at(root, read_only=True))


def test_all_are_listed_with_how_they_were_read(root: Path) -> None:
    with opened(root) as versions:
        listed = [(each.number, each.how, each.reads, each.published) for each in versions.list()]
    assert listed == [
        (1, "full", 1, BEGIN),
        (2, "full", 1, BEGIN + 1),
        (2, "same", 2, None),
        (3, "full", 1, BEGIN + 2),
        (4, "patch", 1, BEGIN + 3),
    ]


@pytest.mark.parametrize("number", range(4))
def test_each_is_found_by_its_number_and_by_the_time_of_the_list(root: Path, number: int) -> None:
    with opened(root) as versions:
        (when,) = {e.time for e in versions.list() if e.number == number + 1 and e.how != "same"}
        assert when is not None
        assert versions.find(number=number + 1) == DOCUMENTS[number]
        assert versions.find(moment=when) == DOCUMENTS[number]
        assert versions.find(moment=when + 9.8) == DOCUMENTS[number]


def test_what_is_not_there_is_an_error(root: Path) -> None:
    with opened(root) as versions:
        for wanted in ({"moment": BEGIN}, {"number": 5}, {"number": 1, "patch": True}):
            with pytest.raises(StoreError):
                versions.find(**wanted)  # type: ignore[arg-type]
        assert versions.find(number=4, patch=True) == b"<Patch/>"


def findings(root: Path) -> Iterator[tuple[str, bool]]:
    with opened(root) as versions:
        for each in versions.check(Stop()):
            yield each.message, each.note


def test_a_sound_log_has_no_findings_and_a_cut_one_a_note(root: Path) -> None:
    assert list(findings(root)) == []
    log = root / ".dashget" / LOG
    log.write_bytes(log.read_bytes()[:-5])
    assert [note for _, note in findings(root)] == [True]
    with opened(root) as versions:
        assert [each.number for each in versions.list()] == [1, 2, 2, 3]


def test_damage_is_an_error_and_names_what_it_costs(root: Path) -> None:
    log = root / ".dashget" / LOG
    data = bytearray(log.read_bytes())
    data[60] ^= 1
    log.write_bytes(data)
    messages = [message for message, note in findings(root) if not note]
    assert len(messages) == 2
    assert "bytes of the versions" in messages[0]
    assert messages[1].startswith("3 versions")
    assert run(["manifests", str(root)]) == 1


def test_the_command_gives_one_back_and_lists_all(
    root: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    name = str(root)
    assert run(["manifests", name]) == 0
    lines = capsysbinary.readouterr().out.splitlines()
    assert len(lines) == 5
    time = lines[3].split()[1].decode()
    assert run(["manifests", name, "--at", time]) == 0
    assert capsysbinary.readouterr().out == DOCUMENTS[2]
    assert run(["manifests", name, "--number", "4", "--patch"]) == 0
    assert capsysbinary.readouterr().out == b"<Patch/>"
    assert run(["manifests", name, "--number", "1", "-o", str(tmp_path / "out.mpd")]) == 0
    assert (tmp_path / "out.mpd").read_bytes() == DOCUMENTS[0]
    assert run(["manifests", name, "--json"]) == 0
    assert capsysbinary.readouterr().out.count(b'"number"') == 5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--at", "yesterday"], 2),
        (["--at", "2026-01-01", "--number", "1"], 2),
        (["--number", "0"], 2),
        (["--number", "²"], 2),
        (["--patch"], 2),
        (["-o", "x"], 2),
        (["--number", "1", "--json"], 2),
        (["--number", "99"], 6),
        (["--at", "1970-01-01T00:00:00Z"], 6),
        (["--number", "1", "-o", "/nowhere/at/all"], 6),
    ],
)
def test_wrong_words_have_their_exit_code(root: Path, words: list[str], code: int) -> None:
    assert run(["manifests", str(root), *words]) == code


def test_a_directory_without_a_record_is_refused(tmp_path: Path) -> None:
    assert run(["manifests", str(tmp_path)]) == 6
