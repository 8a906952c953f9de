"""URLs: how they are split, joined and shown, and which host and port they name."""

from __future__ import annotations

import time

import pytest

from dashget.common.url import (
    Url,
    UrlError,
    http_origin,
    read_host,
    tidy,
    typed,
    without_users,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("HTTP://u@H:1/p?q#f", ("http", "u@H:1", "/p", "q")),
        ("http://h", ("http", "h", "", None)),
        ("http://h?q", ("http", "h", "", "q")),
        ("//h/p", (None, "h", "/p", None)),
        ("http:h", ("http", None, "h", None)),
        ("a/b:c", (None, None, "a/b:c", None)),
        ("1:2", (None, None, "1:2", None)),
        ("?", (None, None, "", "")),
        ("", (None, None, "", None)),
        ("#f?x", (None, None, "", None)),
        ("http:////h", ("http", "", "//h", None)),
    ],
)
def test_a_reference_is_split_as_in_rfc_3986(
    text: str, parts: tuple[str | None, str | None, str, str | None]
) -> None:
    url = Url.parse(text)
    assert (url.scheme, url.authority, url.path, url.query) == parts


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://H.example/", ("http", "h.example", 80)),
        ("https://h./", ("https", "h", 443)),
        ("http://h:/", ("http", "h", 80)),
        ("http://h:00081/", ("http", "h", 81)),
        ("http://u:p@h:8080/", ("http", "h", 8080)),
        ("http://@h/", ("http", "h", 80)),
        ("http://h?@g/", ("http", "h", 80)),
        ("http://h#@g/", ("http", "h", 80)),
        ("http://a_b-c.example/", ("http", "a_b-c.example", 80)),
        ("http://bücher.example/", ("http", "xn--bcher-kva.example", 80)),
        ("http://127.0.0.1/", ("http", "127.0.0.1", 80)),
        ("http://127.1/", ("http", "127.0.0.1", 80)),
        ("http://0x7F.1/", ("http", "127.0.0.1", 80)),
        ("http://2130706433/", ("http", "127.0.0.1", 80)),
        ("http://017700000001/", ("http", "127.0.0.1", 80)),
        ("http://10.0x10203/", ("http", "10.1.2.3", 80)),
        ("http://0/", ("http", "0.0.0.0", 80)),
        ("http://１２７.1/", ("http", "127.0.0.1", 80)),
        ("http://1.2.example/", ("http", "1.2.example", 80)),
        ("http://[::1]:8/", ("http", "::1", 8)),
        ("http://[0:0::1]/", ("http", "::1", 80)),
        ("http://[FE80::1%25eth0]/", ("http", "fe80::1%eth0", 80)),
        ("http://[fe80::1%eth0]/", ("http", "fe80::1%eth0", 80)),
    ],
)
def test_an_origin_has_one_spelling(url: str, origin: tuple[str, str, int]) -> None:
    assert Url.parse(url).origin == origin
    assert http_origin(Url.parse(url)) == origin


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://u@h@g/", "percent-encoded"),
        ("http://h\\@g/", "percent-encoded"),
        ("http://u\tv@h/", "percent-encoded"),
        ("http://u v@h/", "percent-encoded"),
        ("http://h\\g/", "host name is invalid"),
        ("http://h g/", "host name is invalid"),
        ("http://h\tg/", "host name is invalid"),
        ("http://h\ng/", "host name is invalid"),
        ("http://h\0/", "host name is invalid"),
        ("http://h\x7f/", "host name is invalid"),
        ("http://%31/", "host name is invalid"),
        ("http://h;g/", "host name is invalid"),
        ("http://h<g/", "host name is invalid"),
        ("http://a..b/", "host name is invalid"),
        ("http://.h/", "host name is invalid"),
        ("http://./", "host name is invalid"),
        ("http://h../", "host name is invalid"),
        ("http://a℀b/", "host name is invalid"),
        ("http://a\ud800/", "host name is invalid"),
        ("http://\ue000.example/", "host name is invalid"),
        ("http://" + "a" * 254 + "/", "host name is invalid"),
        ("http://" + "ü" * 300 + "/", "longer than 253"),
        ("http://256.1.1.1/", "IPv4 address"),
        ("http://1.2.3.4.5/", "IPv4 address"),
        ("http://4294967296/", "IPv4 address"),
        ("http://1.16777216/", "IPv4 address"),
        ("http://08/", "IPv4 address"),
        ("http://0x/", "IPv4 address"),
        ("http://127.0.0.1./", "IPv4 address"),
        ("http://foo.12/", "IPv4 address"),
        ("http://" + "9" * 200 + "/", "IPv4 address"),
        ("http://[::1/", "IPv6 address"),
        ("http://[::1]x/", "IPv6 address"),
        ("http://[1.2.3.4]/", "IPv6 address"),
        ("http://[]/", "IPv6 address"),
        ("http://[v1.a]/", "IPv6 address"),
        ("http://[::1%25]/", "IPv6 zone"),
        ("http://[::1%a b]/", "IPv6 zone"),
        ("http://::1/", "port"),
        ("http://h:0/", "port"),
        ("http://h:65536/", "port"),
        ("http://h:" + "9" * 5000 + "/", "port"),
        ("http://h:+80/", "port"),
        ("http://h:8 0/", "port"),
        ("http://h:x/", "port"),
        ("http://h:８０/", "port"),
    ],
)
def test_a_host_or_port_that_could_be_read_in_two_ways_is_invalid(url: str, reason: str) -> None:
    with pytest.raises(UrlError, match=reason):
        http_origin(Url.parse(url))


