"""The clock of a recorder."""

from __future__ import annotations

import sys
import time

import pytest

from dashget.recording.waking import moment


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the name of a clock of Linux")
def test_the_sleep_of_the_computer_counts() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= moment() <= time.clock_gettime(time.CLOCK_BOOTTIME)
