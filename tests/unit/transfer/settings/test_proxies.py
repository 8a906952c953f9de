"""The proxies that options and variables name."""

from __future__ import annotations

import pytest

from dashget.transfer.settings.proxies import Proxy, proxies, proxy_of


@pytest.mark.parametrize(
    ("text", "scheme", "shown"),
    [
        ("p.example", "http", "p.example:1080"),
        ("p.example:3128", "http", "p.example:3128"),
        ("http://p.example", "http", "p.example:1080"),
        ("HTTPS://p.example", "https", "p.example:443"),
        ("socks5h://me:SECRET@p.example", "socks5h", "p.example:1080"),
        ("http://me:SEC%2FRET@[::1]:8080/", "http", "[::1]:8080"),
        ("http://me%40home:SECRET@127.1:1", "http", "127.0.0.1:1"),
    ],
)
def test_a_proxy_is_shown_by_host_and_port(text: str, scheme: str, shown: str) -> None:
    proxy = Proxy.parse(text)
    assert proxy is not None
    assert (proxy.scheme, str(proxy)) == (scheme, shown)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "http://p:0",
        "http://p:99999",
        "ftp://p",
        "http://[::1",
        "http://me:1/SECRET@p",
        "http://me:1#SECRET@p",
        "http://me@home:SECRET@p.example:1",
        "http://p\\q",
    ],
)
def test_an_invalid_proxy_url_names_no_proxy(text: str) -> None:
    assert Proxy.parse(text) is None


def test_the_option_goes_before_the_first_variable_that_is_set() -> None:
    environment = {"https_proxy": "", "HTTPS_PROXY": "b:2", "all_proxy": "c:3", "HTTP_PROXY": "d:4"}
    assert proxy_of("https", None, environment) == Proxy("http", "b", 2, "HTTPS_PROXY")
    assert proxy_of("http", None, environment) == Proxy("http", "c", 3, "all_proxy")
    assert proxy_of("http", None, {}) is None
    assert proxy_of("http", "e:5", environment) == Proxy("http", "e", 5)
    assert proxy_of("http", "", environment) is None
    assert [str(proxy) for proxy in proxies(None, environment)] == ["c:3", "b:2"]
    assert [str(proxy) for proxy in proxies("e:5", environment)] == ["e:5"]
