"""Headers that are kept by choice."""

from __future__ import annotations

from dashget.transfer.http.keptfields import kept_fields

NAMES = ("B", "a")


def test_only_the_last_head_counts_and_names_have_the_order_in_which_they_are_wanted() -> None:
    lines = [
        b"HTTP/1.1 103 Early Hints\r\n", b"A: early\r\n", b"C: early\r\n", b"\r\n",
        b"HTTP/1.1 200 OK\r\n", b"a: 1\r\n", b"B: 2\r\n", b"C: 3\r\n", b"\r\n",
    ]  # fmt: skip
    assert kept_fields(lines, NAMES) == (("b", "2"), ("a", "1"))


def test_a_folded_line_belongs_to_the_field_before_it() -> None:
    lines = [b"HTTP/1.1 200 OK\r\n", b"A: 1\r\n", b"\t2\r\n", b"C: 3\r\n", b" 4\r\n", b"\r\n"]
    assert kept_fields(lines, NAMES) == (("a", "1 2"),)


def test_lines_that_are_no_fields_are_left_out() -> None:
    assert kept_fields([], NAMES) == ()
    lines = [b"HTTP/2 200\r\n", b" folded\r\n", b"A\r\n", b": x\r\n", b"\r\n", b" after\r\n"]
    assert kept_fields(lines, NAMES) == (("a", ""),)


def test_a_name_that_is_wanted_twice_is_kept_once() -> None:
    lines = [b"HTTP/1.1 200 OK\r\n", b"A: 1\r\n", b"\r\n"]
    assert kept_fields(lines, ("a", "A")) == (("a", "1"),)
