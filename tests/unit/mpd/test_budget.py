"""Hostile documents: whatever they are made of, the work for them is counted, and has an end."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from dashget.errors import MPDError, UnsupportedMPDError
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.parse import parse_mpd
from dashget.mpd.remote import include_remote
from dashget.mpd.resolve import resolve

URL = "https://h/m.mpd"
HEAD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT10S"'
    ' xmlns:xlink="http://www.w3.org/1999/xlink" profiles="p" minBufferTime="PT1S">'
)
TEMPLATE = '<SegmentTemplate media="$RepresentationID$-$Number$.m4s" duration="2"/>'
QUERY = "urn:mpeg:dash:urlparam:2014"


def document(inside: str) -> bytes:
    return f"{HEAD}{inside}</MPD>".encode()


def a_set(before: str = "", representations: str = "", template: str = TEMPLATE) -> bytes:
    found = representations or '<Representation id="v" bandwidth="1"/>'
    return document(
        f'<Period><AdaptationSet mimeType="video/mp4">{before}{template}{found}</AdaptationSet>'
        "</Period>"
    )


def representations(count: int, inside: str = "") -> str:
    return "".join(
        f'<Representation id="{i}" bandwidth="1">{inside}</Representation>' for i in range(count)
    )


def template(media: str) -> str:
    return f'<SegmentTemplate media="{media}" duration="2"/>'


def namespaces(count: int) -> str:
    return " ".join(f'xmlns:n{i}="u{i}"' for i in range(count))


def parameters(text: str, given: str) -> str:
    return (
        f'<EssentialProperty schemeIdUri="{QUERY}"><up:UrlQueryInfo '
        'xmlns:up="urn:mpeg:dash:schema:urlparam:2014" '
        f'queryTemplate="{text}" queryString="{given}"/></EssentialProperty>'
    )


SMALL: dict[str, Callable[[int], bytes]] = {
    "text": lambda n: a_set(f"<Label>{'a b' * n}</Label>"),
    "references to characters": lambda n: a_set(f"<Label>{'&#x41;' * n}</Label>"),
    "comments": lambda n: a_set("<!---->" * n),
    "a comment": lambda n: a_set(f"<!--{'- ' * n}-->"),
    "a comment with hyphens": lambda n: a_set(f"<!--{'-' * n} -->"),
    "an open comment": lambda n: a_set("<!--" + "<!-" * n),
    "CDATA": lambda n: a_set("<![CDATA[]]>" * n),
    "namespaces, inherited": lambda n: document(f"<a {namespaces(n)}>" + '<b xmlns="x"/>' * n),
    "a namespace, inherited": lambda n: document(f'<a xmlns:n="{"u" * n}">' + "<n:b/>" * n),
    "attributes in a namespace": lambda n: document(f'<a xmlns:n="{"u" * n}">' + '<b n:c=""/>' * n),
    "a long name around others": lambda n: document(f"<{'a' * n}>" + "<b/>" * n),
    "attributes": lambda n: a_set("<a" + "".join(f' n{i}=""' for i in range(n)) + "/>"),
    "elements": lambda n: document("<a/>" * n),
    "Periods": lambda n: document("<Period/>" * n),
    "AdaptationSets": lambda n: document(f"<Period>{'<AdaptationSet/>' * n}</Period>"),
    "Representations": lambda n: a_set(representations=representations(n)),
    "SegmentURLs, inherited": lambda n: a_set(
        template='<SegmentList duration="1">' + '<SegmentURL media="a"/>' * n + "</SegmentList>",
        representations=representations(n),
    ),
    "invalid rows, inherited": lambda n: a_set(
        template='<SegmentTemplate media="$Time$"><SegmentTimeline>'
        + '<S d="x"/>' * n
        + "</SegmentTimeline></SegmentTemplate>",
        representations=representations(n),
    ),
    "rows in fractions, inherited": lambda n: a_set(
        template='<SegmentTemplate media="$Time$"><SegmentTimeline>'
        + '<S d="1.5"/>' * n
        + "</SegmentTimeline></SegmentTemplate>",
        representations=representations(n),
    ),
    "protections, inherited": lambda n: a_set(
        "".join(f'<ContentProtection schemeIdUri="u{i}"/>' for i in range(n)), representations(n)
    ),
    "protections, each with one more": lambda n: a_set(
        "".join(f'<ContentProtection schemeIdUri="u{i}"/>' for i in range(n)),
        representations(n, '<ContentProtection schemeIdUri="x"/>'),
    ),
    "descriptors, inherited": lambda n: a_set(
        "".join(f'<SupplementalProperty schemeIdUri="u{i}"/>' for i in range(n)),
        representations(n),
    ),
    "roles, inherited": lambda n: a_set(
        "".join(f'<Role schemeIdUri="u{i}"/>' for i in range(n)), representations(n)
    ),
    "a referred box": lambda n: document(
        f'<ContentProtection refId="a"><pssh>{"AAAA" * n}</pssh></ContentProtection><Period>'
        + '<ContentProtection ref="a"/>' * n
        + "<AdaptationSet><Representation/></AdaptationSet></Period>"
    ),
    "identifiers": lambda n: a_set(template=template("$Number$" * n)),
    "different identifiers": lambda n: a_set(
        template=template("".join(f"$Number%0{i % 60}d$$Time%0{i % 60}x$" for i in range(n)))
    ),
    "dollars": lambda n: a_set(template=template("$$" * n)),
    "braces": lambda n: a_set(template=template("{a" * n)),
    "an id in a template": lambda n: a_set(
        template=template("$RepresentationID$" * n),
        representations=f'<Representation id="{"v" * n}" bandwidth="1"/>',
    ),
    "a template, inherited": lambda n: a_set(
        template=template("a" * n + "$Number$"), representations=representations(n)
    ),
    "URL parameters": lambda n: a_set(parameters("$querypart$" * n, "a" * n)),
    "URL parameters, without end": lambda n: a_set(parameters("$query:" * n, "a")),
    "a base URL, inherited": lambda n: document(
        f"<BaseURL>{'a/' * n}</BaseURL><Period><AdaptationSet>"
        + representations(n, "<BaseURL>x</BaseURL>")
    ).replace(b"</MPD>", b"</AdaptationSet></Period></MPD>"),
    "base URLs": lambda n: a_set("<BaseURL>http://h/</BaseURL>" * n),
    "dots in a URL": lambda n: a_set(f"<BaseURL>http://h/{'a/' * n}{'../' * n}</BaseURL>"),
    "a data: URL": lambda n: a_set(template=template(f"data:,{'a' * n}$Number$")),
    "ampersands": lambda n: a_set(f"<Label>{'&' * n}</Label>"),
    "ampersands in an attribute": lambda n: a_set(f'<Label a="{"&" * n}"/>'),
    "attributes without space": lambda n: a_set("<Label " + 'a=""' * n + "/>"),
    "open tags": lambda n: a_set('<a "' * n),
    "stray bytes": lambda n: a_set("<a>\x01</a>" * n),
    "stray bytes in URLs": lambda n: a_set("<BaseURL>\x01</BaseURL>" * n),
    "blanks in a duration": lambda n: a_set().replace(b"PT10S", b"1d" + b" " * n + b"x"),
    "digits in a duration": lambda n: a_set().replace(b"PT10S", b"P" + b"1" * n + b"x"),
    "blanks in a declaration": lambda n: b"<?xml" + b"\n" * n + b" encoding='utf-16'" + a_set(),
    "declarations": lambda n: b"<?xml " * n + a_set(),
    "clocks": lambda n: document('<UTCTiming schemeIdUri="x" value="a b"/>' * n + "<Period/>"),
    "remote elements": lambda n: document('<Period xlink:href="a"/>' * n),
    "events": lambda n: document(f"<Period><EventStream>{'<Event/>' * n}</EventStream></Period>"),
}


def outcome(data: bytes, budget: Budget) -> str:
    """Parse and resolve a document; return the error, if there is one."""
    try:
        resolve(parse_mpd(data, url=URL, budget=budget), budget=budget)
    except MPDError as error:
        return error.message
    return ""


@pytest.mark.parametrize("kind", SMALL)
def test_work_that_is_done_is_counted(kind: str) -> None:
    """Nothing grows faster than what is spent, so a small limit ends it while it is small."""
    make = SMALL[kind]
    size = len(make(200)) - len(make(100))
    budget = Budget(WorkLimits(max_work=2_000_000))
    begun = time.process_time()
    message = outcome(make(64 * 1024 * 100 // size), budget)
    assert time.process_time() - begun < 5
    if budget.work > 2_000_000:
        assert "more work than the limit of 2,000,000 units" in message


def test_the_message_names_the_limit_and_what_was_done_at_last() -> None:
    with pytest.raises(UnsupportedMPDError, match="limit of 5,000 units, at last for ") as caught:
        parse_mpd(document("<Period/>" * 300), budget=Budget(WorkLimits(max_work=5_000)))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("count", [65, 1600])
def test_a_template_has_64_identifiers_at_most(count: int) -> None:
    data = a_set(template=template("$Number$" * count))
    presentation = resolve(parse_mpd(data, url=URL))
    (problem,) = presentation.periods[0].adaptation_sets[0].representations[0].problems
    assert (
        problem.message
        == f"the template has {count:,} identifiers; the limit is 64; --document-limits raises it"
    )


def test_a_template_is_no_longer_than_a_url_may_be() -> None:
    data = a_set(template=template("a" * 70_000 + "$Number$"))
    presentation = resolve(parse_mpd(data, url=URL))
    (problem,) = presentation.periods[0].adaptation_sets[0].representations[0].problems
    assert (
        problem.message
        == "the template has 70,009 characters; the limit is 65,536; --document-limits raises it"
    )


def test_copied_url_parameters_are_an_error_before_they_are_copied() -> None:
    data = a_set(parameters("$querypart$" * 20_000, "a" * 200_000))
    with pytest.raises(MPDError, match="URL parameters have more than 65,536 characters"):
        resolve(parse_mpd(data, url=URL))


def test_remote_elements_count_with_the_document() -> None:
    budget = Budget(WorkLimits(max_bytes=1000))
    mpd = parse_mpd(document('<Period xlink:href="a"/>'), url=URL, budget=budget)
    with pytest.raises(UnsupportedMPDError, match="1,000 bytes, with its remote elements"):
        include_remote(mpd, {"a": b"<Period/>" + b" " * 900}, budget=budget)
