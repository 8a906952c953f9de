"""Origins, and what is refused before anything is sent."""

from __future__ import annotations

import pytest

from dashget.transfer.http.failure import Failure
from dashget.transfer.http.origin import Origin, Origins, sendable, shown
from dashget.transfer.settings.hosts import HostPattern
from dashget.transfer.settings.options import OriginHeader, TransferOptions


def origins(**options: object) -> Origins:
    home = options.pop("home", None)
    made = Origins(TransferOptions(**options))  # type: ignore[arg-type]  # keyword options of one struct
    if home is not None:
        made.trust(str(home))
    return made


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
        ("http://h/a", "/voil\xc3\xa0", "http://h/voilà"),
        ("http://h/a", " /\xc3\x85\t", "http://h/Å"),
        ("http://h/a", "b\x01\x00c\x7f?d e\x1f.", "http://h/b%01%00c%7F?d%20e%1F."),
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
    assert known.guard().given == {"http://127.0.0.1:80"}


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


SECRET = {
    "user": "me:pw",
    "cookies": ("a=1",),
    "headers": (("Authorization", "Bearer x"), ("X-Token", "y"), ("Referer", "https://h/")),
    "origin_headers": (OriginHeader("h", "X-Key", "z"), OriginHeader("http://named", "X-Own", "w")),
    "send_credentials_to": ("all",),
    "allow_downgrade": True,
}


@pytest.mark.parametrize("met_before", [False, True])
@pytest.mark.parametrize("by", ["trust", "guard"])
def test_nothing_that_the_user_gave_goes_from_https_down_to_http(by: str, met_before: bool) -> None:
    """Whether the origin was met before the manifest, or the manifest is a saved one."""
    known = origins(**SECRET)
    if met_before:
        assert getattr(known.of("http://h/a"), "trusted", False)
    if by == "trust":
        known.trust("https://h/m.mpd")
    else:
        known.guard("https://h/m.mpd")
    plain = known.of("http://h/a")
    assert isinstance(plain, Origin)
    assert plain.downgraded
    assert plain.headers == ["Accept-Encoding: identity"]
    assert (plain.login, plain.cookie, plain.query, plain.trusted) == (None, None, None, False)
    secure = known.of("https://h/a")
    assert isinstance(secure, Origin)
    assert (secure.login, secure.cookie, secure.trusted) == ((b"me", b"pw"), "a=1", True)


def test_a_header_that_is_bound_to_an_http_origin_goes_there() -> None:
    known = origins(**SECRET)
    known.trust("https://h/m.mpd")
    named = known.of("http://named/a")
    assert isinstance(named, Origin)
    assert named.headers == ["Accept-Encoding: identity", "X-Own: w"]


def test_a_manifest_from_http_keeps_what_the_user_gave_for_it() -> None:
    known = origins(**SECRET)
    known.trust("https://other/m.mpd")
    known.trust("http://h/m.mpd")
    home = known.of("http://h/a")
    assert isinstance(home, Origin)
    assert not home.downgraded
    assert (home.login, home.cookie, home.trusted) == ((b"me", b"pw"), "a=1", True)
