"""Who may ask, and from which page."""

from __future__ import annotations

import pytest

from dashget.serve.guards import Hosts, is_foreign, page_headers

LOCAL = Hosts("127.0.0.1", "box")
OPEN = Hosts("0.0.0.0", "box")


@pytest.mark.parametrize(
    ("host", "local", "everywhere"),
    [
        ("127.0.0.1:8080", True, True),
        ("127.0.0.1", True, True),
        ("127.1.2.3:80", True, True),
        ("localhost:9", True, True),
        ("LOCALHOST.", True, True),
        ("[::1]:80", True, True),
        ("192.168.1.5:80", False, True),
        ("[fe80::1]:80", False, True),
        ("box:80", False, True),
        ("Box.local", False, True),
        ("evil.example", False, False),
        ("localhost.evil.example:80", False, False),
        ("127.0.0.1.evil.example", False, False),
        ("box.evil.example", False, False),
        ("", False, False),
        (None, False, False),
        ("[", False, False),
        ("[::1", False, False),
        (":80", False, False),
        ("127.0.0.1:80@evil.example", False, False),
        ("localhost:@evil.example", False, False),
        ("[::1]evil.example", False, False),
        ("[::1]:80.evil.example", False, False),
    ],
)
def test_a_server_answers_to_names_of_its_machine_only(
    host: str | None, local: bool, everywhere: bool
) -> None:
    assert LOCAL.allows(host) is local
    assert OPEN.allows(host) is everywhere


def test_the_name_that_was_given_is_answered_to() -> None:
    assert Hosts("media.home", "box").allows("media.home:80")
    assert not Hosts("media.home", "").allows("other.home:80")
    assert not Hosts("localhost", "box").allows("box")
    assert Hosts("::1", "box").local
    assert not Hosts("::", "box").local


@pytest.mark.parametrize(
    ("given", "shown"),
    [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("0.0.0.0", "box:80"), ("::", "box:80")],
)
def test_an_address_is_shown_as_it_is_typed(given: str, shown: str) -> None:
    assert Hosts(given, "box").shown(80) == shown


@pytest.mark.parametrize(
    ("headers", "page", "foreign"),
    [
        ({}, False, False),
        ({"Origin": "http://127.0.0.1:80"}, False, False),
        ({"Origin": "http://127.0.0.1:81"}, False, True),
        ({"Origin": "null"}, False, True),
        ({"Origin": "https://evil.example"}, True, True),
        ({"Sec-Fetch-Site": "same-origin"}, False, False),
        ({"Sec-Fetch-Site": "none"}, False, False),
        ({"Sec-Fetch-Site": "cross-site"}, False, True),
        ({"Sec-Fetch-Site": "same-site"}, False, True),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, False, True),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, True, True),
    ],
)
def test_pages_of_other_origins_are_foreign(
    headers: dict[str, str], page: bool, foreign: bool
) -> None:
    named = {"Host": "127.0.0.1:80", **headers}
    assert is_foreign(named.get, page=page) is foreign


def test_the_page_runs_nothing_but_its_own_scripts() -> None:
    policy = page_headers("127.0.0.1:80")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src http://127.0.0.1:80/.dashget/;" in policy
    assert "unsafe" not in policy
