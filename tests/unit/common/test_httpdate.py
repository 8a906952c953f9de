"""Dates in HTTP headers."""

from __future__ import annotations

import pytest

from dashget.common.numbers import read_http_date


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Sun, 06 Nov 1994 09:49:37 +0100", 784_111_777),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 784_111_777),
        ("Thu, 31 Dec 1998 23:59:60 GMT", 915_148_800),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 24:49:37 GMT", None),
        ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ("Sunday", None),
        ("Tue, 99 Sep 2026 99:00:00 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 99999999999999999999", None),
        ("0", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_read_in_each_form_of_the_standard(text: str | None, seconds: int | None) -> None:
    assert read_http_date(text) == seconds
