"""Laws of names in the mirror: two URLs never share one, whatever their templates are."""

from __future__ import annotations

from itertools import product
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st

from dashget.common.filenames import fold
from dashget.mpd.template import Address, UrlPattern, parse_template
from dashget.planning.layout import Layout

BASE = "https://h.example/d/"
FIELDS = ("$Number$", "$Time$", "$Number%02d$", "$Time%03d$", "$Number%x$", "$Time%X$")
LITERALS = (
    *("a", "A", "1", "-", "b/", ".m4s", "@", "%40", "0", "_", "z" * 130),
    *("%C3%A9", "e%CC%81", "%EF%B8%8F", "%EF%BC%91", "%E2%84%AA", "k"),
)
"""Among them an accent in two forms, what nobody sees, and other forms of 1 and k."""
VALUES = (1, 5, 7, 12, 17, 51, 112, 171)

paths = st.lists(
    st.sampled_from([*FIELDS, *LITERALS]),
    min_size=1,
    max_size=4,
).map("".join)
queries = st.lists(st.sampled_from([*FIELDS, "t=", "&u=", "1", "-"]), max_size=3).map("".join)
templates = st.tuples(paths, queries).map(lambda both: "?".join(filter(None, both)))


@given(st.lists(templates, min_size=1, max_size=3))
@example(["$Number$$Time$?t=$Time$"])
@example(["$Number$1$Time$?t=$Time$", "$Number$$Time$?t=$Time$"])
@example(["$Number$-$Time$?t=$Time$", "$Time$-$Number$?t=$Time$"])
@example(["$Time$?t=$Time$", "$Time$?u=$Time$", "5?t=5"])
@example(["$Number%x$", "$Number%X$"])
@example(["$Number$A$Time$", "$Number$a1$Time$"])
@example(["$Number%x$$Time%X$"])
@example(["$Number%x$A$Time%x$"])
@example(["$Number$%EF%B8%8F$Time$"])
@example(["$Number$%EF%BC%91$Time$"])
def test_two_urls_never_share_a_name(texts: list[str]) -> None:
    addresses = []
    for text in texts:
        template, _ = parse_template(BASE + text)
        pattern = UrlPattern.from_marked(template.marked("r", 1), template.fields)
        addresses.append(Address((pattern,)))
    layout = Layout(BASE + "x.mpd", addresses)
    named: dict[str, str] = {}
    for address in addresses:
        for number, time in product(VALUES, VALUES):
            url = unquote(address.patterns[0].expand(number, time, None))
            name = fold(layout.path(address, number, time, None))
            assert named.setdefault(name, url) == url
