"""Recognising HTML pages that were sent instead of another file."""

from __future__ import annotations

import pytest

from dashget.media.sniff import any_text_of, describe_page, is_page, text_of


def html_page(beginning: bytes) -> str | None:
    text = any_text_of(beginning)
    return describe_page(text) if is_page(text) else None


TITLED = "an HTML page titled 'Sign in'"


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><title>Sign in</title>",
        b"<!doctype HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'>\n<html><title> Sign\n in </title>",
        b"\xef\xbb\xbf\r\n\t <html lang='en'><head><title>Sign in</title>",
        b"<HTML><HEAD><TITLE>Sign in</TITLE>",
        b"<?xml version='1.0'?><!DOCTYPE html><html><title>Sign in</title>",
        b"<!-- (c) > somebody -->\n<!-- more --> <html><title>Sign in</title>",
        b"<head><title>Sign in</title></head>",
    ],
)
def test_html_pages_are_recognised_by_their_beginning(body: bytes) -> None:
    assert html_page(body) == TITLED


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"<body>\xff\xfe", b"<html><title></title>", b"<html><title> \n </title>"],
)
def test_an_html_page_may_have_no_title(body: bytes) -> None:
    assert html_page(body) == "an HTML page"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<", b"   ", b"\xef\xbb\xbf",
        b"\0\0\0\x18ftypiso6", b"\x1a\x45\xdf\xa3", b"\x47" + bytes(187), b"\xff\xd8\xff",
        b"WEBVTT\n\n<html>", b"<tt xmlns='http://www.w3.org/ns/ttml'><head/><body/></tt>",
        b"<?xml version='1.0'?><tt><head/></tt>", b"<?xml version='1.0'?><Error/>",
        b"<svg><html></html></svg>", b"<htmlx>", b"<bodyguard>", b"<!-- <html> --><tt/>",
        b"<! <html>", b"<!-- <html>", b'{"page": "<html>"}',
    ],
)  # fmt: skip
def test_other_content_is_not_recognised_as_html(body: bytes) -> None:
    assert html_page(body) is None


@pytest.mark.parametrize("piece", [b"<!---->", b"<!-- -->", b"<!x>", b"<?x?>\n", b"<!--"])
def test_recognising_html_takes_linear_time(piece: bytes) -> None:
    """A pattern with two ways to read each piece would take exponential time."""
    assert html_page(piece * 500) is None


def test_a_text_that_is_cut_inside_a_character_is_one_with_a_mark_as_well() -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        for size in range(1, 5):
            cut = ("\u00e9" * 9 + "\U0001f600").encode()[: 18 + size]
            assert text_of(mark + cut) is not None
    assert text_of(b"\xef\xbb\xbfab\xff more") is None
