"""Paths in the mirror: safe, unique, and those of the server if possible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.common.filenames import leads_to
from dashget.errors import MPDError
from dashget.mpd.template import Address, UrlPattern, parse_template
from dashget.planning.layout import (
    Layout,
    SafePath,
    is_safe_path,
    local_manifest_name,
    manifest_name,
    root_name,
    safe_component,
)

MANIFEST = "https://h.example/vod/show/x.mpd"


def address(text: str) -> Address:
    template, _ = parse_template(text)
    return Address((UrlPattern.from_marked(template.marked("v1", 100), template.fields),))


def paths(*urls: str, manifest: str = MANIFEST) -> list[str]:
    """Make a layout of the URLs; return the path of segment 7 at time 700 of each."""
    addresses = [address(url) for url in urls]
    layout = Layout(manifest, addresses)
    return [layout.path(a, 7, 700, 1) for a in addresses]


def test_a_resource_below_the_manifest_keeps_its_relative_path() -> None:
    assert paths("https://h.example/vod/show/v/$Number%05d$.m4s") == ["v/00007.m4s"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://h.example/vod/other/a.mp4", "_external/h.example/vod/other/a.mp4"),
        ("https://cdn.example:8443/a.mp4", "_external/cdn.example_8443/a.mp4"),
        ("https://cdn.example:443/a.mp4", "_external/cdn.example/a.mp4"),
        ("http://h.example/vod/show/a.mp4", "_external/h.example/vod/show/a.mp4"),
        ("https://[::1]:8443/a.mp4", "_external/%3A%3A1_8443/a.mp4"),
        ("https://user:secret@cdn.example/a.mp4", "_external/cdn.example/a.mp4"),
    ],
)
def test_any_other_resource_goes_under_its_host(url: str, path: str) -> None:
    assert paths(url) == [path]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("x.mpd/v/1.m4s", "%5Fx.mpd/v/1.m4s"),
        ("X.MPD/1.m4s", "%5FX.MPD/1.m4s"),
        ("x.local.mpd/$Number$.m4s", "%5Fx.local.mpd/7.m4s"),
        ("sha256sums/a?b=c", "%5Fsha256sums/a"),
        ("%78.mpd/a", "%5Fx.mpd/a"),
        ("x.mpd2/a", "x.mpd2/a"),
    ],
)
def test_no_folder_has_the_name_of_a_file_of_our_own(url: str, path: str) -> None:
    assert paths(f"https://h.example/vod/show/{url}") == [path]


def test_no_folder_of_a_pattern_becomes_a_file_of_our_own() -> None:
    one, other = paths(
        "https://h.example/vod/show/$Number$.mpd/a",
        "https://h.example/vod/show/$Time$.mpd/a",
        manifest="https://h.example/vod/show/7.mpd",
    )
    assert (one, other) == ("%5F7.mpd/a", "%5F700.mpd/a")


def test_each_segment_of_a_template_in_a_data_url_has_its_file() -> None:
    pattern = address("data:,$Number$-$Time$")
    layout = Layout(MANIFEST, [pattern])
    one, other = (layout.path(pattern, number, 1, 1) for number in (7, 8))
    assert one != other
    assert one.startswith("_data/")
    assert one.endswith("-7-1")


def test_the_query_is_dropped_from_a_name() -> None:
    assert paths("https://h.example/vod/show/a.mp4?token=1") == ["a.mp4"]


def test_the_query_is_kept_where_two_resources_would_share_a_path() -> None:
    assert paths(
        "https://h.example/vod/show/a.mp4?rep=1", "https://h.example/vod/show/a.mp4?rep=2"
    ) == ["a.mp4@rep=1", "a.mp4@rep=2"]


def test_a_plain_name_stays_plain_beside_one_with_a_query() -> None:
    assert paths("https://h.example/vod/show/a.mp4", "https://h.example/vod/show/a.mp4?x") == [
        "a.mp4",
        "a.mp4@x",
    ]


def test_a_query_that_distinguishes_segments_is_kept() -> None:
    assert paths("https://h.example/vod/show/seg?n=$Number$") == ["seg@n=7"]


def test_a_query_that_repeats_the_number_of_the_path_is_dropped() -> None:
    assert paths("https://h.example/vod/show/$Number$.m4s?n=$Number$") == ["7.m4s"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("$Time$.m4s?t=$Time$", "700.m4s"),
        ("$Number%05d$.m4s?n=$Number$", "00007.m4s"),
        ("$Number$/a-$Time$.m4s?t=$Time%012d$&n=$Number%x$", "7/a-700.m4s"),
        ("$Number$.m4s?t=$Time$", "7.m4s@t=700"),
        ("$Number$$Time$.m4s?t=$Time$", "7700.m4s@t=700"),
        ("$Number$0a$Time$.m4s?t=$Time$", "70a700.m4s@t=700"),
    ],
)
def test_a_query_stays_only_where_the_path_does_not_tell_its_values(url: str, path: str) -> None:
    assert paths(f"https://h.example/vod/show/{url}") == [path]


def test_two_readings_of_one_path_keep_their_queries() -> None:
    urls = [f"https://h.example/vod/show/{url}" for url in ("$Time$-$Number$", "$Number$-$Time$")]
    asked = [f"{url}?t=$Time%02d$" for url in urls]
    assert paths(*asked) == ["700-7@t=700", "7-700@t=700"]
    one, other = paths(urls[1].replace("-", "x1") + "?t=$Time$", urls[1] + "?t=$Number$")
    assert (one, other) == ("7x1700", "7-700")


def test_fields_in_a_name_that_is_too_long_stay_apart() -> None:
    for middle in ("a" * 300, "a" * 120 + "/" + "/".join(["b" * 200] * 5)):
        pattern = address(f"https://h.example/vod/show/$Number${middle}$Time$.m4s")
        layout = Layout(MANIFEST, [pattern])
        assert layout.path(pattern, 5, 17, 1) != layout.path(pattern, 51, 7, 1)


@pytest.mark.parametrize("width", [20, 21, 40, 64, 99_999])
@pytest.mark.parametrize("length", [1, 100, 180, 236, 300])
@pytest.mark.parametrize(
    "form", ["{0}{1}", "{1}{0}{1}.m4s", "{1}/{0}-{1}", "{1}{0}$Time%0{2}d$", "{0}?t={1}"]
)
def test_wide_fields_fit_into_a_name(width: int, length: int, form: str) -> None:
    text = form.format("a" * length, f"$Number%0{width}d$", width)
    pattern = address(f"https://h.example/vod/show/{text}")
    layout = Layout(MANIFEST, [pattern])
    one, other = (layout.path(pattern, number, 10**19, 1) for number in (7, 8))
    assert one != other
    assert all(len(part) <= 255 for part in one.split("/"))


def test_patterns_that_can_expand_to_the_same_path_keep_their_queries() -> None:
    first, second = paths(
        "https://h.example/vod/show/$Number$.m4s?k=1", "https://h.example/vod/show/7.m4s?k=2"
    )
    assert (first, second) == ("7.m4s@k=1", "7.m4s@k=2")


def test_a_listed_url_that_a_template_also_makes_is_the_same_file() -> None:
    assert paths("https://h.example/vod/show/$Number$.m4s", "https://h.example/vod/show/7.m4s") == [
        "7.m4s",
        "7.m4s",
    ]


def test_names_that_differ_only_in_case_get_different_paths() -> None:
    first, second = paths(
        "https://h.example/vod/show/V/$Number$.m4s", "https://h.example/vod/show/v/$Number$.m4s"
    )
    assert first.casefold() != second.casefold()
    assert first.endswith(".m4s")


def test_http_and_https_of_one_host_get_different_paths() -> None:
    first, second = paths("http://cdn.example/a.mp4", "https://cdn.example/a.mp4")
    assert first != second


def test_a_file_never_takes_the_name_of_a_directory() -> None:
    first, second = paths("https://h.example/vod/show/v", "https://h.example/vod/show/v/1.m4s")
    assert second == "v/1.m4s"
    assert first.startswith("v~")


def test_a_file_never_takes_a_name_that_a_directory_pattern_can_expand_to() -> None:
    file, below = paths("https://h.example/vod/show/7", "https://h.example/vod/show/$Number$/a")
    assert below == "7/a"
    assert file.startswith("7~")


@pytest.mark.parametrize("name", ["x.mpd", "x.local.mpd", "X.MPD", "SHA256SUMS"])
def test_a_segment_never_takes_the_name_of_the_manifest(name: str) -> None:
    assert paths(f"https://h.example/vod/show/{name}")[0].casefold() != name.casefold()


@pytest.mark.parametrize(
    "folder",
    [
        *(".dashget", ".DashGet", "_external", "_data", "%2edashget", "DASHGE~1", "dashge~2"),
        *("DADB8C~5", ".dashget%EF%B8%8F", "%E2%80%8B.dashget", ".%EF%BD%84ashget"),
    ],
)
def test_resources_never_use_the_names_of_the_mirrors_own_directories(folder: str) -> None:
    path = paths(f"https://h.example/vod/show/{folder}/record.jsonl")[0]
    assert path.startswith("%")
    assert not leads_to(path.split("/")[0], (".dashget", "_external", "_data"))


def test_names_do_not_depend_on_the_order_of_addresses() -> None:
    urls = [
        "https://h.example/vod/show/a?x=1",
        "https://h.example/vod/show/A?x=1",
        "https://h.example/vod/show/a?x=2",
        "https://h.example/vod/show/a/$Number$",
    ]
    forward = dict(zip(urls, paths(*urls), strict=True))
    backward = dict(zip(reversed(urls), paths(*reversed(urls)), strict=True))
    assert forward == backward


def test_embedded_resources_have_their_own_directory() -> None:
    path = paths("data:text/vtt,WEBVTT")[0]
    assert path.startswith("_data/")


@pytest.mark.parametrize(
    ("component", "name"),
    [
        ("a%20b.mp4", "a b.mp4"),
        ("..", ".%2E"),
        (".", "%2E"),
        ("%2e%2e", ".%2E"),
        ("", "%5F"),
        ("%25", "%"),
        ("%5F", "_"),
        ("%255F", "%255F"),
        ("a%2Fb", "a%2Fb"),
        ("a%5Cb", "a%5Cb"),
        ("a%252Fb", "a%252Fb"),
        ("100%25", "100%"),
        ("a%00b", "a%00b"),
        ("a%1B[2Jb", "a%1B[2Jb"),
        ("c:d", "c%3Ad"),
        ("CON", "%43ON"),
        ("nul.mp4", "%6Eul.mp4"),
        ("Com9.tar.gz", "%43om9.tar.gz"),
        ("lpt%C2%B9", "%6Cpt¹"),
        ("conin$", "%63onin$"),
        ("com10", "com10"),
        ("console.mp4", "console.mp4"),
        ("a.", "a%2E"),
        ("a%20", "a%20"),
        ("%FFx", "%FFx"),
        ("%E2%80%AEgpj.mp4", "%E2%80%AEgpj.mp4"),
        ("é.mp4", "é.mp4"),
    ],
)
def test_a_component_is_decoded_once_and_made_safe(component: str, name: str) -> None:
    assert safe_component(component) == name


def test_a_long_name_is_cut_to_255_bytes_and_keeps_its_extension() -> None:
    name = safe_component("é" * 300 + ".mp4")
    assert len(name.encode()) <= 255
    assert name.endswith(".mp4")
    assert name != safe_component("é" * 301 + ".mp4")


def test_a_long_pattern_keeps_its_field_and_room_for_its_digits() -> None:
    path = paths(f"https://h.example/vod/show/{'y' * 300}-$Number$.m4s")[0]
    assert len(path.encode()) <= 255
    assert "7" in path


def test_a_path_too_long_for_any_system_is_replaced() -> None:
    path = paths("https://h.example/vod/show/" + "d/" * 800 + "$Number$.m4s")[0]
    assert len(path) < 300
    assert path.endswith(".m4s")


@given(st.text(max_size=40), st.text(max_size=40))
def test_components_are_safe_and_unique(one: str, other: str) -> None:
    first = safe_component(_encoded(one))
    assert "/" not in first
    assert "\\" not in first
    assert first not in ("", ".", "..")
    assert "\x00" not in first
    second = safe_component(_encoded(other))
    assert (first == second) == (one == other)


def _encoded(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


PIECES = (*"ab/.%2eE?=:\\~@AB5 7\u202e", "$Number$", "%25", "%2F", "..", "%5F")
URLS = st.lists(
    st.lists(st.sampled_from(PIECES), max_size=9).map("".join), min_size=2, max_size=6, unique=True
)


@given(URLS)
def test_paths_stay_inside_and_are_never_shared_by_different_resources(tails: list[str]) -> None:
    urls = [f"https://h.example/vod/show/{tail}" for tail in tails]
    named = dict(zip(urls, paths(*urls), strict=True))
    for path in named.values():
        parts = path.split("/")
        assert all(part not in ("", ".", "..") for part in parts)
        assert parts[0].casefold() != ".dashget"
    by_path: dict[str, set[str]] = {}
    for url, path in named.items():
        expanded = url.replace("$Number$", "7")
        by_path.setdefault(path.casefold(), set()).add(_equivalent(expanded))
    assert all(len(group) == 1 for group in by_path.values())
    files = set(named.values())
    assert not any(f"{one}/" == other[: len(one) + 1] for one in files for other in files)


def _equivalent(url: str) -> str:
    """Decode the equivalent encodings (RFC 3986, 6.2.2.2) that occur in URLS."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    return f"{unquote(parts.path)}?{parts.query}" if parts.query else unquote(parts.path)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/a/manifest.mpd", "manifest.mpd"),
        ("https://h/a/Manifest.MPD?x=1", "Manifest.MPD"),
        ("https://h/a/Manifest(format=mpd-time-csf)", "Manifest(format=mpd-time-csf).mpd"),
        ("https://h/dash", "dash.mpd"),
        ("https://h/a/", "manifest.mpd"),
        ("https://h/v.ism/.mpd", ".mpd"),
    ],
)
def test_the_manifest_is_saved_under_its_last_component(url: str, name: str) -> None:
    assert manifest_name(url) == name


