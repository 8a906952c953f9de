"""Which addresses are public."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.transfer.http.addresses import is_private, is_public

PUBLIC = ("93.184.216.34", "8.8.8.8", "2606:2800::1", "2a00:1450:4001::1")
PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "0.0.0.0",
    "0.1.2.3", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "2606:2800::1%eth0", "fc00::1", "fd00:ec2::254",
    "fec0::1", "feff::1", "ff02::1", "ff0e::1", "100::1", "2001:db8::1", "64:ff9b:1::808:808",
    "64:ff9b:1:ffff::1", "100:0:0:1::1", "3fff::1", "3fff:fff::1", "5f00::1", "2001:2::1",
    "192.0.0.8", "192.0.0.9", "192.88.99.1", "2002:808:808::1", "2001:0:808:808::1", "::8.8.8.8", "::ffff:0:8.8.8.8", "4000::1", "",
    "x.example",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_and_what_is_none(address: str) -> None:
    assert not is_public(address)


FORMS = {
    "mapped": lambda number: 0xFFFF << 32 | number,
    "compatible": lambda number: number,
    "translated": lambda number: 0x64FF9B << 96 | number,
    "translated here": lambda number: 0x64FF9B0001 << 80 | number,
    "SIIT": lambda number: 0xFFFF << 48 | number,
    "6to4": lambda number: 0x2002 << 112 | number << 80,
    "Teredo": lambda number: 0x20010000 << 96 | (number ^ 0xFFFFFFFF),
    "ISATAP": lambda number: 0x26062800 << 96 | 0x5EFE << 32 | number,
    "ISATAP, universal": lambda number: 0x26062800 << 96 | 0x02005EFE << 32 | number,
}
"""Every way to write an IPv4 address into one of IPv6."""


@given(st.ip_addresses(v=4), st.sampled_from(sorted(FORMS)))
def test_no_form_makes_a_private_address_public(address: ipaddress.IPv4Address, form: str) -> None:
    inside = str(ipaddress.IPv6Address(FORMS[form](int(address))))
    assert is_public(str(address)) or not is_public(inside)


@given(st.ip_addresses(v=4))
def test_public_hosts_are_reached_from_networks_without_ipv4(
    address: ipaddress.IPv4Address,
) -> None:
    for form in ("mapped", "translated"):
        inside = str(ipaddress.IPv6Address(FORMS[form](int(address))))
        assert is_public(inside) is is_public(str(address))


@given(st.ip_addresses())
def test_nothing_is_public_that_the_registries_do_not_call_so(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert address.is_global or not is_public(str(address)) or str(address).startswith("::ffff:")


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("localhost", True), ("LOCALHOST.", True), ("a.localhost", True), ("127.0.0.1", True),
        ("::1", True), ("fe80::1%eth0", True), ("8.8.8.8", False), ("x.example", False),
        ("localhost.example", False), ("notlocalhost", False),
    ],
)  # fmt: skip
def test_a_host_is_judged_by_its_own_text(host: str, private: bool) -> None:
    assert is_private(host) is private
