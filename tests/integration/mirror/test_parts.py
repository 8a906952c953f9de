"""Files whose transfer broke, changed on the server, or goes on in another run."""

from __future__ import annotations

import base64
import dataclasses
import errno
import os
from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import (
    MODIFIED,
    manifest,
    needs_proc,
    open_files,
    publish,
    segment,
)
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror


def test_a_part_that_has_changed_on_the_server_starts_over_and_an_event_says_so(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", Answer(bytes(50_000), etag='"old"', cut=30_000), refuse(503))
    assert not mirror(url, tmp_path)[0].complete
    server.on("/show/v/2.m4s", Answer(b"n" * 40_000, etag='"new"'))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / "v/2.m4s").read_bytes() == b"n" * 40_000
    (told,) = (e for e in events if isinstance(e, dashget.BegunAnew))
    assert (told.path, told.dropped) == ("v/2.m4s", 30_000)
    assert told.reason == "the resource has changed"
    assert events.outcomes()["v/2.m4s"] == "downloaded"


def test_a_broken_transfer_goes_on_at_its_byte_in_the_next_run(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    whole = segment(2)
    broken = Answer(whole.body, etag='"2"', last_modified=MODIFIED, cut=700)
    server.on("/show/v/2.m4s", broken, refuse(503))
    first, _ = mirror(url, tmp_path)
    assert first.outcomes[dashget.Outcome.FAILED] == 1
    server.on("/show/v/2.m4s", whole)
    second, events = mirror(url, tmp_path)
    assert events.outcomes()["v/2.m4s"] == "resumed"
    assert server.asked("/show/v/2.m4s")[-1].headers["range"] == "bytes=700-"
    assert second.transferred < 2000
    assert second.complete
    assert not (tmp_path / ".dashget/parts").exists()


def test_what_follows_the_beginning_of_a_scattered_part_counts_as_well(
    server: FaultServer, tmp_path: Path
) -> None:
    """A run with parallel ranges left the beginning only; the next one goes on in one stream."""
    url = publish(server)
    whole = segment(2, 600_000)
    for cut, threshold in ((200_000, 100_000), (150_000, 1 << 40)):
        broken = dataclasses.replace(whole, cut=cut, drip=(50_000, 0.0))
        server.on("/show/v/2.m4s", broken, refuse(403))
        transfer = dashget.TransferOptions(
            retries=0, backoff_seconds=0.0, range_threshold=threshold, range_size=300_000
        )
        summary, _ = mirror(url, tmp_path, transfer=transfer)
    assert (summary.kept_files, summary.kept_bytes) == (1, 350_000)
    server.on("/show/v/2.m4s", whole)
    server.seen.clear()
    assert mirror(url, tmp_path)[0].complete
    assert [seen.headers.get("range") for seen in server.asked("/show/v/2.m4s")] == [
        "bytes=350000-"
    ]
    assert (tmp_path / "v/2.m4s").read_bytes() == whole.body


def test_a_changed_resource_is_not_patched_together(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", Answer(b"a" * 2000, etag='"old"', cut=700), refuse(503))
    mirror(url, tmp_path)
    server.on("/show/v/2.m4s", Answer(b"b" * 1500, etag='"new"'))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / "v/2.m4s").read_bytes() == b"b" * 1500


def test_a_file_that_changes_after_its_beginning_came_is_the_new_one(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    old = Answer(b"old" * 700, etag='"old"', cut=1000)
    server.on("/show/v/2.m4s", old, segment(2))
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.failures == ()
    assert (tmp_path / "m/v/2.m4s").read_bytes() == segment(2).body


def test_a_part_of_the_first_round_goes_when_the_second_brings_the_file(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    whole = segment(2, 300_000)
    server.on("/show/v/2.m4s", Answer(whole.body, etag='"1"', cut=100_000),
              refuse(404), whole)  # fmt: skip
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.complete
    assert (tmp_path / "m/v/2.m4s").read_bytes() == whole.body
    assert not (tmp_path / "m/.dashget/parts").exists()


def test_a_part_from_one_server_is_not_continued_from_another(tmp_path: Path) -> None:
    document = tmp_path / "x.mpd"
    document.write_bytes(manifest(numbered()).body)
    with FaultServer() as one, FaultServer() as other:
        for number in (1, 2, 3):
            one.on(f"/v/{number}.m4s", Answer(b"a" * 2000, etag='"same"', cut=900))
            other.on(f"/v/{number}.m4s", Answer(b"b" * 2000, etag='"same"'))
        first, _ = mirror(str(document), tmp_path / "m", base_url=one.url("/x.mpd"))
        assert not first.complete
        second, _ = mirror(str(document), tmp_path / "m", base_url=other.url("/x.mpd"))
        assert second.complete
    for number in (1, 2, 3):
        assert (tmp_path / f"m/v/{number}.m4s").read_bytes() == b"b" * 2000


@pytest.mark.usefixtures("few_and_many_files")
def test_a_file_from_another_url_is_compared_before_it_counts(
    server: FaultServer, tmp_path: Path
) -> None:
    def version(number: int) -> str:
        for n in (1, 2, 3):
            tag = f'"{number}-{n}"' if n != 3 else '"same"'
            body = b"same" if n == 3 else bytes([number]) * 100
            server.on(f"/show/v/{n}.m4s?v={number}", Answer(body, etag=tag))
        return server.on("/show/x.mpd", manifest(numbered(f"v/$Number$.m4s?v={number}")))

    mirror(version(1), tmp_path)
    summary, events = mirror(version(2), tmp_path)
    assert events.outcomes() == {
        "v/1.m4s": "updated",
        "v/2.m4s": "updated",
        "v/3.m4s": "present",
    }
    assert (tmp_path / "v/1.m4s").read_bytes() == b"\x02" * 100
    server.seen.clear()
    again, _ = mirror(server.url("/show/x.mpd"), tmp_path)
    assert summary.complete
    assert again.requests == 1


@needs_proc
def test_a_second_answer_without_the_digest_of_a_bad_first_one_is_taken(
    server: FaultServer, tmp_path: Path
) -> None:
    """Edges of a CDN differ in what they send."""
    url = publish(server)
    wrong = base64.b64encode(bytes(32)).decode()
    bad = Answer(bytes([2]) * 2000, headers=(("Repr-Digest", f"sha-256=:{wrong}:"),))
    server.on("/show/v/2.m4s", bad, segment(2))
    before = open_files()
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "downloaded"
    assert (tmp_path / "v/2.m4s").read_bytes() == bytes([2]) * 2000
    assert open_files() == before


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_file_from_another_url_that_cannot_be_compared_does_not_count(
    server: FaultServer, tmp_path: Path, status: int
) -> None:
    def version(number: int) -> str:
        for n in (1, 2, 3):
            body = bytes([number]) * 100
            server.on(f"/show/v/{n}.m4s?v={number}", Answer(body, etag=f'"{number}-{n}"'))
        return server.on("/show/x.mpd", manifest(numbered(f"v/$Number$.m4s?v={number}")))

    mirror(version(1), tmp_path)
    url = version(2)
    server.on("/show/v/1.m4s?v=2", refuse(status))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/1.m4s"] == "failed"
    assert not summary.complete


def test_a_complete_version_without_a_name_is_not_joined_to_another(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server)
    first, second = b"1" * 2_000_000, b"2" * 10_000
    server.on("/show/v/1.m4s", Answer(first, etag='"1"', cut=5_000), refuse(403))
    mirror(url, tmp_path)
    server.on("/show/v/1.m4s", Answer(second, etag='"2"'))
    replace = os.replace

    def no_room(source: str, target: str, **folders: int) -> None:
        if target == "1.m4s":
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), target)
        replace(source, target, **folders)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", no_room)
        with pytest.raises(dashget.StoreError):
            mirror(url, tmp_path)
    server.on("/show/v/1.m4s", Answer(first, etag='"1"'))
    mirror(url, tmp_path)
    assert (tmp_path / "v/1.m4s").read_bytes() == first


def test_a_part_longer_than_its_resource_is_fetched_again(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    body = b"1" * 100_000
    server.on("/show/v/1.m4s", Answer(body, etag='"1"', cut=5_000), refuse(403))
    mirror(url, tmp_path)
    (part,) = (tmp_path / ".dashget/parts").glob("*.part")
    part.write_bytes(body + b"more")
    server.on("/show/v/1.m4s", Answer(body, etag='"1"'))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / "v/1.m4s").read_bytes() == body
