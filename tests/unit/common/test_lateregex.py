"""Expressions that are compiled late, and that all of them can be."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import dashget
from dashget.common.lateregex import _Late, late


def test_a_late_pattern_matches_like_a_compiled_one() -> None:
    found = late(r"(a+)b", re.IGNORECASE)
    match = found.search("xAAb")
    assert match is not None
    assert match[1] == "AA"
    assert found.sub("-", "aabAB") == "--"
    assert found.fullmatch("aabx") is None
    assert late(rb"\d").findall(b"1a2") == [b"1", b"2"]
    assert late(",").split("a,b") == ["a", "b"]
    assert [m[0] for m in late("a").finditer("aa")] == ["a", "a"]


def test_a_late_pattern_is_compiled_once() -> None:
    found = late("a")
    assert found.match is found.match


def test_an_invalid_pattern_raises_at_its_first_use() -> None:
    with pytest.raises(re.error, match="unterminated"):
        late("(").match("")


def test_a_late_pattern_has_only_methods_of_patterns() -> None:
    with pytest.raises(AttributeError):
        late("a").groups  # noqa: B018  the access is the test


def test_every_pattern_of_the_library_is_valid() -> None:
    count = 0
    for info in pkgutil.walk_packages(dashget.__path__, "dashget."):
        if info.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, _Late):
                re.compile(*value._source)
                count += 1
    assert count > 40
