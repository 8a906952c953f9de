"""URLs that a manifest names: other servers, data URLs, schemes, secrets."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import manifest, publish, segment
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer, redirect
from tests.support.running import mirror


def test_a_data_url_is_decoded_not_fetched(server: FaultServer, tmp_path: Path) -> None:
    inline = base64.b64encode(b"\x00init").decode()
    url = publish(server, numbered(extra=f'initialization="data:video/mp4;base64,{inline}"'))
    summary, events = mirror(url, tmp_path)
    assert summary.files == 4
    (path,) = [path for path in events.outcomes() if path.startswith("_data/")]
    assert (tmp_path / path).read_bytes() == b"\x00init"
    assert len(server.seen) == 4


def test_the_next_base_url_is_tried_when_one_lacks_a_segment(
    server: FaultServer, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        server.on(f"/b/v/{number}.m4s", segment(number))
    bases = "<BaseURL>../a/</BaseURL><BaseURL>../b/</BaseURL>"
    url = server.on("/show/x.mpd", manifest(numbered(), period=bases))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert set(events.outcomes()) == {
        f"_external/127.0.0.1_{server.port}/a/v/{n}.m4s" for n in (1, 2, 3)
    }


def test_a_redirected_manifest_is_the_base_of_its_urls(server: FaultServer, tmp_path: Path) -> None:
    publish(server)
    url = server.on("/latest", redirect("/show/x.mpd"))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / "x.mpd").exists()
    assert (tmp_path / "v/1.m4s").exists()


def test_hostile_manifests_write_no_file_outside_the_mirror(
    server: FaultServer, tmp_path: Path
) -> None:
    server.unknown = Answer(b"evil")
    names = [
        "../../../../escaped/$Number$",
        "%2e%2e/%2e%2e/escaped-$Number$",
        "..%2f..%2fescaped-$Number$",
        "..\\..\\escaped-$Number$",
        ".dashget/record.jsonl?$Number$",
        "x.mpd?$Number$",
        "/etc/passwd-$Number$",
        "a%00b-$Number$",
    ]
    url = server.on("/show/x.mpd", manifest("".join(numbered(name) for name in names)))
    root = tmp_path / "deep/er/m"
    summary, _ = mirror(url, root)
    assert summary.complete
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and root not in p.parents]
    assert not outside
    assert (root / "x.mpd").read_bytes().startswith(b"<MPD")
    assert b'"dashget":1' in (root / ".dashget/record.jsonl").read_bytes().splitlines()[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_does_not_name_the_default_directory(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    publish(server)
    server.on("/hop/x.mpd", redirect("/show/x.mpd", status))
    url = server.on("/typed/x.mpd", redirect("/hop/x.mpd", status))
    monkeypatch.chdir(tmp_path)
    assert dashget.mirror(url).failures == ()
    assert [path.name for path in tmp_path.iterdir()] == ["typed"]


@pytest.mark.parametrize("typed", [True, False])
def test_a_location_in_a_file_does_not_name_the_default_directory(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: bool
) -> None:
    url = publish(server)
    place = tmp_path / "saved" / "x.mpd"
    place.parent.mkdir()
    place.write_bytes(manifest(numbered(), period=f"<Location>{url}</Location>").body)
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.chdir(run)
    done = dashget.mirror(place, base_url=url if typed else None, allow_private=True)
    assert done.failures == ()
    assert [path.name for path in run.iterdir()] == ["show" if typed else "saved"]


@pytest.mark.parametrize("scheme", ["file:///etc/passwd", "ftp://h/x", "gopher://h/x"])
def test_only_http_is_fetched(server: FaultServer, tmp_path: Path, scheme: str) -> None:
    url = server.on("/show/x.mpd", manifest(numbered(scheme)))
    with pytest.raises(dashget.MPDError, match=r"scheme|is a local file"):
        mirror(url, tmp_path)


def test_secrets_stay_with_the_manifests_origin(server: FaultServer, tmp_path: Path) -> None:
    with FaultServer() as other:
        other.unknown = Answer(b"x")
        url = server.on("/show/x.mpd", manifest(numbered(other.url("/$Number$.m4s"))))
        assert dashget.mirror(
            url,
            root=tmp_path,
            transfer=dashget.TransferOptions(
                headers=(("Authorization", "Bearer s3cret"), ("X-Plain", "yes")),
                allow_private=True,
            ),
        ).complete
        assert server.seen[0].headers["authorization"] == "Bearer s3cret"
        assert all("authorization" not in seen.headers for seen in other.seen)
        assert all(seen.headers["x-plain"] == "yes" for seen in other.seen)


def test_credentials_in_the_url_are_sent_but_never_written_down(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server).replace("http://", "http://me:s3cret@")
    summary, _ = mirror(url, tmp_path)
    token = base64.b64encode(b"me:s3cret").decode()
    assert server.seen[0].headers["authorization"] == f"Basic {token}"
    assert "s3cret" not in summary.url
    written = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    assert not any(b"s3cret" in content for content in written)


def test_a_broken_data_url_is_one_failed_file(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, numbered(extra='initialization="data:video/mp4;base64,!!!"'))
    summary, _ = mirror(url, tmp_path)
    assert summary.files == 3
    assert "base64" in summary.failures[0].reason


@pytest.mark.parametrize("base", ["http://[::1/", "http://h:99999/", "http://h:abc/"])
def test_an_invalid_base_url_is_an_error_of_the_manifest(
    server: FaultServer, tmp_path: Path, base: str
) -> None:
    url = server.on("/show/x.mpd", manifest(numbered(), period=f"<BaseURL>{base}</BaseURL>"))
    with pytest.raises(dashget.MPDError, match=r"not a valid URL|cannot be"):
        mirror(url, tmp_path)


def test_a_data_url_may_spell_its_scheme_in_capitals(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, numbered(extra='initialization="DATA:video/mp4;base64,AAAA"'))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert summary.files == 4


def test_a_data_url_whose_path_is_taken_is_one_failed_file(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, numbered(extra='initialization="data:video/mp4;base64,AAAA"'))
    (tmp_path / "_data").write_bytes(b"somebody's own")
    summary, _ = mirror(url, tmp_path)
    assert (summary.files, len(summary.failures)) == (3, 1)