def test_the_local_manifest_is_stored_beside_the_received_one() -> None:
    assert local_manifest_name("a.mpd") == "a.local.mpd"
    assert local_manifest_name("A.MPD") == "A.local.mpd"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h.example/vod/bbb/manifest.mpd", "bbb"),
        ("https://h.example/manifest.mpd", "h.example"),
        ("https://h.example/a/..%2f/x.mpd", "%2F"),
        ("https://h.example/..aux/x.mpd", "%61ux"),
        ("https://h.example/%2e%2eNUL.d/x.mpd", "%4EUL.d"),
        ("https://h.example/.~-/x.mpd", "dash"),
        ("https://h.example/-%2Ea%2E/x.mpd", "a%2E"),
        ("file:///home/me/show/x.mpd", "show"),
    ],
)
def test_the_default_directory_is_named_after_the_manifests_directory(url: str, name: str) -> None:
    assert root_name(url) == name


def test_a_layout_accepts_a_name_for_the_manifest() -> None:
    layout = Layout(MANIFEST, [address("https://h.example/vod/show/y.mpd")], name=SafePath("y.mpd"))
    path = layout.path(address("https://h.example/vod/show/y.mpd"), None, None, None)
    assert path != "y.mpd"


def test_templates_that_differ_only_in_an_identifier_get_different_paths() -> None:
    texts = ("v/$Number$.m4s", "v/$Number%05d$.m4s", "v/$Time$.m4s", "v/$Number%x$.m4s")
    addresses = [address(f"https://h.example/vod/show/{text}") for text in texts]
    layout = Layout(MANIFEST, addresses)
    named = [layout.path(a, 17, 700, 1) for a in addresses]
    assert named == ["v/17.m4s", "v/00017.m4s", "v/700.m4s", "v/11.m4s"]


