"""Where requests may lead: no private address but the one that was given, and no downgrade."""

from __future__ import annotations

import pytest

from dashget.transfer.http import guard as guard_module
from dashget.transfer.http.guard import Guard
from dashget.transfer.http.origin import Origin, Origins
from dashget.transfer.settings.options import TransferOptions

PUBLIC, PRIVATE = "93.184.216.34", "10.0.0.7"
HOMES = (
    "http://8.8.8.8/m.mpd", "https://cdn.example/m.mpd", "http://10.0.0.1:8000/m.mpd",
    "http://localhost:8000/m.mpd", "http://[::1]:8000/m.mpd", "file:///home/me/m.mpd",
)  # fmt: skip
METADATA = (
    "169.254.169.254", "0xa9fea9fe", "0XA9FEA9FE", "2852039166", "0251.0376.0251.0376", "025177524776",
    "0xa9.0xfe.0xa9.0xfe", "169.254.43518", "169.16689662", "0xa9.254.0251.254",
    "000251.0000376.0251.0376", "169.254.169.254.", "2852039166.", "0xa9fea9fe.", "169.254.169.254..",
    "7147006462", "0x1a9fea9fe", "169%2e254%2e169%2e254", "%31%36%39.254.169.254",
    "169\u3002254\u3002169\u3002254", "169\uff0e254\uff0e169\uff0e254",
    "169\uff61254\uff61169\uff61254", "\uff11\uff16\uff19.254.169.254",
    "\u2460\u2465\u2468.\u2461\u2464\u2463.\u2460\u2465\u2468.\u2461\u2464\u2463",
    "me@169.254.169.254", "cdn.example:80@169.254.169.254", "169.254.169.254#@cdn.example",
    "169.254.169.254%00.example", "169.254.169.254%20", "\\169.254.169.254",
    "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[::ffff:a9fe:a9fe].", "[::169.254.169.254]", "[::ffff:0:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a9fe:a9fe]", "[2002:a9fe:a9fe::1]",
    "[2001:0:808:808::5601:5601]", "[2606:2800::5efe:a9fe:a9fe]", "[fe80::a9fe:a9fe%25eth0]",
    "[fe80::a9fe:a9fe%251]", "[::ffff:169.254.169.254%25eth0]", "[2606:2800::1%25eth0]",
    "[fd00:ec2::254]", "[fd00:ec2::254%25lo]", "100.100.100.200",
)  # fmt: skip
"""169.254.169.254 in every spelling that some reader of URLs takes, and its like in other clouds."""


def origin(url: str) -> Origin:
    found = Origins(TransferOptions()).of(url)
    assert isinstance(found, Origin)
    return found


def guard(home: str | None, **options: object) -> Guard:
    return Origins(TransferOptions(**options)).guard(home)  # type: ignore[arg-type]  # keyword options of one struct


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, frozenset[str]]:
    """What names are looked up as."""
    known: dict[str, frozenset[str]] = {}

    def look_up(host: str, port: int) -> frozenset[str]:
        return known.get(host, frozenset({host}))

    monkeypatch.setattr(guard_module, "numbers_of", look_up)
    return known


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.7/", "http://10.0.0.1/", "http://10.0.0.1:8001/", "https://10.0.0.1:8000/",
        "http://localhost/", "https://localhost:8000/", "http://a.localhost:8000/",
        "http://[::1]/", "http://127.0.0.1:8000/", "http://0x7f.1/", "http://2130706433/",
        "http://0177.0.0.1/", "http://127\u30020\u30020\u30021/", "http://127.1/",
        "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[fec0::1]/",
        "http://169.254.169.254/",
    ],
)  # fmt: skip
def test_a_private_address_in_a_url_is_refused_unless_it_was_given(home: str, url: str) -> None:
    """Before anything is connected: a proxy would connect to it unseen."""
    for proxy in (None, "http://10.0.0.9:3128", "socks5h://10.0.0.9:1080"):
        refused = guard(home, proxy=proxy, allow_downgrade=True).refusal(origin(url))
        assert refused is not None
        assert refused.hint == "allow it with --allow-private"
    assert guard(home, allow_private=True, allow_downgrade=True).refusal(origin(url)) is None


