"""Origins, and what is refused before anything is sent."""

from __future__ import annotations

import pytest

from dashget.transfer.http.failure import Failure
from dashget.transfer.http.guard import Guard
from dashget.transfer.http.origin import Origin, Origins, sendable, shown
from dashget.transfer.settings.hosts import HostPattern
from dashget.transfer.settings.options import TransferOptions


def origins(**options: object) -> Origins:
    home = options.pop("home", None)
    made = Origins(TransferOptions(**options))  # type: ignore[arg-type]  # keyword options of one struct
    if home is not None:
        made.trust(str(home))
    return made


def guard(**options: object) -> Guard:
    return origins(**options).guard()


@pytest.mark.parametrize(
    "url",
    ["http://h/a", "HTTP://H/b?x", "http://h:80", "http://me:pw@h/", "http://h?x=/", "http://h./a"],
)
def test_spellings_of_one_origin_are_one(url: str) -> None:
    known = origins()
    assert known.of(url) is known.of("http://h/")


def test_unicode_and_ascii_spelling_of_a_host_are_one_origin() -> None:
    known = origins(send_credentials_to=("bücher.example",))
    assert known.of("http://bücher.example/") is known.of("http://xn--bcher-kva.example/")
    origin = known.of("http://xn--bcher-kva.example/")
    assert isinstance(origin, Origin)
    assert origin.trusted


@pytest.mark.parametrize("url", ["https://h/", "http://h:81/", "http://g/", "http://h.h/"])
def test_other_origins_are_others(url: str) -> None:
    known = origins()
    assert known.of(url) is not known.of("http://h/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "//h/a",
        "http:",
        "http://",
        "http:///a",
        "http://h:x/",
        "http://[::1/",
        "http://h:99999/",
    ],
)
def test_an_invalid_url_is_a_failure(url: str) -> None:
    assert isinstance(origins().of(url), Failure)


@pytest.mark.parametrize("scheme", ["file", "ftp", "data", "javascript"])
def test_other_schemes_are_refused_by_name(scheme: str) -> None:
    failure = origins().of(f"{scheme}://h/a")
    assert isinstance(failure, Failure)
    assert failure.message == f"{scheme}: URLs are not fetched, only http and https"


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("cdn.example", True), ("CDN.example", True), ("cdn.example:8080", True),
        ("http://cdn.example:8080", True), ("cdn.example:80", False), ("example", False),
        ("https://cdn.example:8080", False), ("xcdn.example", False), ("http://cdn.example", False),
    ],
)  # fmt: skip
def test_a_host_pattern_matches_the_origins_that_it_names(name: str, matches: bool) -> None:
    assert Origin("http", "cdn.example", 8080).matches(HostPattern.parse(name, "--o")) is matches


def test_ipv6_hosts_can_be_named() -> None:
    for name in ("[::1]:8080", "::1", "[::1]", "http://[::1]:8080/"):
        assert Origin("http", "::1", 8080).matches(HostPattern.parse(name, "--o"))
    assert not Origin("http", "::1", 8080).matches(HostPattern.parse("[::1]:81", "--o"))
    assert Origin("http", "::1", 8080).key == "http://[::1]:8080"


@pytest.mark.parametrize(
    ("base", "location", "wanted"),
    [
        ("http://h/a/b", "c", "http://h/a/c"),
        ("http://h/a/b?q", "?r", "http://h/a/b?r"),
        ("http://h/a", "//g/x#y", "http://g/x"),
        ("http://h/a", "https://g/x", "https://g/x"),
        ("http://h/a//b/", "c//d e", "http://h/a//b/c//d%20e"),
        ("http://h/a", "/\xc3\xa4", "http://h/ä"),
        ("http://h/a", "/\xe4%zz", "http://h/%E4%zz"),
        ("http://h/a", "../../b/./c", "http://h/b/c"),
    ],
)
def test_a_redirect_is_resolved_against_its_url(base: str, location: str, wanted: str) -> None:
    assert origins().redirect(base, location) == wanted


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://h/", "data:,x", "javascript:1"])
def test_redirects_to_other_schemes_are_refused(location: str) -> None:
    assert isinstance(origins(allow_downgrade=True).redirect("http://h/", location), Failure)