def test_an_encoded_private_use_character_is_not_read_as_a_field() -> None:
    assert paths("https://h.example/vod/show/a%EE%80%80-$Number$.m4s") == ["a%EE%80%80-7.m4s"]
    assert paths("https://h.example/vod/show/a%EE%80%80.m4s") == ["a%EE%80%80.m4s"]


def test_the_manifests_name_leaves_room_for_its_other_versions() -> None:
    name = manifest_name(f"https://h/{'x' * 250}.mpd")
    assert len(name) <= 210
    assert name.endswith(".mpd")


@pytest.mark.parametrize("url", ["http://[::1/x", "http://h:99999/x", "http://h:abc/x"])
def test_an_invalid_url_is_an_error_of_the_manifest(url: str) -> None:
    with pytest.raises(MPDError, match="not a valid URL"):
        paths(url)


@pytest.mark.slow
def test_paths_of_many_similar_templates_take_little_time() -> None:
    """Comparing these pair by pair would take thousands of millions of steps."""
    urls = [f"https://h.example/vod/show/seg-$Number$-p{n}.m4s" for n in range(3000)]
    named = paths(*urls)
    assert named[17] == "seg-7-p17.m4s"
    queries = [f"https://h.example/vod/show/seg-$Number$.m4s?p={n}" for n in range(3000)]
    assert paths(*queries)[17] == "seg-7.m4s@p=17"


