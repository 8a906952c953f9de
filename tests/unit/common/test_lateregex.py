"""Expressions that are compiled late, and that all of them can be."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import dashget
from dashget.common.lateregex import _Late, late


def test_it_matches_as_a_compiled_one_does() -> None:
    found = late(r"(a+)b", re.IGNORECASE)
    match = found.search("xAAb")
    assert match is not None
    assert match[1] == "AA"
    assert found.sub("-", "aabAB") == "--"
    assert found.fullmatch("aabx") is None
    assert late(rb"\d").findall(b"1a2") == [b"1", b"2"]
    assert late(",").split("a,b") == ["a", "b"]
    assert [m[0] for m in late("a").finditer("aa")] == ["a", "a"]


def test_it_is_compiled_once() -> None:
    found = late("a")
    assert found.match is found.match


def test_a_wrong_one_is_told_when_it_is_used() -> None:
    with pytest.raises(re.error, match="unterminated"):
        late("(").match("")


def test_it_has_nothing_that_it_does_not_promise() -> None:
    with pytest.raises(AttributeError):
        late("a").groups  # noqa: B018  the access is the test


def test_every_expression_of_the_library_is_a_valid_one() -> None:
    count = 0
    for info in pkgutil.walk_packages(dashget.__path__, "dashget."):
        if info.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, _Late):
                re.compile(*value._source)
                count += 1
    assert count > 40