@pytest.mark.parametrize("host", METADATA)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_a_metadata_address_is_asked_for_a_public_manifest(
    scheme: str, host: str
) -> None:
    """Clouds tell secrets there to whoever asks from within."""
    found = Origins(TransferOptions()).of(f"{scheme}://{host}/latest/meta-data/")
    if isinstance(found, Origin):
        refused = guard("http://8.8.8.8/m.mpd").refusal(found)
        assert refused is not None
        assert "is at the private address" in refused.message
    else:
        assert found.message.startswith("not a valid URL")


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize(
    "url", ["http://x.example/", "http://x.example:8000/", "https://x.example"]
)
def test_a_name_is_refused_at_a_private_address_and_allowed_at_a_public_one(
    home: str, url: str
) -> None:
    named, limits = origin(url), guard(home)
    assert limits.address_refused(named, PRIVATE, 80)
    assert not limits.address_refused(named, PUBLIC, 80)
    assert limits.address_refused(named, "::ffff:10.0.0.7", 80)
    assert not guard(home, allow_private=True).address_refused(named, PRIVATE, 80)


@pytest.mark.parametrize(
    "home", ["http://10.0.0.1:8000/m.mpd", "http://localhost:8000/", "http://[::1]:8000/"]
)
def test_the_origin_that_was_given_may_be_private(home: str) -> None:
    given, limits = origin(home), guard(home)
    address = {"localhost": "127.0.0.1"}.get(given.host, given.host)
    assert limits.refusal(given) is None
    assert not limits.address_refused(given, address, 8000)


@pytest.mark.parametrize("home", HOMES)
def test_a_service_may_refuse_private_addresses_that_were_given(home: str) -> None:
    given, limits = origin(HOMES[2]), guard(home, public_only=True)
    assert limits.refusal(given) is not None
    assert limits.address_refused(origin("http://x.example/"), PRIVATE, 80)
    assert limits.address_refused(given, "10.0.0.1", 8000)


def test_a_name_that_was_given_may_be_private_until_it_is_seen_to_be_public(
    names: dict[str, frozenset[str]],
) -> None:
    names["nas.example"] = frozenset({PRIVATE, "fd00::7"})
    given, limits = origin("http://nas.example/"), guard("http://nas.example/m.mpd")
    assert not limits.address_refused(given, PRIVATE, 80)
    assert not limits.address_refused(given, PUBLIC, 80)
    assert limits.address_refused(given, PRIVATE, 80)


def test_a_name_with_a_public_and_a_private_address_is_public(
    names: dict[str, frozenset[str]],
) -> None:
    names["evil.example"] = frozenset({PRIVATE, PUBLIC})
    given, limits = origin("http://evil.example/"), guard("http://evil.example/m.mpd")
    assert limits.address_refused(given, PRIVATE, 80)
    assert not limits.address_refused(given, PUBLIC, 80)


def test_a_name_that_was_public_stays_so_when_another_manifest_is_opened() -> None:
    known = Origins(TransferOptions())
    known.trust("http://evil.example/a.mpd")
    first = known.of("http://evil.example/")
    assert isinstance(first, Origin)
    assert not known.guard("http://evil.example/a.mpd").address_refused(first, PUBLIC, 80)
    known.trust("http://evil.example/b.mpd")
    second = known.of("http://evil.example/")
    assert isinstance(second, Origin)
    assert known.guard("http://evil.example/b.mpd").address_refused(second, PRIVATE, 80)


