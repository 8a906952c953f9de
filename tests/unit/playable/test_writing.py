"""A tree is read and written as it stands: prefixes, comments, order, and every character."""

from __future__ import annotations

import pytest
from lxml import etree

from dashget.mpd.budget import Budget
from dashget.mpd.parse import accepted
from dashget.playable.reading import read
from dashget.playable.tree import Element
from dashget.playable.writing import write

DASH = "urn:mpeg:dash:schema:mpd:2011"
PLAIN = [
    "<MPD xmlns='{}'/>",
    "<MPD xmlns='{}'> a <!-- b --> c <?d e?> f <Period/> g </MPD>",
    "<?p q?><!-- before --><MPD xmlns='{}'>\n  <Period id='1'/>\n</MPD><!-- behind -->",
    "<m:MPD xmlns:m='{}' xmlns:x='urn:x'><m:Period x:a='1' b='2'/><x:y><x:z/></x:y></m:MPD>",
    "<MPD xmlns='{}'><a xmlns='urn:a'><b xmlns=''><c/></b></a><Period/></MPD>",
    "<MPD xmlns='{}' xmlns:x='urn:1'><a xmlns:x='urn:2'><x:b x:c=''/></a><x:d/></MPD>",
    "<MPD xmlns='{}' a='&lt;&amp;&quot;&#9;&#10;&#13;&gt;'>&lt;&amp;&gt;&#13;<![CDATA[<&]]></MPD>",
    "<MPD xmlns='{}' xml:lang='é&#x1F600;'>é&#x1F600;</MPD>",
    "<MPD xmlns='{}'><SegmentTimeline>\n <S t='1' d='2' r='3'/>\n <S d='4' x='5'/>\n<S d='6'>"
    "<a/></S><S d='7'> b </S><S d='8'/>c&amp;<!-- e --><S d='9'/></SegmentTimeline></MPD>",
    "<m:MPD xmlns:m='{}'><m:SegmentTimeline><m:S d='1'/><S xmlns='{}' d='2'/></m:SegmentTimeline></m:MPD>",
]  # fmt: skip
ODD = [
    "<MPD><Period/></MPD>",
    "<x:MPD><x:Period y:z='1'/></x:MPD>",
    "<MPD xmlns='a b'><x:y xmlns:x='a%20b'/></MPD>",
    "<MPD xmlns='http://www.w3.org/XML/1998/namespace'><Period/></MPD>",
    "<MPD xmlns='http://www.w3.org/2000/xmlns/'><Period/></MPD>",
    "<MPD xmlns='{}' xmlns:xml='urn:f'><xml:a xml:b=''/></MPD>",
    "<MPD xmlns='{}' xmlns:xmlns='urn:f'><xmlns:a xmlns:b=''/></MPD>",
    "<MPD xmlns='{}' xmlns:a:b='urn:f'><a:b:c a:b:d='' a:b='1'/></MPD>",
    "<MPD xmlns='{}' xmlns:x=''><x:a x:b=''/></MPD>",
    "<m:MPD xmlns:m='{}'><m:1 m:1='' m:-='' m:xmlns='urn:x' m:a:b=''/></m:MPD>",
    "<m:MPD xmlns:m='{}'><m:Period xmlns='urn:f'><a><m:b/></a></m:Period></m:MPD>",
    "<MPD xmlns='{}'><Period xmlns='urn:f'><AdaptationSet/><f/></Period></MPD>",
    "<MPD xmlns='{}'><Period xmlns=''><f xmlns='urn:g'><h xmlns=''/></f></Period></MPD>",
    "<MPD xmlns='{}' xmlns:a='\n urn:a '><a:b a:c=''/></MPD>",
    "<MPD xmlns='{}' xmlns:a='é ü'><a:b a:c=''/></MPD>",
    "<MPD xmlns='{}' xmlns:ns1='urn:1'><a xmlns:x:y='urn:2' x:y:z='' ns1:b=''/></MPD>",
]


def canonical(document: bytes) -> bytes:
    """Return a document as another parser reads it."""
    return etree.tostring(etree.fromstring(document), method="c14n")


def rewritten(data: bytes) -> bytes:
    document = read(data, Budget())
    return write(document.root, document.namespace, Budget())


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_read_is_written_with_the_same_meaning(text: str) -> None:
    data = text.replace("{}", DASH).encode()
    assert canonical(rewritten(data)) == canonical(data)


@pytest.mark.parametrize("text", ODD)
def test_a_document_that_no_other_parser_takes_becomes_one_that_all_take(text: str) -> None:
    data = text.replace("{}", DASH).encode()
    once = rewritten(accepted(data, bytes, Budget()))
    assert etree.fromstring(once) is not None
    assert rewritten(once) == once


def test_a_character_that_xml_excludes_is_replaced() -> None:
    root = Element("MPD", {"a": "\0\ud800\x1b"})
    root.text = "\uffff\x0b"
    expected = "\ufffd"
    written = etree.fromstring(write(root, DASH, Budget()))
    assert (written.get("a"), written.text) == (expected * 3, expected * 2)


def test_nodes_move_and_leave_with_the_text_that_belongs_to_them() -> None:
    data = b"<MPD> a <One/> b <Two/> c <Three/> d </MPD>"
    root = read(data, Budget()).root
    one, two, three = root
    two.remove()
    assert (one.tail, [child.name for child in root]) == (" b  c ", ["One", "Three"])
    three.take_out()
    root.insert(three, one)
    assert [child.name for child in root] == ["Three", "One"]
    root.append(two)
    assert root.find("Two") is two
    one.remove()
    assert three.tail == " d  b  c "
    assert root.find("One") is None