@pytest.mark.parametrize("location", ["http:g", "//h:0/", "http://g@h@i/", "//h\\i/", "///a"])
def test_redirects_that_could_be_read_in_two_ways_are_refused(location: str) -> None:
    refused = origins().redirect("http://h/", location)
    assert isinstance(refused, Failure)
    assert refused.message.startswith("redirect to an invalid URL (")


@pytest.mark.parametrize("url", ["http://127.1/", "http://0x7f000001/", "http://2130706433/"])
def test_spellings_of_an_address_are_one_origin(url: str) -> None:
    known = origins()
    known.trust(url)
    assert known.of(url) is known.of("http://127.0.0.1/")
    assert known.guard().public == ()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://h/a?t=SECRET", "http://h/a?..."),
        ("http://h/a?x=1&t=SECRET", "http://h/a?..."),
        ("http://h/in?back=http%3A%2F%2Fh%2Fa%3Ft%3DSECRET#top", "http://h/in?..."),
        ("http://me:SECRET@h/a?t=SECRET", "http://h/a?..."),
        ("http://h/a", "http://h/a"),
    ],
)
def test_no_query_is_shown_if_one_is_appended(url: str, told: str) -> None:
    assert shown(url, appended="t=SECRET") == told
    assert origins(append_query="t=SECRET").shown(url) == told
    assert ("?" in url) == ("?" in origins().shown(url))


def test_credentials_and_control_characters_are_not_shown() -> None:
    assert shown("http://me:pw@h/a\x1b[2J?x") == "http://h/a%1B[2J?x"
    assert shown("http://h/a@b") == "http://h/a@b"
    assert shown("http://h?x=@y") == "http://h?x=@y"
    assert shown("http://h/\udcff") == "http://h/%ED%B3%BF"


@pytest.mark.parametrize(
    ("url", "query", "wanted"),
    [
        ("http://h/a b", None, "http://h/a b"),
        ("http://h/ä?ö=%20#x", None, "http://h/%C3%A4?%C3%B6=%20"),
        ("http://bücher.example/", None, "http://xn--bcher-kva.example/"),
        ("http://h/a#x", "t=1", "http://h/a?t=1"),
        ("http://h/a?b", "t=1", "http://h/a?b&t=1"),
    ],
)
def test_urls_are_sent_in_ascii(url: str, query: str | None, wanted: str) -> None:
    assert sendable(url, query) == wanted


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("127.0.0.1", True), ("10.1.2.3", True), ("192.168.0.1", True), ("169.254.169.254", True),
        ("::1", True), ("fe80::1%eth0", True), ("fc00::1", True), ("::ffff:10.0.0.1", True),
        ("0.0.0.0", True), ("100.64.0.1", True), ("93.184.216.34", False), ("2606:2800::1", False),
    ],
)  # fmt: skip
def test_private_addresses_are_told_from_public_ones(address: str, refused: bool) -> None:
    assert guard(home="http://8.8.8.8/").address_refused("x.example", address) is refused
    assert not guard(home="http://8.8.8.8/").address_refused("8.8.8.8", address)
    assert not guard(home="http://10.0.0.1/").address_refused("x.example", address)
    assert not guard().address_refused("x.example", address)


@pytest.mark.parametrize(
    ("options", "guards"),
    [
        ({"home": "http://8.8.8.8/x.mpd"}, True),
        ({"home": "https://cdn.example/x.mpd"}, True),
        ({"home": "http://10.0.0.1/x.mpd"}, False),
        ({"home": "http://[::1]:8080/x.mpd"}, False),
        ({"home": "http://localhost/x.mpd"}, False),
        ({"home": "http://8.8.8.8/x.mpd", "allow_private": True}, False),
        ({"home": "http://8.8.8.8/x.mpd", "proxy": "http://p:3128"}, True),
        ({"home": "http://8.8.8.8/x.mpd", "proxy": ""}, True),
        ({}, False),
    ],
    ids=str,
)
def test_addresses_are_checked_only_for_a_public_manifest(
    options: dict[str, object], guards: bool
) -> None:
    assert bool(guard(**options).public) is guards


