"""Redirects: allowed targets, and the headers and secrets sent to each."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dashget.errors import Retry, UsageError
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import OriginHeader, TransferOptions
from tests.support.faultserver import Answer, FaultServer, redirect
from tests.support.sinks import Transfers

pytestmark = pytest.mark.both_paths

BODY = b"0123456789" * 100
SECRETS = {"authorization", "cookie"}


@pytest.fixture
def servers() -> Iterator[tuple[FaultServer, FaultServer]]:
    """Two servers: two origins."""
    with ExitStack() as stack:
        yield stack.enter_context(FaultServer()), stack.enter_context(FaultServer())


@pytest.fixture
def server(servers: tuple[FaultServer, FaultServer]) -> FaultServer:
    return servers[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(server: FaultServer, status: int) -> None:
    server.on("/b/c", Answer(BODY, etag='"1"'))
    url = server.on("/b/a", redirect("c", status))
    with Transfers() as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert (fetched.url, fetched.requests, fetched.attempts) == (server.url("/b/c"), 2, 1)


def test_a_redirect_keeps_the_range(server: FaultServer) -> None:
    server.on("/c", Answer(BODY, etag='"1"', cut=300), Answer(BODY, etag='"1"'))
    url = server.on("/a", redirect("/c"))
    with Transfers() as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.requests == 4
    assert server.asked("/c")[1].headers["range"] == "bytes=300-"


def test_a_redirect_loop_is_an_error(server: FaultServer) -> None:
    url = server.on("/a", redirect("/b"))
    server.on("/b", redirect("/a"))
    with Transfers() as transfers:
        error = transfers.fail(url)
    assert str(error) == f"redirect loop at {url}"
    assert len(server.seen) == 2


def test_redirects_end_somewhere(server: FaultServer) -> None:
    for i in range(9):
        server.on(f"/{i}", redirect(f"/{i + 1}"))
    with Transfers(max_redirects=3) as transfers:
        error = transfers.fail(server.url("/0"))
    assert str(error) == "more than 3 redirects"
    assert len(server.seen) == 4


def test_a_redirect_without_location_is_an_error(server: FaultServer) -> None:
    url = server.on("/a", Answer(status=302))
    with Transfers() as transfers:
        assert str(transfers.fail(url)) == "HTTP 302 without a Location"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://x/"])
def test_only_http_is_followed(server: FaultServer, target: str) -> None:
    url = server.on("/a", redirect(target))
    with Transfers() as transfers:
        error = transfers.fail(url)
    assert "refused" in str(error)
    assert error.retry is not Retry.AGAIN


def test_control_characters_of_a_redirect_are_not_shown(server: FaultServer) -> None:
    url = server.on("/a", redirect("http://127.0.0.1:1/\x1b[2J"))
    with Transfers(retries=0) as transfers:
        error = transfers.fail(url)
    assert all(text.isprintable() for pair in error.tried for text in (str(error), *pair))


def all_secrets(server: FaultServer, **more: object) -> Transfers:
    return Transfers(
        home=server.url("/m.mpd"),
        headers=(("Authorization", "Bearer t"), ("X-Plain", "yes")),
        cookies=("a=1", "b=2"),
        **more,
    )


def test_secrets_go_to_the_manifests_origin_only(
    servers: tuple[FaultServer, FaultServer],
) -> None:
    home, away = servers
    home.on("/a", Answer(BODY))
    away.on("/a", Answer(BODY))
    with all_secrets(home) as transfers:
        transfers.run(home.url("/a"), away.url("/a"))
    assert home.seen[0].headers["authorization"] == "Bearer t"
    assert home.seen[0].headers["cookie"] == "a=1; b=2"
    assert not SECRETS & away.seen[0].headers.keys()
    assert [s.seen[0].headers["x-plain"] for s in servers] == ["yes", "yes"]


def test_secrets_do_not_follow_a_redirect_to_another_origin(
    servers: tuple[FaultServer, FaultServer],
) -> None:
    home, away = servers
    home.on("/a", redirect(away.on("/b", redirect(home.on("/c", Answer(BODY))))))
    with all_secrets(home, user="me:pw") as transfers:
        assert transfers.get(home.url("/a"))[1] == BODY
    assert not SECRETS & away.seen[0].headers.keys()
    assert all(seen.headers.keys() >= SECRETS for seen in home.seen)


@pytest.mark.parametrize(
    "form", ["all", "127.0.0.1", "127.0.0.1:{port}", "http://127.0.0.1:{port}"]
)
def test_secrets_go_where_the_user_says(
    servers: tuple[FaultServer, FaultServer], form: str
) -> None:
    home, away = servers
    away.on("/a", Answer(BODY))
    named = (form.format(port=away.port),)
    with all_secrets(home, send_credentials_to=named) as transfers:
        transfers.run(away.url("/a"))
    assert away.seen[0].headers.keys() >= SECRETS


def test_user_and_password_are_a_secret(servers: tuple[FaultServer, FaultServer]) -> None:
    home, away = servers
    home.on("/a", Answer(BODY))
    away.on("/a", Answer(BODY))
    with Transfers(home=home.url("/"), user="me:pw", in_flight=1) as transfers:
        transfers.run(home.url("/a"), away.url("/a"))
    assert home.seen[0].headers["authorization"] == "Basic bWU6cHc="
    assert "authorization" not in away.seen[0].headers


def test_netrc_is_a_secret(servers: tuple[FaultServer, FaultServer], tmp_path: Path) -> None:
    home, away = servers
    home.on("/a", Answer(BODY))
    away.on("/a", Answer(BODY))
    netrc = tmp_path / "josé" / "netrc"
    netrc.parent.mkdir()
    netrc.write_text("machine 127.0.0.1 login me password pw\n")
    with Transfers(home=home.url("/"), netrc=str(netrc), in_flight=1) as transfers:
        transfers.run(home.url("/a"), away.url("/a"))
    assert home.seen[0].headers["authorization"] == "Basic bWU6cHc="
    assert "authorization" not in away.seen[0].headers


def test_a_header_for_one_origin_goes_there_only(
    servers: tuple[FaultServer, FaultServer],
) -> None:
    one, other = servers
    one.on("/a", Answer(BODY))
    other.on("/a", Answer(BODY))
    extra = (OriginHeader(other.url(""), "X-Token", "7"),)
    with Transfers(origin_headers=extra) as transfers:
        transfers.run(one.url("/a"), other.url("/a"))
    assert "x-token" not in one.seen[0].headers
    assert other.seen[0].headers["x-token"] == "7"


def test_a_cookie_file_speaks_to_the_domains_it_names(server: FaultServer, tmp_path: Path) -> None:
    server.on("/a", Answer(BODY))
    jar = tmp_path / "josé" / "cookies.txt"
    jar.parent.mkdir()
    jar.write_text(
        "# Netscape HTTP Cookie File\n"
        "127.0.0.1\tFALSE\t/\tFALSE\t0\tmine\t1\n"
        "example.org\tFALSE\t/\tFALSE\t0\ttheirs\t2\n"
    )
    with Transfers(cookie_file=str(jar)) as transfers:
        transfers.get(server.url("/a"))
    assert server.seen[0].headers["cookie"] == "mine=1"


def test_a_query_is_appended_on_the_manifests_origin(
    servers: tuple[FaultServer, FaultServer],
) -> None:
    home, away = servers
    with Transfers(home=home.url("/"), append_query="t=1&u=2") as transfers:
        transfers.run(home.url("/a"), home.url("/b?x=0"), away.url("/a"))
    assert {seen.path for seen in home.seen} == {"/a?t=1&u=2", "/b?x=0&t=1&u=2"}
    assert away.seen[0].path == "/a"


def test_a_user_agent_is_sent_and_a_header_can_replace_it(server: FaultServer) -> None:
    with Transfers(user_agent="DashGet/9") as transfers:
        transfers.run(server.url("/a"))
    with Transfers(user_agent="DashGet/9", headers=(("User-Agent", "other"),)) as transfers:
        transfers.run(server.url("/a"))
    assert [seen.headers["user-agent"] for seen in server.seen] == ["DashGet/9", "other"]


@pytest.mark.parametrize(
    "header", [("Range", "bytes=0-1"), ("accept-encoding", "gzip"), ("A\nB", "x"), ("X", "a\r\nb")]
)
def test_invalid_headers_are_refused(header: tuple[str, str]) -> None:
    with pytest.raises(UsageError):
        Engine(TransferOptions(headers=(header,)))


def test_an_https_manifest_may_not_name_http(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY))
    with Transfers(home="https://127.0.0.1/m.mpd") as transfers:
        error = transfers.fail(url)
    assert error.hint == "allow it with --allow-downgrade"
    assert not server.seen
    with Transfers(home="https://127.0.0.1/m.mpd", allow_downgrade=True) as transfers:
        assert transfers.get(url)[1] == BODY


def test_a_public_manifest_may_not_lead_to_a_private_address(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY))
    with Transfers(home="http://8.8.8.8/m.mpd", allow_private=False) as transfers:
        error = transfers.fail(url)
    assert "private address 127.0.0.1" in str(error)
    assert error.retry is Retry.ELSEWHERE
    assert not server.seen
    with Transfers(home="http://8.8.8.8/m.mpd", allow_private=True) as transfers:
        assert transfers.get(url)[1] == BODY


def test_a_private_manifest_may_only_lead_to_its_own_origin(
    servers: tuple[FaultServer, FaultServer],
) -> None:
    server, away = servers
    url, other = server.on("/a", Answer(BODY)), away.on("/a", Answer(BODY))
    with Transfers(home=server.url("/m.mpd"), allow_private=False) as transfers:
        assert transfers.get(url)[1] == BODY
        assert "private address 127.0.0.1" in str(transfers.fail(other))
        error = transfers.fail(server.on("/b", redirect(other)))
    assert error.hint == "allow it with --allow-private"
    assert not away.seen


def test_a_name_and_a_password_may_have_any_characters(server: FaultServer) -> None:
    server.on("/a", Answer(BODY))
    with Transfers(home=server.url("/"), user="josé:pä") as transfers:
        transfers.get(server.url("/a"))
    coded = base64.b64encode("josé:pä".encode()).decode()
    assert server.seen[0].headers["authorization"] == f"Basic {coded}"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/\xc3\xa4", "/%C3%A4"),
        ("/a b", "/a%20b"),
        ("/\xe4", "/%E4"),
        ("/%C3%A4?x=1", "/%C3%A4?x=1"),
    ],
    ids=["UTF-8", "blank", "Latin-1", "encoded"],
)
def test_a_location_that_is_not_encoded_leads_where_browsers_go(
    server: FaultServer, location: str, path: str
) -> None:
    server.on(path, Answer(BODY))
    with Transfers() as transfers:
        _, data = transfers.get(server.on("/a", redirect(location)))
    assert data == BODY
