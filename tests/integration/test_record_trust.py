"""Where a live manifest sends its reader next is trusted no more than any URL in a manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

import dashget
from dashget.errors import FetchError
from dashget.manifest.patches import fetch_patch
from dashget.mpd.budget import DEFAULT_LIMITS
from dashget.transfer.engine import Engine, EngineFor
from tests.integration.test_record import numbers, reasons, recording
from tests.integration.test_record_patches import warnings
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer
from tests.support.liveorigin import LiveOrigin
from tests.support.running import verify

pytestmark = pytest.mark.slow

NAMES = ("Location", "PatchLocation")


def leading(name: str, url: str) -> LiveOrigin:
    """Return an origin whose manifest names where to go on."""
    origin = LiveOrigin(form="time")
    origin.before = f"<{name}>{url}</{name}>"
    return origin


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://h.example/a",
        "data:application/dash-patch+xml,%3CPatch/%3E",
        "javascript:1",
        "http:///x",
        "http://[::1/x",
        "https://127.0.0.1:1/x",
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_another_scheme_or_no_url_costs_nothing(name: str, url: str, tmp_path: Path) -> None:
    with leading(name, url).serving() as origin:
        origin.marked = 'id="live"'
        with recording(origin, tmp_path / "r") as run:
            count = origin.served_count()
            origin.wait_for(lambda: origin.served_count() >= count + 45)
            assert run.end().lost == 0
            told = str([event for event in run.events if "passwd" in str(event)])
            assert "root:" not in told


@pytest.mark.parametrize("name", NAMES)
def test_a_private_address_that_nobody_gave_is_not_asked(name: str, tmp_path: Path) -> None:
    with FaultServer() as other, leading(name, other.on("/m", Answer(b""))).serving() as origin:
        origin.marked = 'id="live"'
        with recording(origin, tmp_path / "r", allow_private=False) as run:
            count = len(origin.manifests)
            origin.wait_for(lambda: len(origin.manifests) >= count + 4)
            run.end()
        assert other.seen == []


@pytest.mark.parametrize("name", NAMES)
def test_secrets_do_not_go_to_another_origin(name: str, tmp_path: Path) -> None:
    with FaultServer() as other, leading(name, other.on("/m", Answer(b""))).serving() as origin:
        origin.marked = 'id="live"'
        headers = (("Authorization", "Bearer geheim"), ("Cookie", "a=geheim"))
        with recording(origin, tmp_path / "r", user="me:geheim", headers=headers) as run:
            origin.wait_for(lambda: bool(other.seen))
            run.end()
        assert other.seen
        assert all("geheim" not in str(request.headers) for request in other.seen)
        assert all("authorization" not in str(request.headers).lower() for request in other.seen)


@pytest.mark.parametrize("name", NAMES)
def test_a_password_in_it_is_told_nobody(name: str, tmp_path: Path) -> None:
    with leading(name, "http://me:geheim@127.0.0.1:1/x").serving() as origin:
        origin.marked = 'id="live"'
        with recording(origin, tmp_path / "r") as run:
            count = len(origin.manifests)
            origin.wait_for(lambda: len(origin.manifests) >= count + 4)
            run.end()
            assert "geheim" not in repr(run.events)
            record = (tmp_path / "r/.dashget/record.jsonl").read_text()
            assert "geheim" not in record
    assert warnings(run) if name == "PatchLocation" else True


def test_a_patch_over_http_of_a_manifest_over_https_is_not_asked() -> None:
    with FaultServer() as server, Engine(dashget.TransferOptions(allow_private=True)) as engine:
        home = "https://h.example/m.mpd"
        engine.trust(home)
        with pytest.raises(FetchError, match="http URL"):
            fetch_patch(server.on("/p", Answer(b"")), EngineFor(engine, home=home), DEFAULT_LIMITS)
        assert server.seen == []


def test_segments_at_a_private_address_are_named_and_are_no_outage(tmp_path: Path) -> None:
    """The other track loses nothing, and the host of the first one is never asked."""
    with FaultServer() as other, LiveOrigin(form="time").serving() as origin:
        place = other.on("/t0/", Answer(b""))

        def moved(document: bytes) -> bytes:
            return document.replace(b'media="t0/', f'media="{place}'.encode(), 1)

        origin.rewrite = moved
        with recording(origin, tmp_path / "r", allow_private=False) as run:
            edge = origin.edge()
            origin.wait_for(lambda: origin.served(edge + 15))
            ended = run.end()
        assert other.seen == []
    assert reasons(run) == {"not-allowed"}
    assert not [event for event in run.events if isinstance(event, dashget.OutageTold)]
    (told,) = (event.message for event in run.events if isinstance(event, dashget.Warned))
    assert "are not asked for" in told
    assert "is at the private address" in told
    assert "--allow-private" in told
    assert ended.lost >= 10
    assert len(numbers(tmp_path / "r", 1)) >= 25


@pytest.mark.parametrize("name", ["BaseURL", "media"])
def test_segments_over_http_of_a_manifest_over_https_are_named(
    name: str, authority: Authority, tmp_path: Path
) -> None:
    """A later version of the manifest names them: it is read all the same."""
    origin = LiveOrigin(form="time")
    origin.secure(authority.server())
    with FaultServer() as other, origin.serving():
        place = other.on("/live/", Answer(b""))
        if name == "BaseURL":
            old, new = "<Period", f"<BaseURL>{place}</BaseURL><Period"
        else:
            old, new = 'media="t0/', f'media="{place}t0/'
        with recording(origin, tmp_path / "r", cacert=authority.certificate) as run:
            origin.wait_for(lambda: origin.served_count() >= 20)
            origin.rewrite = lambda document: document.replace(old.encode(), new.encode(), 1)
            count = len(origin.manifests)
            origin.wait_for(lambda: len(origin.manifests) >= count + 5)
            run.end()
        assert other.seen == []
    assert reasons(run) == {"not-allowed"}
    told = [event.message for event in run.events if isinstance(event, dashget.Warned)]
    assert all("are not asked for" in each and "--allow-downgrade" in each for each in told)
    assert told


def test_an_initialization_segment_that_was_refused_is_missed(tmp_path: Path) -> None:
    with FaultServer() as other, LiveOrigin(form="time").serving() as origin:
        place = other.on("/t0/", Answer(b""))
        with recording(origin, tmp_path / "r", allow_private=False) as run:
            origin.wait_for(lambda: origin.served_count() >= 20)
            old, new = b'initialization="t0/', f'initialization="{place}'.encode()
            origin.rewrite = lambda document: document.replace(old, new, 1)
            edge = origin.edge()
            origin.wait_for(lambda: origin.served(edge + 10))
            run.end()
        assert other.seen == []
    _, found = verify(tmp_path / "r")
    assert [problem for problem in found.problems() if "init.mp4" in str(problem)]


@pytest.mark.parametrize("way", ["redirect", "PatchLocation", "xlink"])
def test_what_is_refused_while_recording_tells_the_option(way: str, tmp_path: Path) -> None:
    with FaultServer() as other, LiveOrigin(form="time").serving() as origin:
        place = other.on("/m", Answer(b""))
        origin.marked = 'id="live"'
        with recording(origin, tmp_path / "r", allow_private=False) as run:
            origin.wait_for(lambda: origin.served_count() >= 20)
            if way == "redirect":
                origin.moved["/live/manifest.mpd"] = place
            elif way == "PatchLocation":
                origin.before = f"<PatchLocation>{place}</PatchLocation>"
            else:
                name = "http://www.w3.org/1999/xlink"
                origin.streams = f'<EventStream xmlns:x="{name}" x:href="{place}"/>'
            count = len(origin.requests)
            origin.wait_for(lambda: len(origin.requests) >= count + 30)
            run.end()
        assert other.seen == []
    told = [event.message for event in run.events if isinstance(event, dashget.Warned)]
    told += [event.problem or "" for event in run.events if isinstance(event, dashget.ManifestRead)]
    assert [each for each in told if "is at the private address" in each]
    assert all("allow it with --allow-private" in each for each in told if "private" in each)
