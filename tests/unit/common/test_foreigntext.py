"""Text from servers is harmless where it is shown."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest

from dashget.common.foreigntext import (
    INVISIBLE,
    one_line,
    printable,
    printable_json,
    printable_lines,
    printable_url,
)


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("v/1.m4s", "v/1.m4s"),
        ("é 東京", "é 東京"),
        ("\x1b[2Jboo", "\\x1b[2Jboo"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("gpj\u202e.exe", "gpj\\u202e.exe"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_control_characters_are_never_printed_raw(foreign: str, shown: str) -> None:
    assert printable(foreign) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/a?b=%20", "http://h/a?b=%20"),
        ("http://h/\x1b[2J", "http://h/%1B[2J"),
        ("http://h/\u202eé\udcff", "http://h/%E2%80%AEé%ED%B3%BF"),
    ],
)
def test_control_characters_of_a_url_are_percent_encoded(url: str, shown: str) -> None:
    assert printable_url(url) == shown


def test_a_message_of_another_program_becomes_part_of_a_line() -> None:
    assert one_line(" odd\x1b[2J\nthing. ") == "odd [2J thing"
    assert len(one_line("x" * 1000)) == 200


EVERY = "".join(map(chr, range(sys.maxunicode + 1)))


def test_the_list_has_every_control_format_and_separating_character_that_this_python_knows() -> (
    None
):
    known = {c for c in EVERY if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    listed = set(INVISIBLE.findall(EVERY))
    assert known <= listed
    # What Unicode calls ignorable by default beyond that, and nothing that can be seen.
    fillers = set("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
    others = {c for c in listed - known if not "\ufe00" <= c <= "\ufe0f" and c < "\U000e0000"}
    assert {c for c in others if unicodedata.category(c) != "Cn"} == fillers


def test_every_escape_is_visible_and_tells_its_character() -> None:
    for shown in (printable(EVERY), printable_lines(EVERY), printable_url(EVERY)):
        assert not set(INVISIBLE.findall(shown)) - {"\n"}
    assert printable("\U000e0041\u200b") == "\\U000e0041\\u200b"
    assert printable("東京 é ñ 😀 $") == "東京 é ñ 😀 $"


def test_json_keeps_its_meaning() -> None:
    text = "".join(c for c in EVERY if not "\ud800" <= c <= "\udfff")
    data = printable_json(json.dumps([text], ensure_ascii=False).encode() + b"\n")
    assert set(INVISIBLE.findall(data.decode())) == {"\n"}
    assert json.loads(data) == [text]
    assert printable_json('["東京"]'.encode()).decode() == '["東京"]'
