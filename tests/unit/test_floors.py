"""The public names of ``import dashget``: all there, documented, and hidden by no module."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

import dashget
from tests.support.structure import modules


def test_the_public_names_are_all_there() -> None:
    assert sorted(dashget.__all__) == list(dashget.__all__)
    for name in dashget.__all__:
        assert getattr(dashget, name) is not None
    assert set(dir(dashget)) == set(dashget.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        dashget.nonsense  # noqa: B018


@pytest.mark.parametrize("name", dashget.__all__)
def test_every_public_name_has_a_docstring(name: str) -> None:
    value = getattr(dashget, name)
    assert name == "__version__" or value.__doc__


def test_no_module_hides_a_public_name() -> None:
    for name in modules().keys() - {"dashget.__main__"}:
        importlib.import_module(name)
    assert all(not isinstance(getattr(dashget, name), ModuleType) for name in dashget.__all__)
