"""The built-in presentation: small, complete, valid, and readable wherever the package is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import dashget
from dashget.demo.presentation import BASE_URL, MANIFEST_URL, read_resources
from dashget.demo.server import serving

RESOURCES = read_resources()


def load(proxy: str) -> dashget.Loaded:
    return dashget.load(MANIFEST_URL, transfer=dashget.TransferOptions(proxy=proxy, no_proxy=""))


def test_the_presentation_is_smaller_than_300_kb() -> None:
    assert len(RESOURCES) == 53
    assert sum(map(len, RESOURCES.values())) < 300_000


def test_every_resource_has_an_address_on_a_host_that_cannot_exist() -> None:
    assert MANIFEST_URL in RESOURCES
    assert all(url.startswith(BASE_URL) for url in RESOURCES)
    assert (urlsplit(BASE_URL).hostname or "").endswith(".example")


def test_the_plan_names_every_resource_once_and_nothing_else() -> None:
    with serving(RESOURCES) as proxy:
        loaded = load(proxy)
    assert loaded.warnings == ()
    planned = [each.segment.url for each in dashget.plan(loaded)]
    assert sorted([MANIFEST_URL, *planned]) == sorted(RESOURCES)


def test_the_presentation_has_two_periods_qualities_languages_and_subtitles() -> None:
    with serving(RESOURCES) as proxy:
        presentation = load(proxy).presentation
    assert presentation.title == "DashGet demo"
    assert len(presentation.periods) == 2
    for period in presentation.periods:
        sets = [
            (
                each.content_type.value,
                each.lang,
                [representation.id for representation in each.representations],
            )
            for each in period.adaptation_sets
        ]
        assert sets == [
            ("video", None, ["360p", "180p"]),
            ("audio", "en", ["audio-en"]),
            ("audio", "de", ["audio-de"]),
            ("text", "en", ["text-en"]),
            ("text", "de", ["text-de"]),
        ]


def test_the_files_are_read_also_from_a_zip_file(tmp_path: Path) -> None:
    package = Path(dashget.__file__).parent
    archive = tmp_path / "dashget.whl"
    with zipfile.ZipFile(archive, "w") as file:
        for path in package.rglob("*"):
            if "__pycache__" not in path.parts:
                file.write(path, path.relative_to(package.parent))
    script = (
        "from dashget.demo import presentation\n"
        "print(presentation.__file__, len(presentation.read_resources()))"
    )
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, sys.argv[1])\n{script}"]
    done = subprocess.run([*command, archive], capture_output=True, text=True, check=True)
    place, number = done.stdout.split()
    assert place.startswith(str(archive))
    assert int(number) == len(RESOURCES)
