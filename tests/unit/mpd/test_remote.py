"""Remote elements (5.5): listed, replaced by fetched bytes, never fetched here."""

from __future__ import annotations

from dashget.mpd.model import MPD
from dashget.mpd.parse import parse_mpd
from dashget.mpd.remote import include_remote

HEAD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'profiles="p" minBufferTime="PT2S">'
)


def parse(body: str) -> MPD:
    return parse_mpd(f"{HEAD}\n{body}\n</MPD>".encode(), url="http://h/m.mpd")


def test_remote_elements_to_fetch_are_listed_with_their_place() -> None:
    mpd = parse(
        "<Period/>\n<Period xlink:href=' ad.xml '><AdaptationSet xlink:href='a.xml'/></Period>"
    )
    assert [(r.element, r.href, r.where, r.line) for r in mpd.remote] == [
        ("Period", "ad.xml", "MPD/Period[2]", 3),
        ("AdaptationSet", "a.xml", "MPD/Period[2]/AdaptationSet[1]", 3),
    ]


def test_a_document_without_remote_elements_needs_nothing() -> None:
    mpd = parse("<Period/>")
    assert mpd.remote == ()
    assert include_remote(mpd, {"x": b"<Period/>"}) is mpd


def test_remote_elements_that_were_not_fetched_stay_remote() -> None:
    mpd = parse("<Period xlink:href='a.xml'/><Period xlink:href='b.xml'/>")
    mpd = include_remote(mpd, {"a.xml": b"<Period id='a'/>"})
    assert [r.href for r in mpd.remote] == ["b.xml"]
    assert mpd.url == "http://h/m.mpd"
    mpd = include_remote(mpd, {"b.xml": b"<Period id='b'/><Period id='c'/>"})
    assert [p.id for p in mpd.periods] == ["a", "b", "c"]
    assert mpd.remote == ()


def test_a_remote_entity_may_have_an_xml_declaration_a_byte_order_mark_and_other_prefixes() -> None:
    data = (
        b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<!-- ad -->"
        b"<d:Period xmlns:d='urn:mpeg:dash:schema:mpd:2011' id='a'/>"
    )
    mpd = include_remote(parse("<Period xlink:href='a.xml'/>"), {"a.xml": data})
    assert [p.id for p in mpd.periods] == ["a"]


def test_an_empty_remote_entity_removes_the_element() -> None:
    mpd = include_remote(parse("<Period id='x' xlink:href='a.xml'/>"), {"a.xml": b" \n"})
    assert mpd.periods == ()


def test_a_remote_entity_that_is_not_xml_is_a_warning_and_the_content_stays() -> None:
    mpd = include_remote(parse("<Period id='own' xlink:href='a.xml'/>"), {"a.xml": b"<html>Gone"})
    assert [p.id for p in mpd.periods] == ["own"]
    assert "the document is an HTML page" in mpd.warnings[0].message
    assert mpd.warnings[0].where == "MPD/Period[1]"


def test_elements_of_a_remote_entity_have_no_line_numbers() -> None:
    mpd = include_remote(
        parse("<Period xlink:href='a.xml'/>"), {"a.xml": b"\n\n<Period><AdaptationSet/></Period>"}
    )
    assert mpd.periods[0].line is None
    assert mpd.periods[0].adaptation_sets[0].where == "MPD/Period[1]/AdaptationSet[1]"


def test_warnings_about_the_xml_are_kept_after_inclusion() -> None:
    mpd = parse("<Period xlink:href='a.xml'><X y:z='1'/></Period>")
    mpd = include_remote(mpd, {"a.xml": b"<Period/>"})
    assert [w.message for w in mpd.warnings] == ["undeclared prefix: 'y'"]
