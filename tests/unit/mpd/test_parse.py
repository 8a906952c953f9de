"""Parsing documents: MPDs, other formats, and mistakes that are mended."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.common.byterange import ByteRange
from dashget.errors import Issue, MPDSyntaxError, UnsupportedMPDError
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import MPD
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve

HEAD = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT2S"'


def parse(body: str, attributes: str = "") -> MPD:
    return parse_mpd(f"{HEAD} {attributes}>\n{body}\n</MPD>".encode())


def messages(mpd: MPD) -> str:
    return "\n".join(str(issue) for issue in (*mpd.warnings, *mpd.problems))


@pytest.mark.parametrize(
    ("data", "appearance"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"<!DOCTYPE html><html><head><title>404  Not\nFound</title>", "titled '404 Not Found'"),
        (b"<html><body>Sign in</body></html>", "an HTML page"),
        (b"\n<!-- x --><HTML>", "an HTML page"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "an HLS playlist"),
        (b'{"error": "not found"}', "JSON"),
        (b"[1]", "JSON"),
        (b"\x1f\x8b\x08\x00", "a gzip file"),
        (b"\x00\x00\x00\x18ftypmp42", "an ISO media file"),
        (b"\x1a\x45\xdf\xa3\x01", "a WebM"),
        (b"Not Found", "text without any XML"),
        (b"PK\x03\x04\0\0", "a ZIP archive"),
        (b"# mine\r\n\r\nhttps://example.com/a.mpd\r\n", "a list of URLs"),
        (b'<?xml version="1.0"?><SmoothStreamingMedia/>', "a Smooth Streaming manifest"),
    ],
)
def test_documents_of_other_formats_are_refused_by_the_name_of_the_format(
    data: bytes, appearance: str
) -> None:
    with pytest.raises(MPDSyntaxError, match=appearance) as caught:
        parse_mpd(data)
    assert caught.value.hint


def test_another_root_element_is_refused_by_name() -> None:
    with pytest.raises(MPDSyntaxError, match="the root element is Period, not MPD"):
        parse_mpd(b"<Period/>")


def test_the_error_for_a_truncated_document_has_the_line() -> None:
    with pytest.raises(
        MPDSyntaxError, match=r"ends too early, in line 3 inside MPD/Period"
    ) as caught:
        parse_mpd(f"{HEAD}>\n<Period>\n<AdaptationSet".encode())
    assert "truncated" in str(caught.value.hint)


def test_a_document_that_ends_inside_the_root_tag_is_truncated() -> None:
    with pytest.raises(MPDSyntaxError, match="ends too early, in line 1"):
        parse_mpd(HEAD.encode())


def test_the_error_for_malformed_xml_has_line_and_column() -> None:
    with pytest.raises(MPDSyntaxError, match="mismatched tag in line 2, column 11"):
        parse_mpd(f"{HEAD}>\n<Period></Perjod></MPD>".encode())


@pytest.mark.parametrize(
    "subset", ['[<!ENTITY a "aaaa">]', "[]", 'SYSTEM "x.dtd" [<!ELEMENT a ANY>]']
)
def test_a_document_type_declaration_with_a_subset_is_refused(subset: str) -> None:
    bomb = f"<!DOCTYPE MPD {subset}><MPD>&a;</MPD>".encode()
    with pytest.raises(MPDSyntaxError, match="document type declaration"):
        parse_mpd(bomb)


def test_an_entity_of_an_external_subset_is_an_error() -> None:
    with pytest.raises(MPDSyntaxError, match="undefined entity"):
        parse_mpd(f'<!DOCTYPE MPD SYSTEM "x.dtd">{HEAD}><BaseURL>&a;</BaseURL></MPD>'.encode())


def test_an_undefined_entity_is_an_error() -> None:
    with pytest.raises(MPDSyntaxError, match="undefined entity"):
        parse("<Period id='&nbsp;'/>")


def test_size_elements_and_depth_are_limited() -> None:
    with pytest.raises(UnsupportedMPDError, match="more than the limit of 10"):
        parse_mpd(b"<MPD></MPD>", budget=Budget(WorkLimits(max_bytes=10)))
    with pytest.raises(UnsupportedMPDError, match="more than 3 elements"):
        parse_mpd(b"<MPD><a/><a/><a/></MPD>", budget=Budget(WorkLimits(max_elements=3)))
    with pytest.raises(MPDSyntaxError, match="nested more than 3 deep"):
        parse_mpd(b"<MPD><a><a><a/></a></a></MPD>", budget=Budget(WorkLimits(max_depth=3)))


def test_rows_of_a_timeline_count_as_elements() -> None:
    rows = b"<S d='1'/>" * 10
    document = b"<MPD><Period><SegmentTemplate><SegmentTimeline>" + rows
    with pytest.raises(UnsupportedMPDError, match="more than 9 elements"):
        parse_mpd(document, budget=Budget(WorkLimits(max_elements=9)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_byte_order_marks_and_utf_16_are_read(encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    text = f"{HEAD}><Period id='é'/></MPD>"
    assert parse_mpd(mark + text.encode(encoding)).periods[0].id == "é"


def test_an_xml_declaration_may_name_another_encoding() -> None:
    text = f"<?xml version='1.0' encoding='ISO-8859-1'?>{HEAD}><Period id='é'/></MPD>"
    assert parse_mpd(text.encode("latin-1")).periods[0].id == "é"


@pytest.mark.parametrize(
    ("declared", "actual"),
    [("utf8", "utf-8"), ("utf-16", "utf-8"), ("us-ascii", "utf-8"), ("iso-8859-1", "utf-8-sig")],
)
def test_a_wrong_encoding_declaration_is_mended_with_a_warning(declared: str, actual: str) -> None:
    text = f"<?xml version='1.0' encoding='{declared}'?>{HEAD}><Period id='é'/></MPD>"
    mpd = parse_mpd(text.encode(actual))
    assert mpd.periods[0].id == "é"
    assert "a wrong encoding declaration" in messages(mpd)


@pytest.mark.parametrize("declared", ["cp1252", "Shift_JIS", "GB2312", "EUC-KR", "ISO-8859-5"])
def test_a_declared_encoding_that_extends_ascii_is_read(declared: str) -> None:
    letter = {"cp1252": "é", "Shift_JIS": "ア", "GB2312": "中", "EUC-KR": "한"}.get(declared, "Ж")
    text = f"<?xml version='1.0' encoding='{declared}'?>{HEAD}><Period id='{letter}'/></MPD>"
    mpd = parse_mpd(text.encode(declared))
    assert mpd.periods[0].id == letter
    assert "encoding" not in messages(mpd)


def test_an_unknown_encoding_is_an_error() -> None:
    with pytest.raises(MPDSyntaxError, match="unknown encoding: klingon in line 1"):
        parse_mpd(f"<?xml version='1.0' encoding='klingon'?>{HEAD}/>".encode())


def test_another_namespace_is_read_with_a_warning() -> None:
    mpd = parse_mpd(b'<MPD xmlns="urn:mpeg:DASH:schema:MPD:2011"><Period id="p"/></MPD>')
    assert mpd.periods[0].id == "p"
    assert "the namespace is 'urn:mpeg:DASH:schema:MPD:2011'" in messages(mpd)


def test_no_namespace_is_read_with_a_warning() -> None:
    assert "no namespace is declared" in messages(parse_mpd(b"<MPD/>"))


def test_a_prefixed_document_is_the_same_document() -> None:
    text = (
        '<d:MPD xmlns:d="urn:mpeg:dash:schema:mpd:2011"><d:Period><d:AdaptationSet>'
        "<d:SegmentTemplate><d:SegmentTimeline><d:S d='2'/></d:SegmentTimeline>"
        "</d:SegmentTemplate></d:AdaptationSet></d:Period></d:MPD>"
    )
    template = parse_mpd(text.encode()).periods[0].adaptation_sets[0].segment_template
    assert template is not None
    assert template.timeline is not None
    assert list(template.timeline) == [(None, 2, 0, None, None)]


def test_elements_of_other_namespaces_are_ignored() -> None:
    mpd = parse('<Period xmlns:x="urn:x"><x:AdaptationSet/><AdaptationSet id="1"/></Period>')
    assert [a.id for a in mpd.periods[0].adaptation_sets] == ["1"]


def test_undeclared_prefixes_have_their_usual_meaning_with_one_warning() -> None:
    mpd = parse(
        "<Period><AdaptationSet>"
        '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" cenc:default_KID="K1"/>'
        '<ContentProtection schemeIdUri="urn:uuid:X"><cenc:pssh>AAAA</cenc:pssh>'
        "</ContentProtection>"
        "</AdaptationSet></Period>"
    )
    first, second = mpd.periods[0].adaptation_sets[0].protections
    assert first.default_kid == "K1"
    assert second.pssh == ("AAAA",)
    assert [w.message for w in mpd.warnings] == ["undeclared prefix: 'cenc'"]


def test_a_missing_space_between_attributes_is_mended_with_a_warning() -> None:
    mpd = parse('<Period id="p"start="PT0S"><BaseURL>a="b"c</BaseURL></Period>')
    assert mpd.periods[0].start == 0
    assert mpd.periods[0].base_urls[0].url == 'a="b"c'
    assert "a missing space between two attributes" in messages(mpd)


def test_a_bare_ampersand_is_mended_with_a_warning() -> None:
    mpd = parse("<BaseURL>http://h/?a=1&b=2&amp;c=3</BaseURL>")
    assert mpd.base_urls[0].url == "http://h/?a=1&b=2&c=3"
    assert "an ampersand" in messages(mpd)


@pytest.mark.parametrize(
    "content",
    [
        b"<ProgramInformation><Title>Fran\xe7ais</Title></ProgramInformation>",
        b"<ProgramInformation><Title><![CDATA[a\x01]]></Title></ProgramInformation>",
        b"<ProgramInformation><Title>&#x1;</Title></ProgramInformation>",
        b"<Period><AdaptationSet lang='fr' label='Fran\xe7ais'/></Period>",
        b"<!-- \xff -->",
    ],
)
def test_a_stray_byte_outside_of_urls_is_replaced_with_a_warning(content: bytes) -> None:
    mpd = parse_mpd(f"{HEAD}>\n".encode() + content + b"</MPD>")
    assert "a stray byte, first in line 2, column" in messages(mpd)


@pytest.mark.parametrize(
    "content",
    [
        b"<BaseURL>\xe9/</BaseURL>",
        b"<Period><AdaptationSet><SegmentTemplate media='\xe9'/></AdaptationSet></Period>",
        b"<Period><AdaptationSet><Representation id='\x01'/></AdaptationSet></Period>",
    ],
)
def test_a_stray_byte_in_a_url_is_an_error(content: bytes) -> None:
    with pytest.raises(MPDSyntaxError, match="not well-formed XML"):
        parse_mpd(f"{HEAD}>".encode() + content + b"</MPD>")


def test_spaces_before_the_xml_declaration_are_mended_with_a_warning() -> None:
    mpd = parse_mpd(f"\n <?xml version='1.0'?>{HEAD}/>\0\0".encode())
    assert "spaces, NUL bytes or byte order marks around" in messages(mpd)


MARK = "\ufeff"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


@pytest.mark.parametrize(
    ("before", "after", "mended"),
    [
        (MARK + MARK, "", "byte order marks"),
        (f"\n {MARK}\r\n{MARK}", "", "byte order marks"),
        ("Warning: slow in a.php\n", "", "a text before"),
        ("HTTP/1.1 200 OK\r\n\r\n", "", "a text before"),
        ("<!-- a -->\n", "", "an XML declaration that is not at the beginning"),
        (DECLARATION, "", "an XML declaration that is not at the beginning"),
        ("", "\njunk", "a text behind"),
        ("", "<script>a < b</script>", "a text behind"),
        ("", "</MPD>", "a text behind"),
        ("", " & <", "a text behind"),
        ("", '<!DOCTYPE a [<!ENTITY b "c">]>&b;', "a text behind"),
        ("", "\0\0junk\0", "a text behind"),
        ("1f4\r\n", "\r\n0\r\n", "a text before the document, a text behind"),
    ],
)
def test_what_stands_around_a_document_is_left_out_with_a_warning(
    before: str, after: str, mended: str
) -> None:
    data = f"{before}{DECLARATION}{HEAD}><Period id='p'/></MPD>{after}".encode()
    mpd = parse_mpd(data)
    assert [period.id for period in mpd.periods] == ["p"]
    assert mended in messages(mpd)
    assert parse_mpd(data.removesuffix(after.encode())).periods == mpd.periods


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 6, 9, 15])
@pytest.mark.parametrize("before", ["", "junk\n", "<!-- a -->"])
def test_a_document_that_is_cut_off_stays_refused(cut: int, before: str) -> None:
    data = f"{before}{DECLARATION}{HEAD}><Period id='p'/></MPD>".encode()[:-cut]
    with pytest.raises(MPDSyntaxError):
        parse_mpd(data)


@pytest.mark.parametrize("again", [f"{DECLARATION}{HEAD}/>", "<a><MPD></a>", "<Period/>"])
def test_a_second_document_behind_the_first_stays_refused(again: str) -> None:
    with pytest.raises(MPDSyntaxError, match="junk after document element"):
        parse_mpd(f"{HEAD}><Period/></MPD>{again}".encode())


def test_a_declaration_of_another_encoding_behind_the_beginning_stays_refused() -> None:
    declared = b"<?xml version='1.0' encoding='ISO-8859-1'?>"
    with pytest.raises(MPDSyntaxError):
        parse_mpd(b"<!-- a -->" + declared + f"{HEAD}/>".encode())


def test_malformed_xml_with_several_readings_is_refused() -> None:
    with pytest.raises(MPDSyntaxError, match="duplicate attribute"):
        parse("<Period id='a' id='b'/>")
    with pytest.raises(MPDSyntaxError, match="junk after document element"):
        parse_mpd(f"{HEAD}/>{HEAD}/>".encode())


def test_elements_have_their_place_and_line() -> None:
    mpd = parse("<Period/>\n<Period>\n<AdaptationSet/>\n\n<AdaptationSet/></Period>")
    node = mpd.periods[1].adaptation_sets[1]
    assert node.where == "MPD/Period[2]/AdaptationSet[2]"
    assert node.line == 6


def test_lines_beyond_65535_are_known() -> None:
    mpd = parse("\n" * 70_000 + "<Period/>")
    assert mpd.periods[0].line == 70_002


def test_white_space_around_values_is_dropped() -> None:
    mpd = parse('<BaseURL>\n  http://h/ \n</BaseURL><Period id=" p " start=" PT1S "/>')
    assert mpd.base_urls[0].url == "http://h/"
    assert (mpd.periods[0].id, mpd.periods[0].start) == ("p", Fraction(1))


def test_cdata_is_text() -> None:
    assert parse("<BaseURL><![CDATA[http://h/?a&b]]></BaseURL>").base_urls[0].url == "http://h/?a&b"


def test_invalid_values_that_segments_may_depend_on_are_kept_and_others_are_warnings() -> None:
    mpd = parse(
        '<Period duration="soon"><AdaptationSet width="wide">'
        '<SegmentTemplate timescale="0" duration="x" startNumber="-1"/></AdaptationSet></Period>'
    )
    template = "MPD/Period[1]/AdaptationSet[1]/SegmentTemplate"
    period = mpd.periods[0]
    information = period.adaptation_sets[0].segment_template
    assert information is not None
    assert information.invalid == {
        "timescale": Issue("@timescale is 0, not above 0", template, 2, "Annex B"),
        "duration": Issue("@duration: not a number: 'x'", template, 2, "Annex B"),
        "startNumber": Issue("@startNumber is -1, below 0", template, 2, "Annex B"),
    }
    assert period.invalid == {
        "duration": Issue("@duration: not a duration: 'soon'", "MPD/Period[1]", 2, "Annex B")
    }
    assert mpd.problems == ()
    assert "@width: not a number: 'wide'; ignored" in messages(mpd)


def test_rows_of_a_timeline_are_read_as_written() -> None:
    mpd = parse(
        "<Period><SegmentTemplate><SegmentTimeline>"
        '<S t="5" d="10" r="2"/><S d="3"/><S d="4" r="-1"/><S t="90" d="8" n="12" k="4"/>'
        "</SegmentTimeline></SegmentTemplate></Period>"
    )
    template = mpd.periods[0].segment_template
    assert template is not None
    assert template.timeline is not None
    assert list(template.timeline) == [
        (5, 10, 2, None, None),
        (None, 3, 0, None, None),
        (None, 4, -1, None, None),
        (90, 8, 0, 12, 4),
    ]


def test_odd_timeline_rows_are_mended_or_reported_with_their_line() -> None:
    mpd = parse(
        "<Period><SegmentTemplate><SegmentTimeline>\n"
        '<S t="0.0" d="1.9999999" x="y"/>\n<S t="4"/>\n<S t="-1" d="z"/>\n<S d="2" p="1"/>'
        f'\n<S t="{2**64}" d="2"/><S d="0" r="-1"/>'
        "</SegmentTimeline></SegmentTemplate></Period>"
    )
    template = mpd.periods[0].segment_template
    assert template is not None
    assert template.timeline is not None
    assert template.timeline.scale == 10**7
    rows = list(template.timeline)
    assert rows[0] == (0, 19_999_999, 0, None, None)
    assert rows[4] == (2**64 * 10**7, 2 * 10**7, 0, None, None)
    issues = [issue for row in template.timeline.invalid.values() for issue in row.values()]
    problems = [(p.where and p.where[-4:], p.line, p.message) for p in issues]
    assert ("S[2]", 4, "@d is missing") in problems
    assert ("S[3]", 5, "@t is -1, below 0") in problems
    assert ("S[3]", 5, "@d: not a number: 'z'") in problems
    assert any("no Pattern" in message for _, _, message in problems)
    assert any("no number of segments can fill the time" in message for _, _, message in problems)
    assert [w.line for w in mpd.warnings][:2] == [3, 3]


def test_segment_urls_are_read_with_their_ranges() -> None:
    mpd = parse(
        "<Period><SegmentList><SegmentURL media=' a ' mediaRange='0-9'/>"
        "<SegmentURL index='i' indexRange='5-'/><SegmentURL mediaRange='9-0'/>"
        "</SegmentList></Period>"
    )
    segments = mpd.periods[0].segment_list
    assert segments is not None
    assert segments.segments is not None
    assert segments.segments[0].media == "a"
    assert segments.segments[0].media_range == ByteRange(0, 9)
    assert segments.segments[1].index_range == ByteRange(5)
    issues = [segment.invalid and segment.invalid.where for segment in segments.segments]
    assert issues == [None, None, "MPD/Period[1]/SegmentList/SegmentURL[3]"]


def test_attributes_of_the_root_are_typed() -> None:
    mpd = parse(
        "<ProgramInformation><Title>A film</Title></ProgramInformation><Location> x </Location>",
        'mediaPresentationDuration="PT1.5S" type="dynamic" '
        'availabilityStartTime="1970-01-01T00:00:01.5Z"',
    )
    assert mpd.media_presentation_duration == Fraction(3, 2)
    assert mpd.availability_start_time == Fraction(3, 2)
    assert (mpd.type, mpd.title, mpd.locations) == ("dynamic", "A film", ("x",))


def test_missing_attributes_of_the_root_are_warnings() -> None:
    mpd = parse_mpd(b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>')
    assert "@profiles is missing" in messages(mpd)
    assert "@minBufferTime is missing" in messages(mpd)
    assert mpd.problems == ()


def test_an_unknown_presentation_type_is_a_problem() -> None:
    assert "neither static nor dynamic" in messages(parse("", 'type="live"'))
    assert parse("", 'type="Dynamic"').type == "dynamic"


def test_the_number_of_warnings_is_limited() -> None:
    log = IssueLog()
    for number in range(1500):
        log.problem(f"x{number}", "MPD")
    assert len(log.problems) == 1000
    mpd = parse("".join(f"<Period><EventStream timescale='x{i}'/></Period>" for i in range(1500)))
    assert len(mpd.warnings) == 1001
    assert "500 more warnings and problems" in mpd.warnings[-1].message


@pytest.mark.slow
def test_hostile_text_is_read_in_linear_time() -> None:
    many = 200_000
    for body in (
        "<!--" * many,
        "<a" * many,
        "<![CDATA[" * many,
        '<a b="' * many,
        "<a " + "b='c'" * many,
    ):
        with pytest.raises(MPDSyntaxError):
            parse(body)
    assert len(parse(f"<BaseURL>{'&' * many}</BaseURL>").base_urls[0].url) == many
    text = parse(f"<BaseURL>{'a&amp;&#10;' * many}</BaseURL>").base_urls[0].url
    assert len(text) == 3 * many - 1


@pytest.mark.slow
def test_many_periods_and_base_urls_take_linear_time() -> None:
    mpd = parse("<Period duration='PT1S'/>" * 50_000 + "<BaseURL>a/</BaseURL>" * 50_000)
    presentation = resolve(mpd, url="http://h/m.mpd")
    assert presentation.periods[-1].start == 49_999


def test_the_number_of_remote_elements_is_limited() -> None:
    body = "<Period xmlns:xlink='http://www.w3.org/1999/xlink' xlink:href='a'/>" * 1001
    mpd = parse(body)
    assert mpd.remote == ()
    assert "1001 remote elements; the limit is 1000" in messages(mpd)


@pytest.mark.parametrize(
    "name", ["Initialization", "RepresentationIndex", "BitstreamSwitching", "SegmentTimeline"]
)
def test_the_first_of_several_elements_is_used_with_a_warning(name: str) -> None:
    mpd = parse(f"<Period><SegmentList><{name}/><{name}/></SegmentList></Period>")
    assert f"2 {name} elements; the first is used" in messages(mpd)
