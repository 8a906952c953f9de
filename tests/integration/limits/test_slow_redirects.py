"""Redirects of a document that each take long share the time of the document."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

from tests.support.faultserver import FaultServer, Seen, redirect
from tests.support.program import run

HOPS = 9


def test_a_chain_of_slow_redirects_has_one_deadline(server: FaultServer, tmp_path: Path) -> None:
    never = threading.Event()

    def wait(_: Seen) -> None:
        never.wait(0.4)

    for hop in range(HOPS):
        answer = dataclasses.replace(redirect(server.url(f"/{hop + 1}")), note=wait)
        server.on(f"/{hop}", answer)
    options = ("--document-timeout", "1", "--retries", "5")
    ended = run("list", server.url("/0"), *options, cwd=tmp_path)
    assert ended.code == 5, ended.err
    assert "--document-timeout" in ended.err
    assert len(server.seen) < HOPS