@pytest.mark.parametrize("url", ["", "h", "//h/", "ftp://h/", "file:///a", "data:,x"])
def test_only_http_and_https_have_an_http_origin(url: str) -> None:
    with pytest.raises(UrlError, match="neither http nor https"):
        http_origin(Url.parse(url))


@pytest.mark.parametrize("url", ["http:h", "http://", "http:///a", "http://:80/", "http://u@/"])
def test_an_http_url_without_a_host_has_no_origin(url: str) -> None:
    with pytest.raises(UrlError, match="host is missing"):
        http_origin(Url.parse(url))


def test_other_urls_have_an_origin_without_a_port() -> None:
    assert Url.parse("file:///a").origin == ("file", None, None)
    assert Url.parse("ftp://h:21/").origin == ("ftp", "h", 21)


def test_user_and_password_are_not_shown() -> None:
    url = Url.parse("http://me:SECRET@h:1/p?q")
    assert url.userinfo == "me:SECRET"
    assert url.shown == "http://h:1/p?q"
    assert repr(url) == "Url('http://h:1/p?q')"
    assert "SECRET" not in repr((url, Url.parse("//a:SECRET@b@c")))
    assert str(url) == "http://me:SECRET@h:1/p?q"
    assert Url.parse("http://h/me@home").userinfo is None
    assert Url.parse("http://h/me@home").shown == "http://h/me@home"


@pytest.mark.parametrize(
    "password",
    ["SEC/RET", "SEC?RET", "a@SECRET", "SECRET/@", "SEC//RET", "SEC#RET", "a/SEC#RET", "SEC\\RET"],
)
def test_a_password_that_breaks_its_url_is_not_shown(password: str) -> None:
    url = Url.parse(f"http://me:{password}@h/p?q")
    assert url.shown == "http://h/p?q"
    text = f"cannot read 'http://me:{password}@h/p?q' and //b/c"
    assert without_users(text, "*@") == "cannot read 'http://*@h/p?q' and //b/c"


@pytest.mark.parametrize(
    "beginning",
    ["http:\\\\", "http:/\\", "http:\\", "http:", "http:/", "http:///", "hTTp://", "\\\\", "/\\", "//",
     "ftp:\\\\", "h\ttp://", "http:/\t/", "/\t/", "file://", "file:\\\\"],
)  # fmt: skip
def test_a_user_behind_other_slashes_is_not_shown(beginning: str) -> None:
    """A backslash is a slash to browsers, which need two, one or none, and pass over tabs."""
    for user in ("me:SECRET", "SECRET", "me:s/SECRET"):
        assert Url.parse(f"{beginning}{user}@h/p").shown.lower() == f"{beginning}h/p".lower()
        assert "SECRET" not in typed(f"{beginning}{user}@h/p")


