"""Files that are there without a record: adopted by size, unless something tells that they differ."""

from __future__ import annotations

import base64
import hashlib
import random
from pathlib import Path

import pytest

from tests.integration.mirror.presentation import publish
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror


def write_less(path: Path, data: bytes, written: int, *, sparse: bool) -> None:
    """Write the beginning of a file that has its full size all the same."""
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(data[:written])
        if sparse:
            file.truncate(len(data))
        else:
            file.write(bytes(len(data) - written))


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("written", [0, 100_000, 290_000])
def test_a_file_for_which_another_tool_has_reserved_room_is_not_adopted(
    server: FaultServer, tmp_path: Path, written: int, *, sparse: bool
) -> None:
    url = publish(server)
    body = random.Random(1).randbytes(300_000)
    server.on("/show/v/2.m4s", Answer(body, etag='"2"'))
    write_less(tmp_path / "m/v/2.m4s", body, written, sparse=sparse)
    summary, events = mirror(url, tmp_path / "m")
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "downloaded"
    assert (tmp_path / "m/v/2.m4s").read_bytes() == body
    assert (tmp_path / "m/.dashget/replaced/v/2.m4s").exists()


def test_a_hole_in_the_middle_is_no_reason_to_adopt_a_file(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    body = random.Random(1).randbytes(1 << 20)
    server.on("/show/v/2.m4s", Answer(body, etag='"2"'))
    place = tmp_path / "m/v/2.m4s"
    place.parent.mkdir(parents=True)
    with place.open("wb") as file:
        file.write(body[: 1 << 18])
        file.seek(1 << 19)
        file.write(body[1 << 19 :])
    _, events = mirror(url, tmp_path / "m")
    assert events.outcomes()["v/2.m4s"] == "downloaded"
    assert place.read_bytes() == body


@pytest.mark.parametrize("same", [True, False])
def test_a_checksum_that_the_server_states_decides_about_a_file_without_a_record(
    server: FaultServer, tmp_path: Path, *, same: bool
) -> None:
    url = publish(server)
    body = random.Random(1).randbytes(5000)
    value = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers = (("Repr-Digest", f"sha-256=:{value}:"),)
    server.on("/show/v/2.m4s", Answer(body, headers=headers))
    place = tmp_path / "m/v/2.m4s"
    place.parent.mkdir(parents=True)
    place.write_bytes(body if same else body[::-1])
    _, events = mirror(url, tmp_path / "m")
    assert events.outcomes()["v/2.m4s"] == ("adopted" if same else "downloaded")
    assert place.read_bytes() == body
