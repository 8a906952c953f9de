"""Options that exist are valid: an invalid value is refused when the struct is made."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest

import dashget
from dashget.common.validation import FieldError

TRANSFER: list[tuple[str, object, str]] = [
    ("in_flight", 0, "must be from 1 to 1000: 0"),
    ("in_flight", -1, "must be from 1 to 1000: -1"),
    ("in_flight", 1001, "must be from 1 to 1000: 1001"),
    ("in_flight", True, "not a whole number: True"),
    ("in_flight", "4", "not a whole number: '4'"),
    ("max_in_flight", 0, "must be from 1 to 1000: 0"),
    ("max_in_flight", None, "not a whole number: None"),
    ("max_per_host", 0, "must be at least 1: 0"),
    ("limit_rate", -5, "must be at least 1: -5"),
    ("limit_rate", 0, "must be at least 1: 0"),
    ("limit_rate", "5M", "not a whole number: '5M'"),
    ("limit_rate", 1.5, "not a whole number: 1.5"),
    ("http", "2", "not a HttpVersion: '2'"),
    ("retries", -1, "must not be negative: -1"),
    ("run_retries", -1, "must not be negative: -1"),
    ("max_redirects", -1, "must not be negative: -1"),
    ("timeout_seconds", 0, "must be positive: 0"),
    ("timeout_seconds", float("nan"), "must be positive: nan"),
    ("timeout_seconds", float("inf"), "must be positive: inf"),
    ("timeout_seconds", 86_401, "longer than a day: 86401"),
    ("timeout_seconds", 10**400, "longer than a day: 1" + "0" * 79),
    ("timeout_seconds", "30", "not a number: '30'"),
    ("timeout_seconds", None, "not a number: None"),
    ("connect_timeout_seconds", -1.5, "must be positive: -1.5"),
    ("document_timeout_seconds", 0, "must be positive: 0"),
    ("max_time_seconds", 0, "must be positive: 0"),
    ("max_time_seconds", 1e9, "longer than 366 days: 1000000000.0"),
    ("document_limits", 0, "must be from 1 to 1000: 0"),
    ("backoff_seconds", -1, "must be a number from 0: -1"),
    ("backoff_limit_seconds", float("inf"), "must be a number from 0: inf"),
    ("retry_after_limit_seconds", float("nan"), "must be a number from 0: nan"),
    ("host_patience_seconds", -1, "must be a number from 0: -1"),
    ("overtake_seconds", -1, "must be a number from 0: -1"),
    ("user_agent", "a\nb", "cannot be sent: 'a\\nb'"),
    ("user_agent", None, "not text, but a NoneType"),
    ("headers", {"A": "b"}, "not a tuple, but a dict"),
    ("headers", ("A: b",), "not a pair of name and value"),
    ("headers", (("A", 1),), "name and value must be text"),
    ("headers", (("A B", "c"),), "'A B' is not a valid name"),
    ("headers", (("A", "é"),), "the value of A has a line break or a character beyond ASCII"),
    ("origin_headers", (("h", "A", "b"),), "not an OriginHeader"),
    ("origin_headers", (dashget.OriginHeader("h", "", "b"),), "'' is not a valid name"),
    ("send_credentials_to", "cdn.example", "not a tuple, but a str"),
    ("send_credentials_to", (1,), "not text, but a int"),
    ("user", ("me", "secret"), "not text, but a tuple"),
    ("user", "me:\n", "cannot be sent: it holds a control character"),
    ("cookies", "a=b", "not a tuple, but a str"),
    ("cookies", ("x",), "not NAME=VALUE in ASCII characters"),
    ("cookies", (None,), "not NAME=VALUE in ASCII characters"),
    ("keep_headers", "Age", "not a tuple, but a str"),
    ("keep_headers", (None,), "None is not the name of a header"),
    ("keep_headers", ("A B",), "'A B' is not the name of a header"),
    ("keep_headers", ("Set-Cookie",), "Set-Cookie is a secret, and is never recorded"),
    ("proxy", False, "not text, but a bool"),
    ("insecure", "no", "not True or False: 'no'"),
    ("allow_downgrade", 1, "not True or False: 1"),
    ("public_only", 1, "not True or False: 1"),
    ("range_threshold", 0, "must be at least 1: 0"),
    ("range_size", 0, "must be at least 1: 0"),
    ("loops", 0, "must be at least 1: 0"),
]

OTHERS: list[tuple[Any, str, object, str]] = [
    (dashget.MirrorOptions, "selection", "best", "not a Selection: 'best'"),
    (dashget.MirrorOptions, "segment_limit", 0, "must be at least 1: 0"),
    (dashget.MirrorOptions, "total_limit", 0, "must be at least 1: 0"),
    (dashget.VerifyOptions, "segment_limit", 0, "must be at least 1: 0"),
    (dashget.VerifyOptions, "total_limit", 0, "must be at least 1: 0"),
    (dashget.VerifyOptions, "begin", "now", "not a time in seconds since 1970: 'now'"),
    (dashget.VerifyOptions, "until", float("inf"), "not a time in seconds since 1970: inf"),
    (dashget.VerifyOptions, "begin_back", -1, "must be a number from 0: -1"),
    *(
        (dashget.MirrorOptions, name, 1, "not True or False: 1")
        for name in (
            "dry_run",
            "moved",
            "fsync",
            "follow_links",
            "checksums",
            "recheck",
            "prune",
            "times",
            "accept_odd",
        )
    ),
    *(
        (dashget.VerifyOptions, name, None, "not True or False: None")
        for name in ("remote", "repair", "prune")
    ),
    (dashget.Selection, "video", "best", "not a Rule: 'best'"),
    (dashget.Selection, "periods", "0-1", "not a tuple, but a str"),
    (dashget.Selection, "periods", (1,), "not a PeriodRange: 1"),
]


@pytest.mark.parametrize(
    ("kind", "field", "value", "wrong"),
    [*((dashget.TransferOptions, *case) for case in TRANSFER), *OTHERS],
)
def test_an_invalid_value_is_refused_with_the_name_of_its_field_and_a_hint(
    kind: Any, field: str, value: object, wrong: str
) -> None:
    for make in (lambda: kind(**{field: value}), lambda: replaced(kind(), field, value)):
        with pytest.raises(dashget.UsageError) as caught:
            make()
        assert str(caught.value) == caught.value.message == f"{field}: {wrong}"
        assert caught.value.hint


def replaced(struct: Any, field: str, value: object) -> object:
    return msgspec.structs.replace(struct, **{field: value})


@pytest.mark.parametrize("field", dashget.TransferOptions.__struct_fields__)
def test_every_field_of_the_transfer_options_is_checked(field: str) -> None:
    with pytest.raises(FieldError) as caught:
        dashget.TransferOptions(**{field: object()})
    assert caught.value.field == field


def test_valid_values_are_kept() -> None:
    made = dashget.TransferOptions(
        in_flight="auto",
        timeout_seconds=30,
        backoff_seconds=0,
        headers=[("A", "b\tc"), ("Empty", "")],  # type: ignore[arg-type]  # a list does as well
        cookies=("a=",),
        http=dashget.HttpVersion.HTTP_2,
        limit_rate=1,
        proxy="",
    )
    assert made.limit_rate == 1
    assert dashget.MirrorOptions(segment_limit=None).segment_limit is None


def test_no_error_repeats_a_secret() -> None:
    for field, value in (
        ("user", b"SECRET"),
        ("cookies", ("SECRET",)),
        ("headers", ("SECRET",)),
        ("headers", (("Authorization", "SECRETé"),)),
        ("append_query", b"SECRET"),
        ("proxy", b"SECRET"),
    ):
        with pytest.raises(dashget.UsageError) as caught:
            dashget.TransferOptions(**{field: value})  # type: ignore[arg-type]  # that is the point
        assert "SECRET" not in f"{caught.value}{caught.value.hint}"


def test_functions_refuse_arguments_of_another_type() -> None:
    for call in (
        lambda: dashget.load("x.mpd", transfer={}),  # type: ignore[arg-type]
        lambda: dashget.load("x.mpd", base_url=1),  # type: ignore[arg-type]
        lambda: dashget.load("x.mpd", now=12),  # type: ignore[arg-type]
        lambda: dashget.load("x.mpd", now=datetime.datetime(2026, 1, 1)),  # noqa: DTZ001
        lambda: dashget.mirror("x.mpd", dashget.TransferOptions()),  # type: ignore[arg-type]
        lambda: dashget.verify("x", {}),  # type: ignore[arg-type]
    ):
        with pytest.raises(dashget.UsageError, match=r"not (a|text)"):
            call()