@pytest.mark.parametrize(
    "url",
    ["dir/me@home.mp4", "data:text/plain,a@b", "urn:a@b", "mailto:a@b", "http://h:8/@scope/x",
     "http://[::1]/a@b", "a/b?c=http://d@e", "file:///a@b/c", "FILE:/a@b", "file:a@b",
     "file:////h/a@b"],
)  # fmt: skip
def test_an_at_sign_that_ends_no_user_stays(url: str) -> None:
    assert Url.parse(url).shown.lower() == url.lower()


@pytest.mark.parametrize("url", ["file:///a@b/c", "file:////h/a@b"])
def test_a_path_with_an_at_sign_is_shown_in_messages(url: str) -> None:
    assert without_users(f"in {url}", "*@") == f"in {url}"
    assert typed(url) == url


def test_an_anchor_stays_one_where_a_server_is_named() -> None:
    assert str(Url.parse("http://h/p#a@b")) == "http://h/p"
    assert str(Url.parse("p#a@b")) == "p"
    assert Url.parse("http://safe.example#@evil.example/").host == "safe.example"
    assert without_users("http://h/p#a@b c@d", "*") == "http://h/p#a@b c@d"


@pytest.mark.parametrize("text", ["/" * 60_000, "a" * 60_000, "http:" * 12_000, "http:#@" * 9000,
                                  "a:" * 30_000, "http://a@" * 7000, "#@" * 30_000])  # fmt: skip
def test_users_are_found_in_linear_time(text: str) -> None:
    started = time.process_time()
    without_users(f"{text}@", "*")
    typed(f"{text}@")
    assert time.process_time() - started < 2


def test_what_somebody_typed_is_shown_without_what_may_be_a_secret() -> None:
    assert typed("me:SEC/RET@h:1/x") == "me:h:1/x"
    assert typed("folder/a@b.mpd") == "folder/a@b.mpd"
    assert typed("https://h/a@b") == "https://h/a@b"


@pytest.mark.parametrize(
    ("base", "reference", "expected"),
    [
        ("http://a/b/c/d;p?q", "http:g", "http:g"),
        ("http://a/b//c", "d//e", "http://a/b//d//e"),
        ("s:a/b", "c", "s:a/c"),
        ("s:a", "/.//g", "s:/.//g"),
        ("s:", "//g", "s://g"),
        ("a/b", "c", "a/c"),
    ],
)
def test_joining_follows_the_strict_algorithm(base: str, reference: str, expected: str) -> None:
    joined = Url.parse(base).join(Url.parse(reference))
    assert str(joined) == expected
    assert Url.parse(expected) == joined


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://h/a%20b?c", "http://h/a%20b?c"),
        ("http://h/ä?ö=%20", "http://h/%C3%A4?%C3%B6=%20"),
        ("http://ü:p@bücher.example:81/", "http://%C3%BC:p@xn--bcher-kva.example:81/"),
        ("http://h/\udcff", "http://h/%ED%B3%BF"),
    ],
)
def test_a_url_is_sent_in_ascii(url: str, sent: str) -> None:
    assert str(Url.parse(url).to_ascii()) == sent


def test_white_space_around_and_line_breaks_inside_are_dropped() -> None:
    assert tidy(" \n http://h/a\t/b c\r\n") == "http://h/a/b c"


def test_a_host_is_read_alone() -> None:
    assert read_host("CDN.example.") == "cdn.example"
    assert read_host("[::1]") == "::1"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("foo:///a/b@2x.png", "foo:///a/b@2x.png"),
        ("s3:///bucket/key@1/x", "s3:///bucket/key@1/x"),
        ("foo:///a/b?c=d@e", "foo:///a/b?c=d@e"),
        ("foo:///c:/a/b@2x.png", "foo:///c:/a/b@2x.png"),
        ("foo:////a/b@2x.png", "foo:////a/b@2x.png"),
        ("foo:///user@h/p", "foo:///h/p"),
        ("foo:///user:secret@h/p", "foo:///h/p"),
        ("foo:///user:se/cret@h/p", "foo:///h/p"),
        ("http:///a/b@c/d", "http:///c/d"),
        ("///a/b@c/d", "///c/d"),
        ("foo://a b/c@d/e", "foo://d/e"),
    ],
)
def test_the_path_of_an_unknown_scheme_is_shown_unless_it_may_begin_with_a_user(
    url: str, shown: str
) -> None:
    assert Url.parse(url).shown == shown
    assert typed(url) == shown
