"""URL references: the examples of RFC 3986, 5.4, and odd ones from MPDs."""

from __future__ import annotations

import pytest

from dashget.mpd.markers import FIRST_MARKER, LAST_MARKER
from dashget.mpd.urls import is_absolute, resolve_reference

BASE = "http://a/b/c/d;p?q"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("g:h", "g:h"),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        ("g#s", "http://a/b/c/g"),
        (";x", "http://a/b/c/;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        (".g", "http://a/b/c/.g"),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
    ],
)
def test_references_resolve_as_in_rfc_3986(reference: str, expected: str) -> None:
    assert resolve_reference(BASE, reference) == expected


def test_a_base_without_a_path_gets_a_slash() -> None:
    assert resolve_reference("http://h", "a/b") == "http://h/a/b"


def test_the_query_of_a_base_is_not_inherited() -> None:
    assert resolve_reference("http://h/m.mpd?token=1", "seg/") == "http://h/seg/"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("a b", "http://h/a%20b"),
        ("ü", "http://h/%C3%BC"),
        ("a%20b", "http://h/a%20b"),
        ("100%", "http://h/100%25"),
        ("%zz", "http://h/%25zz"),
        ("{x}", "http://h/%7Bx%7D"),
        ('"<>^`|\\', "http://h/%22%3C%3E%5E%60%7C%5C"),
        ("a?b c", "http://h/a?b%20c"),
        ("a(b)!$&'*+,;=:@~", "http://h/a(b)!$&'*+,;=:@~"),
    ],
)
def test_illegal_characters_are_encoded_and_encoded_ones_stay(
    reference: str, expected: str
) -> None:
    assert resolve_reference("http://h/", reference) == expected


@pytest.mark.parametrize("marker", [FIRST_MARKER, LAST_MARKER])
@pytest.mark.parametrize("beside", ["", "é"])
def test_template_markers_pass_through(marker: str, beside: str) -> None:
    resolved = resolve_reference("http://h/d/", f"a{beside}/{marker}.m4s")
    assert resolved == f"http://h/d/a{'%C3%A9' if beside else ''}/{marker}.m4s"


def test_other_private_use_characters_are_percent_encoded() -> None:
    other = chr(ord(LAST_MARKER) + 1)
    assert resolve_reference("http://h/d/", f"a/{other}.m4s") == "http://h/d/a/%EE%90%80.m4s"


def test_white_space_around_and_line_breaks_inside_are_dropped() -> None:
    assert resolve_reference("http://h/", "\n  a/\n b/ ") == "http://h/a/%20b/"


def test_a_data_url_stays_as_it_is() -> None:
    assert resolve_reference("http://h/", "data:text/plain,a b") == "data:text/plain,a b"


def test_a_scheme_makes_a_reference_absolute() -> None:
    assert is_absolute(" https://h/ ")
    assert not is_absolute("//h/a")
    assert not is_absolute("a/b:c")


@pytest.mark.parametrize(
    "reference", ["http://x #y", "//x\x1d#y", "http://x \x85#\udcb6", "//x\t #"]
)
def test_what_is_resolved_is_the_same_when_it_is_resolved_again(reference: str) -> None:
    found = resolve_reference("http://h/a/", reference)
    assert found == resolve_reference("http://h/a/", found) == "http://x"
