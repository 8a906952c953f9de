"""Options and documents, as servers and proxies see them when the real command runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import mpd
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, redirect
from tests.support.program import Ended, run
from tests.support.proxyserver import ProxyServer

MEDIA = b"\x00\x00\x00\x10styp" + b"msdh\0\0\0\0"


@pytest.fixture
def home() -> Iterator[FaultServer]:
    with serving() as server:
        yield server


@pytest.fixture
def away() -> Iterator[FaultServer]:
    with serving() as server:
        yield server


def serving(**options: object) -> FaultServer:
    """A server that has every segment."""
    server = FaultServer(**options)  # type: ignore[arg-type]  # keyword options
    server.unknown = Answer(MEDIA)
    return server


def adaptation_set(name: str, base: str = "", inside: str = "") -> str:
    base_url = f"<BaseURL>{base}</BaseURL>" if base else ""
    return (
        f'<AdaptationSet mimeType="application/octet-stream" contentType="text">{base_url}{inside}'
        f'<SegmentTemplate duration="2" media="{name}/$Number$.m4s"/>'
        f'<Representation id="{name}" bandwidth="8"/></AdaptationSet>'
    )


def manifest(*content: str, before: str = "") -> Answer:
    namespace = 'xmlns:up="urn:mpeg:dash:schema:urlparam:2014"'
    return Answer(mpd("".join(content), before=before, seconds=4, more=namespace))


def parameters(kind: str, year: int, attributes: str) -> str:
    return (
        f'<EssentialProperty schemeIdUri="urn:mpeg:dash:urlparam:{year}">'
        f'<up:{kind} queryTemplate="$querypart$" {attributes}/></EssentialProperty>'
    )


def get(url: str, *options: str, cwd: Path, **more: str) -> Ended:
    return run("get", url, "-o", "mirror", "--allow-private", *options, cwd=cwd, more=more)


def asked(server: FaultServer) -> list[str]:
    return sorted(seen.path for seen in server.seen)


def test_the_query_of_the_manifest_is_passed_on_where_the_document_says(
    home: FaultServer, away: FaultServer, tmp_path: Path
) -> None:
    """Annex I: by default to every host."""
    of_mpd = parameters("UrlQueryInfo", 2014, 'useMPDUrlQuery="true"')
    own = parameters("UrlQueryInfo", 2014, 'queryString="a=1&amp;b=2"')
    answer = manifest(
        adaptation_set("v"), adaptation_set("w", away.url("/")), adaptation_set("x", inside=own),
        before=of_mpd,
    )  # fmt: skip
    ended = get(home.on("/s/m.mpd?token=7&u=x%2Fy", answer), cwd=tmp_path)
    assert ended.code == 0, ended.err
    query = "?token=7&u=x%2Fy"
    assert asked(home) == [
        f"/s/m.mpd{query}",
        *(f"/s/v/{number}.m4s{query}" for number in (1, 2)),
        *(f"/s/x/{number}.m4s?a=1&b=2" for number in (1, 2)),
    ]
    assert asked(away) == [f"/w/{number}.m4s{query}" for number in (1, 2)]


def test_the_query_of_the_manifest_stays_at_its_origin_where_the_document_says(
    home: FaultServer, away: FaultServer, tmp_path: Path
) -> None:
    inside = parameters("ExtUrlQueryInfo", 2016, 'useMPDUrlQuery="true" sameOriginOnly="true"')
    content = (
        adaptation_set("v", inside=inside),
        adaptation_set("w", away.url("/"), inside),
    )
    ended = get(home.on("/s/m.mpd?token=7", manifest(*content)), cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert asked(home) == ["/s/m.mpd?token=7", "/s/v/1.m4s?token=7", "/s/v/2.m4s?token=7"]
    assert asked(away) == ["/w/1.m4s", "/w/2.m4s"]


def test_a_query_that_is_appended_goes_to_the_manifests_origin_only(
    home: FaultServer, away: FaultServer, tmp_path: Path
) -> None:
    inside = parameters("UrlQueryInfo", 2014, 'queryString="a=1"')
    home.on(
        "/s/m.mpd?x&sig=9%2F",
        manifest(
            adaptation_set("v"),
            adaptation_set("w", away.url("/")),
            adaptation_set("x", inside=inside),
        ),
    )
    ended = get(home.url("/s/m.mpd?x"), "--append-query", "sig=9%2F", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert asked(home) == [
        "/s/m.mpd?x&sig=9%2F",
        *(f"/s/v/{number}.m4s?sig=9%2F" for number in (1, 2)),
        *(f"/s/x/{number}.m4s?a=1&sig=9%2F" for number in (1, 2)),
    ]
    assert asked(away) == ["/w/1.m4s", "/w/2.m4s"]


QUERY = "t=SECRET"
"""Stands for a token, which the server repeats in its redirects."""
REPEATED = {
    "loop": ("/s/v/1.m4s?t=SECRET", "redirect loop at {}"),
    "nested": ("/s/v/1.m4s?back=%2Fs%3Ft%3DSECRET", "redirect loop at {}"),
    "no URL": (
        "http://[/?t=SECRET",
        "redirect to an invalid URL (the IPv6 address is invalid): http://[/?...",
    ),
}


@pytest.mark.parametrize("option", ["-v", "-q", "--json"])
@pytest.mark.parametrize("form", REPEATED)
def test_an_appended_query_is_not_shown_with_a_redirect_that_repeats_it(
    home: FaultServer, tmp_path: Path, form: str, option: str
) -> None:
    location, reason = REPEATED[form]
    home.on("/s/m.mpd?t=SECRET", manifest(adaptation_set("v")))
    home.on("/s/v/1.m4s?t=SECRET", redirect(location))
    home.on("/s/v/1.m4s?back=%2Fs%3Ft%3DSECRET", redirect(location))
    ended = get(home.url("/s/m.mpd"), "--append-query", QUERY, option, cwd=tmp_path)
    assert ended.code == 1, ended.err
    assert reason.format(home.url("/s/v/1.m4s?...")) in f"{ended.out}{ended.err}"
    assert "SECRET" not in f"{ended.out}{ended.err}"


def test_an_appended_query_is_not_shown_when_the_manifest_fails(
    home: FaultServer, tmp_path: Path
) -> None:
    home.on("/s/m.mpd?t=SECRET", redirect("/s/m.mpd?t=SECRET"))
    ended = get(home.url("/s/m.mpd"), "--append-query", QUERY, cwd=tmp_path)
    url = home.url("/s/m.mpd")
    told = f"cannot fetch the manifest {url}: redirect loop at {url}?..."
    assert ended.err.splitlines()[0] == f"dashget: error: {told}"
    assert "SECRET" not in ended.err


def test_a_redirect_of_the_manifest_is_shown_without_query_to_people_and_whole_in_json(
    home: FaultServer, tmp_path: Path
) -> None:
    """Programs get what the server has said, in the events as in the record."""
    home.on("/m.mpd?t=SECRET", redirect("/s/m.mpd?t=SECRET"))
    home.on("/s/m.mpd?t=SECRET", manifest(adaptation_set("v")))
    options = home.url("/m.mpd"), "--append-query", QUERY
    for_people = run("list", *options, cwd=tmp_path)
    assert home.url("/s/m.mpd?...") in for_people.out.splitlines()
    assert "SECRET" not in f"{for_people.out}{for_people.err}"
    for_programs = run("list", *options, "--json", cwd=tmp_path)
    assert for_programs.events[0]["url"] == home.url("/s/m.mpd?t=SECRET")
    mirrored = get(*options, "--json", cwd=tmp_path)
    (loaded,) = [one for one in mirrored.events if one["event"] == "manifest"]
    assert loaded["url"] == home.url("/s/m.mpd?t=SECRET")
    assert mirrored.events[-1]["url"] == home.url("/m.mpd")


@pytest.mark.skipif(sys.platform != "linux", reason="loopback has one address there")
def test_headers_and_the_source_address_are_the_ones_that_were_asked_for(
    home: FaultServer, away: FaultServer, tmp_path: Path
) -> None:
    url = home.on("/m.mpd", manifest(adaptation_set("v"), adaptation_set("w", away.url("/"))))
    options = (
        "-H",
        "host: all.example",
        "-H",
        f"@{away.url('')} X-Only: 1",
        "--interface",
        "127.0.0.5",
    )
    ended = get(url, *options, cwd=tmp_path)
    assert ended.code == 0, ended.err
    seen = [*home.seen, *away.seen]
    assert len(seen) == 5
    assert {(one.peer, one.headers["host"]) for one in seen} == {("127.0.0.5", "all.example")}
    assert [one.headers.get("x-only") for one in seen] == [None] * 3 + ["1"] * 2


@pytest.mark.parametrize("by", ["option", "environment", "neither"])
def test_all_requests_go_through_the_proxy_that_was_asked_for(
    home: FaultServer, tmp_path: Path, by: str
) -> None:
    url = home.on("/m.mpd", manifest(adaptation_set("v")))
    with ProxyServer() as proxy:
        if by == "option":
            ended = get(url, "--proxy", proxy.url("socks5h"), cwd=tmp_path)
            expected = {f"SOCKS 5 127.0.0.1:{home.port}"}
        elif by == "environment":
            ended = get(url, cwd=tmp_path, http_proxy=proxy.url("http"))
            expected = {f"GET {url}", *(f"GET {home.url(f'/v/{n}.m4s')}" for n in (1, 2))}
        else:
            ended = get(url, "--no-proxy", "127.0.0.1", cwd=tmp_path, all_proxy=proxy.url("http"))
            expected = set()
        assert ended.code == 0, ended.err
        assert {head.partition(" HTTP")[0] for head in proxy.seen} == expected
    assert asked(home) == ["/m.mpd", "/v/1.m4s", "/v/2.m4s"]


def test_a_client_certificate_is_sent_on_request_and_an_error_asks_for_a_missing_one(
    authority: Authority, away: FaultServer, tmp_path: Path
) -> None:
    cert, key = authority.issue("client", alternative="DNS:client")
    with (
        serving(tls=authority.server(clients=True)) as home,
        serving(tls=authority.server()) as cdn,
    ):
        content = adaptation_set("v"), adaptation_set("w", cdn.url("/"))
        url = home.on("/m.mpd", manifest(*content))
        known = ("--cacert", authority.certificate)
        without = get(url, *known, cwd=tmp_path)
        assert without.code == 5
        assert "the server requires a client certificate" in without.err
        assert "hint: give one with --cert and --private-key" in without.err
        assert home.seen == []
        ended = get(url, *known, "--cert", cert, "--private-key", key, cwd=tmp_path)
        assert ended.code == 0, ended.err
        assert asked(home) == ["/m.mpd", "/v/1.m4s", "/v/2.m4s"]
        assert asked(cdn) == ["/w/1.m4s", "/w/2.m4s"]