@given(URLS)
def test_the_fast_path_gives_the_same_name_as_the_full_rules(tails: list[str]) -> None:
    from dashget.planning import layout as module

    urls = [f"https://h.example/vod/show/{tail}" for tail in tails]
    short = paths(*urls)
    known = module._is_plain
    module._is_plain = lambda *_: False
    try:
        assert paths(*urls) == short
    finally:
        module._is_plain = known


@given(st.text(alphabet="a./\\\0 ", max_size=8) | st.sampled_from([".DASHGET/x", "a/.dashget"]))
def test_a_path_is_safe_if_all_components_are(path: str) -> None:
    parts = path.split("/")
    safe = not {"", ".", ".."} & {*parts} and not leads_to(parts[0], [".dashget"])
    assert is_safe_path(path) is (safe and "\\" not in path and "\0" not in path)


@pytest.mark.parametrize(
    ("template", "literal"),
    [("$Number%x$", "Ab"), ("v/$Number%x$.m4s", "V/aB.m4s"), ("$Number%X$.mp4", "ab.mp4")],
)
def test_digits_that_are_letters_give_no_name_that_differs_in_case_only(
    template: str, literal: str
) -> None:
    base = "https://h.example/vod/show/"
    addresses = [address(base + template), address(base + literal)]
    layout = Layout(MANIFEST, addresses)
    first, second = (layout.path(a, 171, None, None) for a in addresses)
    assert first.casefold() != second.casefold()


