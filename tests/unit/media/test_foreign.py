"""What is clearly something else in place of a text, and the many ways in which texts begin."""

from __future__ import annotations

import pytest

from dashget.media.inspection import why_odd
from dashget.media.kind import Content, Role, SegmentKind

SUBRIP = "application/x-subrip"
CUE = "1\n00:00:01,000 --> 00:00:02,000\nhello\n"
MARK = b"\xef\xbb\xbf"
LYRICS = "[00:12.00]La la\n"
SCRIPT = "[Script Info]\nTitle: hello\n"
TT = "<tt xmlns='http://www.w3.org/ns/ttml'><body/></tt>"
TEXTS = [SUBRIP, "text/plain", "text/srt", "text/x-ssa", "application/x-sami", None, "text/vtt"]
XMLS = ["application/ttml+xml", "application/dfxp+xml", "application/xml", "text/xml"]
FILES = ["application/octet-stream", "application/x-unknown", "application/font-woff"]
IMAGES = ["image/jpeg", "image/avif", "image/svg+xml", "image/bmp"]
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
JSON = b'{"error": "token expired"}'
ERROR = b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>"


def role(mime: str | None, content: Content | None = None) -> Role:
    if content is None:
        content = Content.IMAGE if mime in IMAGES else Content.TEXT
        content = Content.OTHER if mime in FILES else content
    return Role(mime, SegmentKind.MEDIA, whole=True, content=content)


def odd(data: bytes, wanted: Role) -> str | None:
    return why_odd(lambda at, most: data[at : at + most], len(data), wanted)


@pytest.mark.parametrize("mime", [*TEXTS, *XMLS, *FILES, *IMAGES])
@pytest.mark.parametrize(
    "body",
    [
        HTML, MARK + b"\r\n\r\n" + HTML, HTML.decode().encode("utf-16"), b"\n\n<html lang='de'>\xfc",
        JSON, b" \r\n\t" + JSON, MARK + JSON, JSON[:-9], JSON.decode().encode("utf-16"),
        b'[{"code": 403}]', b"{}", b"[]", b"[\n]", b'{\n  "message" : "no"' + b" " * 90_000,
        b'{"e":{"a":[1,2]}}', b'[["a"]]',
        ERROR, ERROR[22:], b"<error/>", b"<ns:Error xmlns:ns='x'>", ERROR.decode().encode("utf-16"),
        b"<Response><Status>403</Status></Response>", b"<ListBucketResult>", b"<MPD/>",
        b"<?xml version='1.0'?><soap:Envelope>",
    ],
)  # fmt: skip
def test_a_document_of_another_kind_is_no_text_and_no_other_file(
    mime: str | None, body: bytes
) -> None:
    assert odd(body, role(mime)) is not None


@pytest.mark.parametrize("mime", TEXTS)
@pytest.mark.parametrize(
    "body",
    [
        b"GIF89a\1\0\1\0\x80", b"\x89PNG\r\n\x1a\n", b"\x1f\x8b\x08", b"%PDF-1.4", b"PK\3\4",
        b"#EXTM3U\n#EXT-X-ENDLIST\n",
        b"<?xml version='1.0'?><anything/>",
    ],
)  # fmt: skip
def test_pictures_and_playlists_are_no_text(mime: str | None, body: bytes) -> None:
    assert odd(body, role(mime)) is not None


@pytest.mark.parametrize("body", [b"\0\0\0\x18ftypiso6", b"\x1a\x45\xdf\xa3\x01"])
def test_media_is_no_plain_text_but_subtitles_of_unknown_types_may_be_in_it(body: bytes) -> None:
    for mime in (SUBRIP, "text/plain", "text/srt", "text/x-ssa"):
        assert odd(body, role(mime)) is not None
    for unknown in (None, "application/x-sami", "application/octet-stream"):
        assert odd(body, role(unknown, Content.TEXT)) is None


@pytest.mark.parametrize(
    "body", [b"Forbidden", b"404 page not found\n", b"\xef\xbb\xbfno", b'"no"']
)
@pytest.mark.parametrize("mime", [SUBRIP, "text/srt", "APPLICATION/X-SUBRIP; charset=utf-8"])
def test_subrip_has_cues(mime: str, body: bytes) -> None:
    reason = odd(body, role(mime))
    assert reason is not None
    assert reason.startswith("the server sent text '")


@pytest.mark.parametrize("body", [b"Forbidden", "Zugriff verweigert".encode("utf-16")])
def test_a_line_of_text_is_no_image(body: bytes) -> None:
    assert odd(body, role("image/avif")) is not None
    assert odd(body, role(None, Content.IMAGE)) is not None
    assert odd(body, role("image/svg+xml")) is not None


