"""Languages: which tags a person means by ``lang=en``."""

from __future__ import annotations

import pytest

from dashget.planning.languages import canonical, in_range


@pytest.mark.parametrize(
    ("tag", "one_form"),
    [
        ("en", "en"),
        ("eng", "en"),
        ("EN-gb", "en-gb"),
        ("en_US", "en-us"),
        (" en ", "en"),
        ("english", "en"),
        ("fre", "fr"),
        ("fra", "fr"),
        ("fre-CA", "fr-ca"),
        ("ger", "de"),
        ("deu", "de"),
        ("chi", "zh"),
        ("zho-Hant", "zh-hant"),
        ("cmn-Hans-CN", "zh-hans-cn"),
        ("zh-cmn-Hans", "zh-hans"),
        ("zh-yue-HK", "yue-hk"),
        ("iw", "he"),
        ("in", "id"),
        ("scc", "sr"),
        ("tl", "fil"),
        ("nob", "nb"),
        ("no-nob", "nb"),
        ("por-BR", "pt-br"),
        ("haw", "haw"),
        ("qaa", "qaa"),
        ("x-klingon", "x-klingon"),
        ("eng-USA", "en-usa"),
        ("", "und"),
        ("  ", "und"),
        (None, "und"),
        ("unknown", "und"),
        ("!", "!"),
    ],
)
def test_every_way_to_write_a_language_has_one_form(tag: str | None, one_form: str) -> None:
    assert canonical(tag) == one_form


@pytest.mark.parametrize(
    ("wanted", "tags", "others"),
    [
        ("en", ["en", "eng", "en-GB", "en_US", "EN", "English"], ["enm", "und", "fr", "", "en1"]),
        ("eng", ["en", "eng-GB"], ["fra"]),
        ("english", ["en", "eng"], ["enga"]),
        ("en-GB", ["en_GB", "eng-gb", "en-GB-oxendict"], ["en", "en-US", "en-GBX"]),
        ("pt-BR", ["pt-BR", "por-BR", "pt_br"], ["pt", "pt-PT", "por"]),
        ("zh", ["zh-Hans", "chi", "cmn-Hant", "yue", "zh-yue-HK"], ["za", "ja"]),
        ("zh-Hans", ["zh-Hans-CN", "zh-cmn-Hans", "cmn_Hans"], ["zh", "zh-Hant", "chi"]),
        ("yue", ["zh-yue", "yue-HK"], ["zh", "zh-HK"]),
        ("fre", ["fr", "fra", "fre", "fr-CA"], ["frr", "fro"]),
        ("no", ["nb", "nn", "nob", "nor", "no-NO"], ["nds"]),
        ("nb", ["nob", "nb-NO"], ["nn", "no"]),
        ("de-DE", ["de-DE-1996", "ger_DE"], ["de-Latn-DE", "de-Deva", "de"]),
        ("und", ["und", "", "unknown"], ["en", "unde"]),
    ],
)
def test_a_range_holds_a_language_in_every_spelling_and_what_is_narrower(
    wanted: str, tags: list[str], others: list[str]
) -> None:
    assert [tag for tag in tags if not in_range(tag, wanted)] == []
    assert [tag for tag in others if in_range(tag, wanted)] == []


def test_a_missing_language_is_undetermined() -> None:
    assert in_range(None, "und")
    assert not in_range(None, "en")