def test_digits_in_capitals_give_no_name_that_differs_in_case_only() -> None:
    base = "https://h.example/vod/show/"
    addresses = [address(base + text) for text in ("$Number%x$.m4s", "$Number%X$.m4s")]
    layout = Layout(MANIFEST, addresses)
    first, second = (layout.path(a, 171, None, None) for a in addresses)
    assert (first[:2], second[:2]) == ("ab", "AB")
    assert first.casefold() != second.casefold()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("%C3%A9.m4s", "e%CC%81.m4s"),
        ("a.m4s", "a%EF%B8%8F.m4s"),
        ("a.m4s", "%E3%85%A4a.m4s"),
        ("k.m4s", "%E2%84%AA.m4s"),
        ("1.m4s", "%EF%BC%91.m4s"),
        ("%C3%9F.m4s", "SS.m4s"),
        ("a%CC%A3%CC%81.m4s", "a%CC%81%CC%A3.m4s"),
        ("$Number$A$Time$.m4s", "$Number$a1$Time$.m4s"),
        ("%EF%BC%97$Time$.m4s", "$Number$.m4s"),
    ],
)
def test_names_that_some_disk_takes_for_one_are_told_apart(one: str, other: str) -> None:
    """Another form of accents or letters; what nobody sees; the case of a letter among digits."""
    base = "https://h.example/vod/show/"
    found = paths(base + one, base + other)
    assert all("~" in path for path in found)


@pytest.mark.parametrize("behind", ["", "/x.m4s"])
def test_a_name_that_was_made_for_another_resource_is_taken(behind: str) -> None:
    """Whoever wrote the manifest can work out which tag a name gets, and use it."""
    base = "https://h.example/vod/show/"
    both = paths(base + "a.m4s", base + "A.m4s")
    found = paths(base + "a.m4s", base + "A.m4s", base + both[0] + behind)
    assert len({path.casefold() for path in found}) == 3
    assert all(path.endswith(".m4s") and path.count("/") == 1 for path in found)
    assert paths(base + "a.m4s", base + "A.m4s", base + both[0] + behind) == found


def test_in_a_chain_of_names_that_were_made_for_others_no_two_are_one() -> None:
    base = "https://h.example/vod/show/"
    urls = [base + "a.m4s", base + "A.m4s"]
    for _ in range(9):
        urls.append(base + paths(*urls)[-1].rpartition("/")[2])
    found = paths(*urls)
    assert len({path.casefold() for path in found}) == len(set(urls))
