"""The names of the transfer package are loaded when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dashget import transfer


@pytest.mark.parametrize("name", transfer.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(transfer, name).__name__ == name


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Downloader'"):
        transfer.Downloader  # noqa: B018  # the access is what is tested


def test_the_package_alone_loads_no_libcurl() -> None:
    program = "import sys, dashget.transfer; print('pycurl' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
