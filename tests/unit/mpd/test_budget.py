"""Hostile documents: whatever they are made of, the work for them is counted, and has an end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import pytest

from dashget.errors import MPDError, UnsupportedMPDError
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.parse import parse_mpd
from dashget.mpd.remote import include_remote
from dashget.mpd.resolve import resolve
from dashget.planning.limits import Limits, require_countable
from dashget.planning.plan import iter_plan, make_layout
from dashget.planning.tracks import make_tracks, split_sound
from dashget.playable.localmpd import make_local_mpd
from tests.support.measured import Measuring

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
    "namespaces, inherited": lambda n: document(
        f"<a {namespaces(n)}>" + '<b xmlns="x"/>' * n + "</a>"
    ),
    "a namespace, inherited": lambda n: document(
        f'<a xmlns:n="{"u" * n}">' + "<n:b/>" * n + "</a>"
    ),
    "attributes in a namespace": lambda n: document(
        f'<a xmlns:n="{"u" * n}">' + '<b n:c=""/>' * n + "</a>"
    ),
    "a long name around others": lambda n: document(f"<{'a' * n}>" + "<b/>" * n + f"</{'a' * n}>"),
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
    "different files at a long base URL": lambda n: document(
        f"<BaseURL>{'a/' * n}</BaseURL><Period><AdaptationSet>"
        + "".join(
            f'<Representation id="{i}"><BaseURL>x{i}</BaseURL></Representation>' for i in range(n)
        )
        + "</AdaptationSet></Period>"
    ),
    "a long base URL of templates": lambda n: document(
        f"<BaseURL>{'a/' * n}</BaseURL><Period><AdaptationSet>{TEMPLATE}"
        + representations(n)
        + "</AdaptationSet></Period>"
    ),
    "base URLs, multiplied": lambda n: document(
        "<BaseURL>a/</BaseURL>" * n
        + "<Period>"
        + "<BaseURL>b/</BaseURL>" * n
        + f"<AdaptationSet>{TEMPLATE}<Representation/></AdaptationSet></Period>"
    ),
    "parts of a segment": lambda n: a_set(
        template='<SegmentTemplate media="$Number$-$SubNumber$"><SegmentTimeline>'
        + '<S d="1" k="999999"/>' * n
        + "</SegmentTimeline></SegmentTemplate>"
    ),
    "repeated rows": lambda n: a_set(
        template='<SegmentTemplate media="$Time$"><SegmentTimeline>'
        + '<S d="1" r="999999999"/>' * n
        + "</SegmentTimeline></SegmentTemplate>"
    ),
    "templates that overlap": lambda n: a_set(
        representations="".join(
            f'<Representation id="{i}">{template(f"$Number${i}$Time$")}</Representation>'
            for i in range(n)
        )
    ),
    "long templates that overlap": lambda n: a_set(
        representations="".join(
            f'<Representation id="{i}">{template("$Number$-$Time$" * 20 + f"-{i}-$Number$")}'
            "</Representation>"
            for i in range(n)
        )
    ),
    "files that a template may name": lambda n: a_set(
        template='<SegmentList duration="1">'
        + "".join(f'<SegmentURL media="{i}"/>' for i in range(n))
        + "</SegmentList>",
        representations=representations(1)
        + f'<Representation id="x">{template("$Number$")}</Representation>',
    ),
    "folders like the manifest": lambda n: a_set(
        representations="".join(
            f'<Representation id="{i}">{template("$Number$" * 9 + f"m$Time${i}/x")}</Representation>'
            for i in range(n)
        )
    ),
    "queries of one file": lambda n: a_set(
        template='<SegmentList duration="1">'
        + "".join(f'<SegmentURL media="1?{i}"/>' for i in range(n))
        + "</SegmentList>",
        representations=representations(1)
        + "".join(
            f'<Representation id="{i}">{template(f"$Number$?{i}=$Number$")}</Representation>'
            for i in range(n)
        ),
    ),
    "folders of files": lambda n: a_set(
        template='<SegmentList duration="1">'
        + "".join(f'<SegmentURL media="{i}/{"a/" * 30}x"/>' for i in range(n))
        + "</SegmentList>"
    ),
    "data: URLs": lambda n: a_set(
        template='<SegmentList duration="1">'
        + "".join(f'<SegmentURL media="data:,{i}"/>' for i in range(n))
        + "</SegmentList>"
    ),
    "data: URLs of Representations": lambda n: a_set(
        representations=representations(n, "<BaseURL>data:;base64,AAAA</BaseURL>"), template=""
    ),
    "a data: URL, inherited": lambda n: document(
        f"<BaseURL>data:,{'a' * n}</BaseURL><Period><AdaptationSet>{representations(n)}"
        "</AdaptationSet></Period>"
    ),
    "segment information, inherited": lambda n: a_set(
        template="<SegmentTemplate media='https://x/$Number$' duration='2' "
        + " ".join(f'n{i}=""' for i in range(n))
        + "/>",
        representations=representations(n),
    ),
    "unknown elements, inherited": lambda n: a_set(
        template="<SegmentTemplate media='https://x/$Number$'><SegmentTimeline><S d='1'/>"
        + "<x/>" * n
        + "</SegmentTimeline></SegmentTemplate>",
        representations=representations(n, "<SegmentTemplate timescale='2'/>"),
    ),
    "labels around Representations": lambda n: document(
        "<Period><AdaptationSet>"
        + "<Label/>" * n
        + representations(n, "<BaseURL>https://x/</BaseURL>")
        + "<Label/></AdaptationSet></Period>"
    ),
    "an open row, shared": lambda n: a_set(
        template='<SegmentTemplate media="https://x/$Time$" startNumber="3"><SegmentTimeline>'
        + '<S d="1"/>' * n
        + '<S d="9" r="-1"/></SegmentTimeline></SegmentTemplate>',
        representations=representations(n),
    ),
    "ids in a shared template": lambda n: a_set(
        template=template("https://x/" + "a-" * n + "$RepresentationID$/$Number$"),
        representations=representations(n),
    ),
    "namespaces, declared again": lambda n: document(
        f"<a {namespaces(n)}>" + '<b xmlns:n0="x" n0:c=""/>' * n + "</a><Period/>"
    ),
    "attributes in namespaces": lambda n: document(
        f"<a {namespaces(n)} " + " ".join(f'n{i}:a=""' for i in range(n)) + "/><Period/>"
    ),
    "text with hosts": lambda n: a_set(f"<a>{'/ ' * n}</a><b c='{'a:' * n}'/>"),
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
    """Take a document through all stages to the local MPD; return the error, if there is one."""
    try:
        presentation = resolve(parse_mpd(data, url=URL, budget=budget), budget=budget)
        tracks = make_tracks(split_sound(presentation)[0])
        require_countable(tracks, Limits())
        layout = make_layout(presentation, budget=budget)
        for _ in islice(iter_plan(tracks, layout), 1000):
            pass
        make_local_mpd(data, presentation, tracks, layout, budget=budget)
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


def cases() -> dict[str, Callable[[], object]]:
    """Return what takes each document, of 64 KiB and of 8 MiB, through all stages."""

    def one(kind: str, size: int) -> None:
        make = SMALL[kind]
        each = (len(make(200)) - len(make(100))) / 100
        budget = Budget()
        outcome(make(max(1, int(size / each))), budget)
        assert budget.allowed < least_of(size)

    small = {kind: partial(one, kind, 64 * 1024) for kind in SMALL}
    return {**small, **{f"8 MiB: {kind}": partial(one, kind, 8 << 20) for kind in SMALL}}


def least_of(size: int) -> int:
    """Return the work that no document of a size may cause."""
    limits = WorkLimits()
    return limits.least_work + limits.work_per_byte * (size + size // 4)


@pytest.fixture(scope="module")
def measuring() -> Iterator[Measuring]:
    """What tells how much a small document costs, in a process of its own."""
    with Measuring("tests.unit.mpd.test_budget") as found:
        yield found


@pytest.mark.parametrize("kind", SMALL)
def test_a_small_document_takes_a_second_and_256_mib_at_most(
    kind: str, measuring: Measuring
) -> None:
    """64 KiB, on a computer that does nothing else: elsewhere, its speed counts."""
    found = measuring.cost(kind)
    assert found.code == 0
    assert found.memory < 256 << 20
    if found.seconds >= 1:
        # Others may have been at work just then.
        found = min((measuring.cost(kind) for _ in range(3)), key=lambda cost: cost.seconds)
    assert found.seconds < 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["a namespace, inherited", "stray bytes"])
def test_a_large_document_takes_fifteen_seconds_and_a_gib_at_most(
    kind: str, measuring: Measuring
) -> None:
    found = measuring.cost(f"8 MiB: {kind}")
    assert found.code == 0
    assert found.seconds < 15
    assert found.memory < 1 << 30


def test_a_document_may_cause_work_for_its_size() -> None:
    data = a_set("".join(f'<ContentProtection schemeIdUri="{i}"/>' for i in range(400)))
    limits = WorkLimits(work_per_byte=10, least_work=1_000)
    with pytest.raises(UnsupportedMPDError, match="units for its size, at last for ") as caught:
        parse_mpd(data, budget=Budget(limits))
    assert caught.value.hint is not None
    assert "--document-limits 4" in caught.value.hint
    parse_mpd(data, budget=Budget(limits.times(20)))


def test_a_copy_of_a_budget_has_as_much_left() -> None:
    budget = Budget()
    parse_mpd(a_set(), budget=budget)
    copied = budget.copy()
    assert (copied.left, copied.bytes, copied.elements) == (
        budget.left,
        budget.bytes,
        budget.elements,
    )
    copied.spend(1, "a test")
    assert copied.left == budget.left - 1


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


TOKENS = [
    "<!--{}-->",
    "<!--{}",
    "<?x {}?>",
    "<?x {}",
    '<a b="{}"/>',
    '<a b="{}',
    "<{}/>",
    "<a {}",
    "<!DOCTYPE MPD><!--{}-->",
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("place", ["before", "inside"])
def test_a_token_of_megabytes_is_refused_before_it_is_read_again(token: str, place: str) -> None:
    """expat 2.5 reads what has not ended again with each megabyte: 70 MB would take 13 s."""
    text = token.format("x" * 6_000_000)
    data = {
        "before": text.encode() + a_set(),
        "inside": a_set(text),
    }[place]
    begun = time.process_time()
    with pytest.raises(MPDError) as caught:
        parse_mpd(data)
    assert time.process_time() - begun < 5
    if place == "inside" and "DOCTYPE" not in token:
        message = caught.value.message
        assert message.startswith("a tag or comment has more than 4,194,304 bytes (line 1)")


def test_text_of_megabytes_is_read() -> None:
    data = a_set(f"<Label>{'a b ' * 1_500_000}</Label><Label><![CDATA[{'x' * 5_000_000}]]></Label>")
    assert parse_mpd(data).periods


def test_the_urls_of_a_plan_have_a_limit_altogether() -> None:
    data = a_set(f"<BaseURL>{'a/' * 30_000}</BaseURL>").replace(b"PT10S", b"PT180000S")
    budget = Budget()
    tracks = make_tracks(resolve(parse_mpd(data, url=URL, budget=budget), budget=budget))
    told = "more than 1,000,000,000 characters, at last 90,000 times 60,0"
    with pytest.raises(UnsupportedMPDError, match=told) as caught:
        require_countable(tracks, Limits(), budget)
    assert caught.value.hint is not None
    assert "--document-limits" in caught.value.hint
    require_countable(tracks, Limits(), Budget(WorkLimits().times(6)))


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


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_of_megabytes_behind_a_document_takes_no_time(token: str) -> None:
    """It is left out with a warning, or the document is refused."""
    begun = time.process_time()
    with contextlib.suppress(MPDError):
        parse_mpd(a_set() + token.format("x" * 6_000_000).encode())
    assert time.process_time() - begun < 5
