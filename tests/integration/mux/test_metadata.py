"""What a file says of the programme: title, copyright, page, and chapters from events."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.mux.conftest import Mirrored, mux
from tests.support.media import Tools

PROGRAM = """\
<ProgramInformation moreInformationURL="https://example.com/show"><Title>The Show</Title>
<Source>Example</Source><Copyright>2026 Example</Copyright></ProgramInformation>"""
EVENTS = """\
<EventStream schemeIdUri="urn:example:chapters" timescale="1000">
<Event presentationTime="0" duration="2000">Opening</Event>
<Event presentationTime="2500">Rückblick</Event></EventStream>
<EventStream schemeIdUri="urn:scte:scte35:2013:xml"><Event>splice</Event></EventStream>"""


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_file_has_the_programme_and_the_chapters_of_its_events(
    suffix: str, media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    source = Path(shutil.copytree(media / "timeline", tmp_path / "source"))
    manifest = source / "manifest.mpd"
    text = re.sub(
        "<ProgramInformation.*?</ProgramInformation>", "", manifest.read_text(), flags=re.DOTALL
    )
    manifest.write_text(re.sub("(<Period[^>]*>)", rf"{PROGRAM}\1{EVENTS}", text), encoding="utf-8")
    file = tmp_path / f"show{suffix}"
    mux(mirrored(source), file, check=True)
    told = probe(tools, file)
    tags = {name.lower(): value for name, value in told["format"]["tags"].items()}
    assert tags["title"] == "The Show"
    assert tags["copyright"] == "2026 Example"
    assert tags["comment"] == "https://example.com/show"
    assert [(c["start_time"][:5], c["tags"]["title"]) for c in told["chapters"]] == [
        ("0.000", "Opening"),
        ("2.500", "Rückblick"),
    ]


def probe(tools: Tools, file: Path) -> Any:
    words = ("-v", "error", "-show_format", "-show_chapters", "-of", "json", str(file))
    done = subprocess.run([tools.ffprobe, *words], check=True, capture_output=True)
    return json.loads(done.stdout)