@pytest.mark.parametrize(
    ("proxy", "variables", "refused"),
    [
        (None, {}, True),
        ("http://127.0.0.1:3128", {}, False),
        ("socks5h://localhost:3128", {}, False),
        ("127.0.0.1:3128", {}, False),
        ("http://127.0.0.1:3129", {}, True),
        ("http://127.0.0.2:3128", {}, True),
        (None, {"http_proxy": "http://127.0.0.1:3128"}, False),
        (None, {"HTTPS_PROXY": "http://127.0.0.1:3128"}, False),
        (None, {"ALL_PROXY": "socks5://127.0.0.1:3128"}, False),
        (None, {"http_proxy": "http://[::1"}, True),
        ("", {"http_proxy": "http://127.0.0.1:3128"}, True),
        (None, {"http_proxy": "http://127.0.0.2:3128", "https_proxy": "127.0.0.1:3128"}, False),
    ],
)
def test_the_users_own_proxy_may_have_a_private_address(
    proxy: str | None,
    variables: dict[str, str],
    refused: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    guarded = guard(home="http://8.8.8.8/", proxy=proxy)
    assert guarded.address_refused("1.1.1.1", "127.0.0.1", 3128) is refused
    assert guarded.address_refused("1.1.1.1", "10.0.0.7", 3128)


def test_an_origin_that_two_runs_meet_at_once_is_complete_for_both() -> None:
    """A request without its secrets would be refused for good."""
    url = "http://h/"
    asked: list[str] = []
    met: list[Origin] = []

    class Interrupted(Origins):
        def _login(self, host: str, user: str | None) -> tuple[bytes, bytes] | None:
            asked.append(host)
            if len(asked) == 1:
                # As another thread might, at this moment.
                found = self.of(url)
                assert isinstance(found, Origin)
                assert found.login == (b"me", b"secret")
                met.append(found)
            return super()._login(host, user)

    known = Interrupted(TransferOptions(user="me:secret"))
    known.trust(url)
    assert [known.of(url)] == met


def test_a_manifest_that_is_opened_later_gets_the_secrets_too() -> None:
    known = origins(user="me:pw", cookies=("a=1",))
    before = known.of("http://h/a")
    assert isinstance(before, Origin)
    before.not_before = 7.0
    assert before.login is None
    known.trust("http://h/m.mpd?token=1")
    after = known.of("http://h/a")
    assert isinstance(after, Origin)
    assert after is known.of("http://h:80/b")
    assert (after.login, after.cookie, after.not_before) == ((b"me", b"pw"), "a=1", 7.0)
    assert after.home
    assert after.home_has_query


def test_each_manifest_keeps_the_user_of_its_own_url() -> None:
    known = origins()
    for url, user in (("http://a/", "me:1"), ("http://b/", None), ("http://c/", "you:2")):
        known.trust(url, user)
    logins = [
        origin.login
        for origin in map(known.of, ("http://a/x", "http://b/x", "http://c/x", "http://d/x"))
        if isinstance(origin, Origin)
    ]
    assert logins == [(b"me", b"1"), None, (b"you", b"2"), None]


def test_hosts_that_may_have_the_secrets_get_the_user_of_the_manifests_url() -> None:
    known = origins(send_credentials_to=("cdn",))
    known.trust("http://a/", "me:1")
    cdn = known.of("http://cdn/x")
    assert isinstance(cdn, Origin)
    assert cdn.login == (b"me", b"1")


def test_limits_are_those_of_the_manifest_that_names_the_requests() -> None:
    known = origins()
    for url in ("https://10.0.0.1/", "http://8.8.8.8/"):
        known.trust(url)
    inner, outer = known.guard("https://10.0.0.1/m.mpd"), known.guard("http://8.8.8.8/m.mpd")
    assert (inner.https_only, inner.public) == (True, ())
    assert (outer.https_only, outer.public) == (False, (("8.8.8.8", 80),))
    both = known.guard()
    assert (both.https_only, both.public) == (True, (("8.8.8.8", 80),))


def test_an_invalid_url_of_a_manifest_changes_nothing() -> None:
    known = origins()
    known.trust("http://")
    assert known.guard() == Guard()