@pytest.mark.parametrize("mime", [SUBRIP, "text/plain", "text/x-ssa", None])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"\n", b"\r\n \t\r\n", MARK, CUE.encode(), MARK + CUE.encode(), MARK * 2 + CUE.encode(),
        b"\r\n\r\n" + CUE.encode(), CUE.replace("\n", "\r").encode(),
        CUE.encode("utf-16"), CUE.encode("utf-16-le"), CUE.encode("utf-16-be"),
        (CUE + "\xe9t\xe9 \x93").encode("latin-1"), ("\x1b$B" + CUE).encode(),
        CUE.encode() + b"\x1a", b"\0" + CUE.encode(), b"0\n" + CUE.encode(),
        ("{\\an8}<i>hello</i>\n" + CUE).encode(), ("<i>hello</i>\n" + CUE).encode(),
        ('{"quoted" speech}\n' + CUE).encode(), ("[music]\n" + CUE).encode(),
        ("<!-- nothing -->\n" + CUE).encode(), ("\x85\x85\n" + CUE).encode("cp437", "replace"),
        ("WEBVTT\n\n" + CUE).encode(),
    ],
)  # fmt: skip
def test_texts_begin_in_many_ways(mime: str | None, body: bytes) -> None:
    assert odd(body, role(mime)) is None


@pytest.mark.parametrize("mime", ["text/plain", "text/x-ssa", "application/x-sami", None])
@pytest.mark.parametrize(
    "body",
    [
        LYRICS.encode(), SCRIPT.encode(), b"{1}{1}25.000\n{2}{50}hello\n", b"Forbidden",
        b"<SAMI>\n<HEAD>\n<TITLE>hello</TITLE>", b"<!-- a --><SAMI>", b"<b>Hello</b> there",
        TT.encode(), b"<?xml version='1.0'?>" + TT.encode(), b"<transcript>", b"[1] [2] note",
        b"{hello", b"[", b"{", b"<", b"<<<",
    ],
)  # fmt: skip
def test_a_text_of_no_known_kind_may_be_anything(mime: str | None, body: bytes) -> None:
    assert odd(body, role(mime)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"WEBVTT", MARK + b"WEBVTT\n", b"\n\nWEBVTT\n", b"\r\rWEBVTT\r\r00:01.000 --> 00:02.000\rx",
        "WEBVTT\n".encode("utf-16"), b"WEBVTT - \xe9",
    ],
)  # fmt: skip
def test_webvtt_begins_so_behind_blanks_and_marks(body: bytes) -> None:
    assert odd(body, role("text/vtt")) is None


@pytest.mark.parametrize("mime", ["application/ttml+xml", "application/ttaf+xml", "text/xml"])
@pytest.mark.parametrize(
    "body",
    [
        TT.encode(), b"\n" + TT.encode(), MARK + TT.encode(), TT.encode("utf-16"),
        TT.encode("utf-16-le"), ("<?xml version='1.0' encoding='latin-1'?><!-- \xe9 -->" + TT).encode("latin-1"),
        b"<?xml version='1.0'?>\r" + TT.encode(), b"<!DOCTYPE tt [<!ENTITY a 'b'>]>" + TT.encode(),
        b"<!--" + b"x" * 9000 + b"-->" + TT.encode(),
    ],
)  # fmt: skip
def test_ttml_may_have_any_encoding(mime: str, body: bytes) -> None:
    assert odd(body, role(mime)) is None


@pytest.mark.parametrize(
    ("mime", "body"),
    [
        ("application/json", JSON), ("application/vnd.x+json", JSON), ("text/html", HTML),
        ("application/xhtml+xml", HTML), ("image/svg+xml", b"<?xml version='1.0'?><svg/>"),
        ("application/smil+xml", b"<smil/>"), ("application/octet-stream", b"\0\1\2 anything"),
        ("application/octet-stream", b"some text"), ("application/pdf", b"%PDF-1.4"),
        ("application/x-unknown", b""), ("application/x-unknown", b"<?xml version='1.0'?><x/>"),
        ("application/x-mpegurl", b"#EXTM3U\n"), ("image/avif", b"\0\0\0\x1cftypavif\0\0\0\0"),
        ("application/xml", b"<anything/>"),
    ],
)  # fmt: skip
def test_a_type_that_means_a_document_may_be_one(mime: str, body: bytes) -> None:
    assert odd(body, role(mime, Content.IMAGE if "image/" in mime else Content.OTHER)) is None


@pytest.mark.parametrize("mime", ["image/avif", "application/xml", "text/vtt", "image/png"])
def test_nothing_is_no_file_of_a_type_with_a_header(mime: str) -> None:
    assert odd(b"", role(mime)) == "the server sent nothing (0 bytes) instead"


def test_a_text_that_is_cut_off_is_not_called_something_else() -> None:
    cut = odd(TT.encode()[:-5], role("application/ttml+xml"))
    assert cut == "the content is invalid: the end of the XML text is missing"


def test_a_complaint_before_the_media_is_told() -> None:
    body = b"Warning: readfile() in x.php\n\0\0\0\x08free" + bytes(600)
    wanted = Role("video/mp4", SegmentKind.MEDIA, content=Content.MEDIA)
    assert odd(body, wanted) == (
        "the server sent text 'Warning: readfile() in x.php', and more, instead"
    )
