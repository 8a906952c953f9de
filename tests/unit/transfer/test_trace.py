"""The stages of a request in debug records."""

from __future__ import annotations

import logging

import pytest

from dashget.transfer.contract import Hooks, Request
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions
from dashget.transfer.trace import Timing, Trace, _stages
from tests.support.faultserver import Answer, FaultServer, redirect

BODY = bytes(1000)


def test_debug_records_pass_on_every_call_of_the_hooks() -> None:
    calls = [name for name in vars(Hooks) if name.startswith("on_")]
    assert calls
    assert [name for name in calls if name not in vars(Trace)] == []


def test_a_new_connection_tells_all_its_stages() -> None:
    timing = Timing(0.001, 0.002, 0.015, 0.02, 0.0305, reused=False, redirects=2)
    assert _stages(timing) == (
        "new connection after 2 redirects: name lookup 1.0 ms, connection 2.0 ms, TLS 15.0 ms,"
        " first byte 20.0 ms, end 30.5 ms"
    )


def test_an_open_connection_tells_what_the_server_took() -> None:
    timing = Timing(0.0, 0.0, None, 0.02, 0.03, reused=True, redirects=0)
    assert _stages(timing) == "open connection: first byte 20.0 ms, end 30.0 ms"


def test_debug_records_tell_the_stages_of_each_file(
    server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.on("/a", redirect("/b"))
    server.on("/b", Answer(BODY))
    with caplog.at_level(logging.DEBUG, logger="dashget"), Engine(TransferOptions()) as engine:
        for _ in range(2):
            engine.fetch(Request((url,)), max_bytes=len(BODY))
    stages = [text.strip() for text in caplog.messages if "connection" in text]
    assert [text.partition(":")[0] for text in stages] == ["open connection after 1 redirect"] * 2
