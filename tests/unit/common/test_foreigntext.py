"""Text from servers is harmless where it is shown."""

from __future__ import annotations

import pytest

from dashget.common.foreigntext import one_line, printable, printable_url


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
