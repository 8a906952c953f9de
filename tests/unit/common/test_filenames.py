"""Names on the disk are UTF-8, whatever the encoding of the locale."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
import unicodedata

import pytest

from dashget.common import filenames
from dashget.common.filenames import fold, leads_to
from tests.support.program import environment

NAMES = ("v/1.m4s", "caf\u00e9", "\u65e5\u672c/\u984c.mp4", "\U0001f600", "\x85\x9f", "a\udce9b")
SCRIPT = """
import json, os, sys
from dashget.common.filenames import from_disk, given, on_disk, readable
for name in json.loads(sys.argv[1]):
    there = on_disk(name)
    assert os.fsencode(there) == name.encode("utf-8", "surrogateescape"), name
    assert from_disk(there) == name, name
    if name.isprintable():
        assert readable(there) == name, name
    assert given(there) == there, name
    os.fsencode(given(name))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has names in Unicode everywhere")
@pytest.mark.parametrize("utf_8", ["0", "1"])
def test_a_name_on_the_disk_is_utf_8_and_stands_for_its_text(utf_8: str) -> None:
    more = {"LC_ALL": "C", "PYTHONUTF8": utf_8, "PYTHONCOERCECLOCALE": "0"}
    words = [sys.executable, "-c", SCRIPT, json.dumps(NAMES)]
    subprocess.run(words, env=environment(**more), check=True)


def test_nothing_is_done_where_names_are_utf_8_anyway() -> None:
    is_utf_8 = codecs.lookup(sys.getfilesystemencoding()).name == "utf-8"
    assert is_utf_8 is filenames.IS_UTF_8
    if is_utf_8:
        assert all(filenames.on_disk(name) is name for name in NAMES)
        assert filenames.readable is filenames.given is filenames.from_disk


@pytest.mark.slow
def test_a_folded_name_stays_and_is_that_of_its_other_forms() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        folded = fold(char)
        forms = {unicodedata.normalize(form, char) for form in ("NFC", "NFD", "NFKC", "NFKD")}
        forms |= {char.lower(), char.upper(), char.casefold(), folded}
        assert {fold(form) for form in forms} == {folded}, hex(code)


@pytest.mark.parametrize(
    "component",
    [
        *(".dashget", ".DASHGET", ".dashget.", ".dashget ", ".dashget. .", ".dashget:x"),
        *(".dashget::$INDEX_ALLOCATION", "DASHGE~1", "dashge~1", "DASHG~12", "DADB8C~5"),
        *(".dash\u200cget", ".dashget\ufe0f", "\ufeff.dashget", ".\uff44ashget", ".da\u017fhget"),
    ],
)
def test_other_spellings_of_a_name_lead_to_it(component: str) -> None:
    assert leads_to(component, [".dashget"])


@pytest.mark.parametrize(
    "component", ["dashget", ".dashget2", "dashge~x", "dashge~", "~1", "video~1", "a.dashget"]
)
def test_another_name_is_another_one(component: str) -> None:
    assert not leads_to(component, [".dashget"])
