"""The media types of files: right ones for media, and never one that a browser runs."""

from __future__ import annotations

import pytest

from dashget.serve.mediatypes import _BY_ENDING, UNKNOWN, type_by_content, type_by_name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/b/init.mp4", "video/mp4"),
        ("1.M4S", "video/mp4"),
        ("x.m4a", "audio/mp4"),
        ("x.webm", "video/webm"),
        ("manifest.local.mpd", "application/dash+xml"),
        ("t.vtt", "text/vtt; charset=utf-8"),
        ("t.ttml", "application/ttml+xml"),
        ("p.jpg", "image/jpeg"),
        ("s.ts", "video/mp2t"),
        ("mp4", None),
        ("a.mp4/segment", None),
        ("segment.php", None),
        ("1.", None),
        ("", None),
    ],
)
def test_a_name_tells_the_type(name: str, kind: str | None) -> None:
    assert type_by_name(name) == kind


@pytest.mark.parametrize("ending", ["html", "htm", "xhtml", "js", "mjs", "css", "svg", "xml", "xsl", "json", "wasm", "pdf", "swf", "mht"])  # fmt: skip
def test_no_name_makes_a_page_or_a_script(ending: str) -> None:
    assert type_by_name(f"x.{ending}") is None


def test_no_type_is_one_of_a_page_or_script() -> None:
    kinds = {*_BY_ENDING.values()}
    assert not [k for k in kinds if any(w in k for w in ("html", "script", "svg", "css", "json"))]


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"\0\0\0\x18ftypiso6", "video/mp4"),
        (b"\0\0\0\x18stypmsdh", "video/mp4"),
        (b"\0\0\0\x18moof", "video/mp4"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"\x1f\x43\xb6\x75", "video/webm"),
        (b"WEBVTT\n", "text/vtt; charset=utf-8"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"G" + b"\0" * 187 + b"G", "video/mp2t"),
        (b"G", UNKNOWN),
        (b"<html>", UNKNOWN),
        (b"<?xml version='1.0'?>", UNKNOWN),
        (b"alert(1)", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_content_tells_the_type_where_a_name_does_not(beginning: bytes, kind: str) -> None:
    assert type_by_content(beginning) == kind