def test_limits_are_those_of_the_manifest_that_names_the_requests() -> None:
    known = Origins(TransferOptions())
    assert not known.guard().public_only
    for url in ("https://10.0.0.1/", "http://8.8.8.8/"):
        known.trust(url)
    inner, outer = known.guard("https://10.0.0.1/m.mpd"), known.guard("http://8.8.8.8/m.mpd")
    assert (inner.https_only, inner.given) == (True, {"https://10.0.0.1:443"})
    assert (outer.https_only, outer.given) == (False, {"http://8.8.8.8:80"})
    both = known.guard()
    assert both.https_only
    assert both.given == inner.given | outer.given
    local = known.guard("file:///m.mpd")
    assert (local.https_only, local.public_only, local.given) == (False, True, set())


PROXY = "http://10.0.0.9:3128"


@pytest.mark.parametrize(
    ("proxy", "variables", "scheme", "refused"),
    [
        (None, {}, "http", True),
        (PROXY, {}, "http", False),
        (PROXY, {}, "https", False),
        ("socks5h://10.0.0.9:3128", {}, "http", False),
        ("10.0.0.9:3128", {}, "http", False),
        ("http://10.0.0.9:3129", {}, "http", True),
        ("http://10.0.0.8:3128", {}, "http", True),
        (None, {"http_proxy": PROXY}, "http", False),
        (None, {"http_proxy": PROXY}, "https", True),
        (None, {"HTTPS_PROXY": PROXY}, "https", False),
        (None, {"HTTPS_PROXY": PROXY}, "http", True),
        (None, {"ALL_PROXY": "socks5://10.0.0.9:3128"}, "http", False),
        (None, {"http_proxy": "http://[::1"}, "http", True),
        ("", {"http_proxy": PROXY}, "http", True),
    ],
)
def test_the_users_own_proxy_may_have_a_private_address(
    proxy: str | None,
    variables: dict[str, str],
    scheme: str,
    refused: bool,
    monkeypatch: pytest.MonkeyPatch,
    names: dict[str, frozenset[str]],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    limits, asked = guard(HOMES[0], proxy=proxy), origin(f"{scheme}://x.example/")
    assert limits.address_refused(asked, "10.0.0.9", 3128) is refused
    assert limits.address_refused(asked, PRIVATE, 3128)


@pytest.mark.parametrize("host", ["evil.example", "a.evil.example"])
@pytest.mark.parametrize(
    "no_proxy",
    [
        "*", "evil.example", ".evil.example", "EVIL.example.", "h evil.example", "h,.example",
        "10.0.0.0/8",
    ],
)  # fmt: skip
@pytest.mark.parametrize("by_variable", [False, True])
def test_a_host_without_the_proxy_may_not_pass_for_it(
    host: str,
    no_proxy: str,
    by_variable: bool,
    monkeypatch: pytest.MonkeyPatch,
    names: dict[str, frozenset[str]],
) -> None:
    """``NO_PROXY`` has a name connected to directly that leads to the port of the proxy."""
    if by_variable:
        monkeypatch.setenv("NO_PROXY", no_proxy)
    limits = guard(HOMES[0], proxy=PROXY, no_proxy=None if by_variable else no_proxy)
    assert limits.address_refused(origin(f"http://{host}:3128/"), "10.0.0.9", 3128)


def test_a_server_on_the_proxys_port_is_reached_through_it(
    names: dict[str, frozenset[str]],
) -> None:
    limits = guard(HOMES[0], proxy=PROXY, no_proxy="other.example")
    assert not limits.address_refused(origin("http://x.example:3128/"), "10.0.0.9", 3128)


@pytest.mark.parametrize(
    ("options", "refused"), [({}, True), ({"allow_downgrade": True}, False)], ids=str
)
def test_a_manifest_from_https_may_not_name_http(options: dict[str, bool], refused: bool) -> None:
    limits = guard("https://h/m.mpd", **options)
    assert (limits.refusal(origin("http://h/a")) is not None) is refused
    assert limits.refusal(origin("https://other/a")) is None
    assert guard("http://h/m.mpd").refusal(origin("http://h/a")) is None
