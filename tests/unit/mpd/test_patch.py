"""A patch is applied as RFC 5261 and 5.15 say, or refused by name."""

from __future__ import annotations

import pytest

from dashget.errors import DashGetError, UnsupportedMPDError
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.patch import PatchError, apply_patch, is_alike, is_same

BEFORE = "2024-04-16T07:34:38Z"
AFTER = "2024-04-16T07:34:42Z"
TIME = f'<replace sel="/MPD/@publishTime">{AFTER}</replace>'
DOCUMENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:xlink="http://www.w3.org/1999/xlink" id="base" \
publishTime="{BEFORE}" type="dynamic"><!--one--><PatchLocation ttl="60">old.mpp</PatchLocation>
<Period id="P0"><BaseURL>a/</BaseURL>text<AdaptationSet id="1" lang="en"><SegmentTimeline><S \
t="0" d="10" r="2"/><S d="11"/><S d="10"/></SegmentTimeline></AdaptationSet>
<AdaptationSet id="2"><Role value="main"/></AdaptationSet></Period> \
<Period id="P1" xlink:href="p.xml"/></MPD>
"""


def patch(
    operations: str,
    *,
    attributes: str = f'mpdId="base" originalPublishTime="{BEFORE}" publishTime="{AFTER}"',
    namespaces: str = 'xmlns="urn:mpeg:dash:schema:mpd-patch:2020"',
) -> bytes:
    return f"<Patch {namespaces} {attributes}>{operations}</Patch>".encode()


def applied(operations: str, document: str = DOCUMENT, **more: str) -> str:
    return apply_patch(document.encode(), patch(TIME + operations, **more), Budget()).decode()


def outcome(operations: str, before: str, after: str, **more: str) -> None:
    """Check that the document differs in its time and in one more text."""
    assert DOCUMENT.count(before) == 1
    expected = DOCUMENT.replace(BEFORE, AFTER).replace(before, after)
    assert applied(operations, **more) == expected


ROWS = "/MPD/Period[@id='P0']/AdaptationSet[@id='1']/SegmentTimeline"


@pytest.mark.parametrize(
    ("operations", "before", "after"),
    [
        ("", BEFORE, AFTER),
        (f'<add sel="{ROWS}"><S d="9"/></add>', '<S d="10"/></', '<S d="10"/><S d="9"/></'),
        (f'<add sel="{ROWS}/S[2]" pos="after"><S d="9"/></add>', 'd="11"', 'd="11"/><S d="9"'),
        (f'<add sel="{ROWS}/S[2]" pos="before"><S d="9"/></add>', '<S d="11', '<S d="9"/><S d="11'),
        (
            f'<remove sel="{ROWS}/S[1]"/><add sel="{ROWS}" pos="prepend"><S t="10" d="10"/></add>',
            't="0" d="10" r="2"', 't="10" d="10"',
        ),
        (f'<replace sel="{ROWS}/S[1]/@r">3</replace>', 'r="2"', 'r="3"'),
        (f'<remove sel="{ROWS}/S[1]/@r"/>', ' r="2"', ""),
        (f'<add sel="{ROWS}/S[3]" type="@r">4</add>', '<S d="10"/>', '<S d="10" r="4"/>'),
        (f'<remove sel="{ROWS}/S[@d=\'11\']"/>', '<S d="11"/>', ""),
        (f'<remove sel="{ROWS}/S[last()]"/>', '<S d="10"/>', ""),
        (f'<remove sel="{ROWS}/*[2]"/>', '<S d="11"/>', ""),
        (f'<remove sel="{ROWS}/S[position()=2]"/>', '<S d="11"/>', ""),
        (f'<remove sel="{ROWS}/S[@d=\'10\'][2]"/>', '<S d="10"/>', ""),
        ('<replace sel="/MPD/PatchLocation[1]"><PatchLocation>n</PatchLocation></replace>',
         '<PatchLocation ttl="60">old.mpp<', "<PatchLocation>n<"),
        ('<replace sel="/MPD/PatchLocation">\n  <PatchLocation>n</PatchLocation>\n</replace>',
         '<PatchLocation ttl="60">old.mpp<', "<PatchLocation>n<"),
        ('<replace sel="/MPD/PatchLocation/text()">a&amp;&lt;b</replace>', "old.mpp", "a&amp;&lt;b"),
        ('<replace sel="/MPD/Period[BaseURL=\'a/\']/@id">a&#10;&quot;</replace>',
         '"P0"', '"a&#10;&quot;"'),
        ('<remove sel="MPD/Period[1]/text()[1]"/>', "text", ""),
        ('<remove sel="/MPD/comment()"/>', "<!--one-->", ""),
        ('<remove sel="/MPD/Period[@id=\'P0\']/BaseURL[.=\'a/\']"/>', "<BaseURL>a/</BaseURL>", ""),
        ('<remove sel="/MPD/Period[2]" ws="before"/>', ' <Period id="P1" xlink:href="p.xml"/>', ""),
        ('<remove sel="/*/PatchLocation" ws="after"/>',
         '<PatchLocation ttl="60">old.mpp</PatchLocation>\n', ""),
        ('<replace sel="/MPD/Period[@id=\'P1\']/@xlink:href">q.xml</replace>', "p.xml", "q.xml"),
        ('<add sel="/MPD/Period[1]/AdaptationSet[2]"><Label>x</Label><!--c--></add>',
         '<Role value="main"/>', '<Role value="main"/><Label>x</Label><!--c-->'),
        ('<add sel="/MPD" pos="prepend"><Location>l</Location></add>',
         "<!--one-->", "<Location>l</Location><!--one-->"),
        ('<add sel="/MPD/Period[2]" type="@start">PT9S</add>',
         'xlink:href="p.xml"', 'xlink:href="p.xml" start="PT9S"'),
    ],
)  # fmt: skip
def test_each_operation_changes_what_it_names_and_nothing_else(
    operations: str, before: str, after: str
) -> None:
    outcome(operations, before, after)


@pytest.mark.parametrize(
    "namespaces",
    [
        "",
        'xmlns="urn:mpeg:dash:schema:mpd:2011"',
        'xmlns="urn:mpeg:dash:schema:mpd-patch:2020" xmlns:m="urn:mpeg:dash:schema:mpd:2011"',
    ],
)
def test_names_without_prefix_are_those_of_dash_whatever_the_patch_declares(
    namespaces: str,
) -> None:
    operation = '<add sel="/MPD/Period[2]"><BaseURL>b/</BaseURL></add>'
    if "mpd:2011" in namespaces and "xmlns:m" not in namespaces:
        with pytest.raises(PatchError, match="is an element of"):
            applied(operation, namespaces=namespaces)
        return
    expected = 'href="p.xml"><BaseURL>b/</BaseURL></Period>'
    outcome(operation, 'href="p.xml"/>', expected, namespaces=namespaces)
    if "xmlns:m" in namespaces:
        prefixed = '<add sel="/m:MPD/m:Period[2]"><m:BaseURL>b/</m:BaseURL></add>'
        outcome(prefixed, 'href="p.xml"/>', expected, namespaces=namespaces)


def test_a_prefix_of_the_patch_is_declared_where_its_element_goes() -> None:
    operation = '<add sel="/MPD/Period[2]"><x:Note xlink:a="1" x:b="2"/></add>'
    got = applied(
        operation, namespaces='xmlns:x="urn:x" xmlns:xlink="http://www.w3.org/1999/xlink"'
    )
    assert '<x:Note xmlns:x="urn:x" xlink:a="1" x:b="2"/></Period>' in got


def test_a_document_with_a_prefix_for_dash_gets_elements_with_it() -> None:
    document = (
        f'<d:MPD xmlns:d="urn:mpeg:dash:schema:mpd:2011" id="base" publishTime="{BEFORE}">'
        "<d:Period/></d:MPD>"
    )
    got = applied('<add sel="/MPD/Period"><BaseURL>b</BaseURL></add>', document)
    assert "<d:Period><d:BaseURL>b</d:BaseURL></d:Period>" in got


def test_the_time_is_set_if_no_operation_does() -> None:
    got = apply_patch(DOCUMENT.encode(), patch(f'<remove sel="{ROWS}/S[1]"/>'), Budget()).decode()
    assert f'publishTime="{AFTER}"' in got


def test_times_are_compared_as_times() -> None:
    attributes = (
        f'mpdId="base" originalPublishTime="2024-04-16T09:34:38.0+02:00" publishTime="{AFTER}"'
    )
    outcome("", BEFORE, AFTER, attributes=attributes)


@pytest.mark.parametrize(
    "attributes",
    [
        f'mpdId="other" originalPublishTime="{BEFORE}" publishTime="{AFTER}"',
        f'originalPublishTime="{BEFORE}" publishTime="{AFTER}"',
        f'mpdId="base" originalPublishTime="{AFTER}" publishTime="{AFTER}"',
        f'mpdId="base" publishTime="{AFTER}"',
        f'mpdId="base" originalPublishTime="{BEFORE}"',
        f'mpdId="base" originalPublishTime="{BEFORE}" publishTime="{BEFORE}"',
        f'mpdId="base" originalPublishTime="{BEFORE}" publishTime="2024-04-16T07:34:43Z"',
        f'mpdId="base" originalPublishTime="{BEFORE}" publishTime="2024-04-16T07:34:30Z"',
        'mpdId="base" originalPublishTime="yes" publishTime="no"',
    ],
)
def test_a_patch_for_another_mpd_is_refused(attributes: str) -> None:
    with pytest.raises(PatchError):
        applied("", attributes=attributes)


@pytest.mark.parametrize(
    "operation",
    [
        '<add sel="/MPD/Period">x</add>',
        '<add sel="/MPD/Nothing">x</add>',
        '<add sel="//Period">x</add>',
        '<add sel="/MPD/Period[0]">x</add>',
        '<add sel="/MPD/Period[1">x</add>',
        '<add sel="">x</add>',
        '<add sel="/">x</add>',
        "<add>x</add>",
        '<add sel="/MPD/@id">x</add>',
        '<add sel="/MPD" pos="inside">x</add>',
        '<add sel="/MPD" pos="before"><MPD/></add>',
        '<add sel="/MPD" type="@id">x</add>',
        '<add sel="/MPD" type="@a b">x</add>',
        '<add sel="/MPD" type="@xmlns">x</add>',
        '<add sel="/MPD" type="element">x</add>',
        '<add sel="/MPD" type="@new"><x/></add>',
        '<add sel="/MPD/comment()">x</add>',
        '<add sel="/MPD" type="namespace::xlink">x</add>',
        '<add sel="/u:MPD">x</add>',
        '<remove sel="/MPD"/>',
        '<remove sel="/MPD/@none"/>',
        '<remove sel="/MPD/Period[1]">x</remove>',
        '<remove sel="/MPD/Period[1]/BaseURL" ws="both"/>',
        '<remove sel="/MPD/Period[1]" ws="all"/>',
        '<remove sel="/MPD/@id/x"/>',
        '<replace sel="/MPD/@id"><x/></replace>',
        '<replace sel="/MPD/Period[1]">text</replace>',
        '<replace sel="/MPD/Period[1]"><A/><B/></replace>',
        '<replace sel="/MPD/Period[1]/text()[1]"><x/></replace>',
        "<replace sel=\"id('P0')\"><x/></replace>",
        '<move sel="/MPD"/>',
        '<remove sel="/MPD/Period[1]"/>' * 3,
    ],
)
def test_an_operation_that_does_not_fit_is_refused_by_name(operation: str) -> None:
    with pytest.raises(PatchError) as caught:
        applied(operation)
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("text", [b"", b"<html/>", b"<Patch", b"<MPD/>", b"\0", b"<Patch/>"])
def test_what_is_no_patch_is_a_named_error(text: bytes) -> None:
    with pytest.raises(DashGetError):
        apply_patch(DOCUMENT.encode(), text, Budget())


def test_an_empty_patch_of_the_same_time_says_that_nothing_has_changed() -> None:
    same = f'mpdId="base" originalPublishTime="{BEFORE}" publishTime="{BEFORE}"'
    assert is_same(patch("", attributes=same), Budget())
    assert not is_same(patch(TIME), Budget())


def test_work_is_bounded() -> None:
    many = "".join(f'<add sel="{ROWS}"><S d="{n}"/></add>' for n in range(3000))
    with pytest.raises(UnsupportedMPDError):
        apply_patch(
            DOCUMENT.encode(), patch(many), Budget(WorkLimits(work_per_byte=1, least_work=0))
        )
    deep = "".join(f'<add sel="{"/*[1]" * 2}{"/a" * n}"><a/></add>' for n in range(62))
    document = DOCUMENT.replace("<!--one-->", "<a/>")
    assert applied(deep, document).count("<a>") > 50


@pytest.mark.parametrize(
    ("before", "after", "alike"),
    [
        ("<!--one-->", "", True),
        ("old.mpp", "new.mpp", True),
        ('<S d="11"/>', '\n<S  d="11"></S>\n', True),
        ('id="1" lang="en"', 'lang="en" id="1"', True),
        ("text", " text\n", True),
        ("text", "words", False),
        ('d="11"', 'd="12"', False),
        ('<S d="11"/>', "", False),
        ('<S d="11"/><S d="10"/>', '<S d="10"/><S d="11"/>', False),
        ('<Role value="main"/>', '<Role xmlns="urn:x" value="main"/>', False),
        ('<Role value="main"/>', '<Label value="main"/>', False),
        ("a/", "b/", False),
    ],
)
def test_two_documents_are_alike_if_they_say_the_same(before: str, after: str, alike: bool) -> None:
    assert DOCUMENT.count(before) == 1
    other = DOCUMENT.replace(before, after)
    assert is_alike(DOCUMENT.encode(), other.encode(), Budget()) == alike


def test_prefixes_do_not_make_documents_differ() -> None:
    other = b'<m:MPD xmlns:m="urn:mpeg:dash:schema:mpd:2011" id="a"><m:Period/></m:MPD>'
    one = b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="a"><Period/></MPD>'
    assert is_alike(one, other, Budget())
