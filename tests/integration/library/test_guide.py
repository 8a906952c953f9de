"""Every example of ``docs/guide/library.md`` runs, and its error tree is the real one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import dashget
from dashget.demo.presentation import BASE_URL, read_resources
from tests.integration.library.conftest import Publish
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import SOURCES, environment

PAGE = (SOURCES.parent / "docs/guide/library.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_run(
    publish: Publish, server: FaultServer, tmp_path: Path, number: int
) -> None:
    url = publish()
    speech = numbered(kind='mimeType="audio/x-filler" lang="en"')
    speech = speech.replace('id="v"', 'id="a"')
    server.on("/show/x.mpd", Answer(mpd(numbered() + speech)))
    if "session.mux" in EXAMPLES[number]:
        url = publish_media(server)
    example = EXAMPLES[number].replace("https://example.com/show/manifest.mpd", url)
    done = subprocess.run(
        [sys.executable, "-P", "-c", example],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def publish_media(server: FaultServer) -> str:
    """Publish the presentation of ``dashget demo``; return the URL of its manifest."""
    for url, data in read_resources().items():
        server.on(f"/demo/{url.removeprefix(BASE_URL)}", Answer(data))
    return server.url("/demo/manifest.mpd")


def tree(kind: type[BaseException]) -> set[tuple[str, str]]:
    """Return name and parent of each public error below one."""
    found: set[tuple[str, str]] = set()
    for child in kind.__subclasses__():
        if child.__name__ in dashget.__all__:
            found |= {(child.__name__, kind.__name__), *tree(child)}
    return found


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    drawing = re.search(r"```text\n(DashGetError.*?)```", PAGE, re.DOTALL)
    assert drawing is not None
    drawn: set[tuple[str, str]] = set()
    parents = ["DashGetError"]
    for line in drawing[1].splitlines()[1:]:
        branch = re.match(r"([ |]*)\+-- (\w+)", line)
        assert branch is not None
        depth = 1 + len(branch[1]) // 5
        parents[depth:] = [branch[2]]
        drawn.add((branch[2], parents[depth - 1]))
    assert drawn == tree(dashget.DashGetError)


def test_the_keywords_of_the_calls_are_the_fields_of_the_options() -> None:
    from dashget.session import keywordtypes as keywords

    for kind, options in (
        (keywords.TransferKeywords, dashget.TransferOptions),
        (keywords.VerifyKeywords, dashget.VerifyOptions),
        (keywords.MirrorKeywords, dashget.MirrorOptions),
        (keywords.MuxKeywords, dashget.MuxOptions),
    ):
        filters = set(keywords.SelectionKeywords.__annotations__)
        fields = set(options.__struct_fields__) - {"choices"}
        assert set(kind.__annotations__) - filters == fields
    names = [
        *dashget.TransferOptions.__struct_fields__,
        *keywords.SelectionKeywords.__annotations__,
        *{*dashget.MirrorOptions.__struct_fields__, *dashget.VerifyOptions.__struct_fields__},
    ]
    assert len(names) == len(set(names)), "a keyword means one thing"
