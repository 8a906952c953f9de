"""A target for patches: one that a server sent, and one that is made by comparing two MPDs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from dashget.errors import DashGetError
from dashget.mpd.budget import Budget
from dashget.mpd.patch import apply_patch
from dashget.mpd.xmlnodes import read_nodes
from tests.fuzz.mutation import bytewise, of_xml
from tests.fuzz.target import LONGEST, SEPARATOR, check_error
from tests.support.patching import make_patch, meaning

_PUBLISHED = re.compile(rb'publishTime="[^"]*"')
_MPD = b"""<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="a" publishTime="2026-01-01T00:00:00Z" \
type="dynamic"><PatchLocation ttl="60">p.mpp</PatchLocation><Period id="P0"><AdaptationSet \
id="1"><SegmentTemplate media="$Time$.m4s"><SegmentTimeline><S t="0" d="4" r="3"/><S d="5"/>\
</SegmentTimeline></SegmentTemplate></AdaptationSet></Period></MPD>"""
_PATCH = b"""<Patch xmlns="urn:mpeg:dash:schema:mpd-patch:2020" mpdId="a" \
originalPublishTime="2026-01-01T00:00:00Z" publishTime="2026-01-01T00:00:02Z">\
<replace sel="/MPD/@publishTime">2026-01-01T00:00:02Z</replace><remove ws="after" \
sel="/MPD/Period[@id='P0']/AdaptationSet[@id='1']/SegmentTemplate/SegmentTimeline/S[1]"/>\
<add sel="/MPD/Period[1]/AdaptationSet/SegmentTemplate/SegmentTimeline" pos="prepend"><S t="4" \
d="4" r="2"/></add><add sel="/MPD/Period/*/SegmentTemplate" type="@x:y" xmlns:x="urn:x">1</add>\
<replace sel="MPD/PatchLocation/text()">q.mpp</replace></Patch>"""


def run_patch(data: bytes) -> None:
    """Apply a patch to a document; or compare two documents, and apply what differs."""
    document, _, second = data.partition(SEPARATOR)
    try:
        patched = apply_patch(document, second, Budget())
    except DashGetError as error:
        check_error(error)
    else:
        # What comes out is a document again.
        meaning(patched)
    if b"<Patch" not in second:
        _compare(document, second)


def _compare(before: bytes, after: bytes) -> None:
    """A patch that is made of two documents leads from the one to the other."""
    if len(before) + len(after) > LONGEST // 4:
        return
    # Only the times have to be those of a patch.
    before = _PUBLISHED.sub(b'publishTime="2026-01-01T00:00:00Z"', before)
    after = _PUBLISHED.sub(b'publishTime="2026-01-01T00:00:02Z"', after)
    try:
        if _root(before) != _root(after):
            return
        patch, expected = make_patch(before, after), meaning(after)
        outcome = apply_patch(before, patch, Budget())
    except DashGetError as error:
        check_error(error)
    else:
        assert meaning(outcome) == expected


def _root(document: bytes) -> tuple[str, dict[str, str]]:
    """Return how the root is called, and what it declares: no packager changes these."""
    root = next(read_nodes(document, Budget()).elements())
    return root.qname, root.declared


def patch_seeds() -> Sequence[bytes]:
    """Return a document with a patch, and pairs of documents."""
    later = _MPD.replace(b'<S t="0"', b'<S t="4"').replace(b"</Period>", b"<!--x--></Period>")
    more = _MPD.replace(b"</MPD>", b' <Period id="P1"/>text</MPD>')
    foreign = more.replace(b'id="a"', b'id="a" xmlns:x="urn:x" x:y="1"')
    return [SEPARATOR.join(pair) for pair in ((_MPD, _PATCH), (_MPD, later), (more, foreign))]


def mutate_patch(data: bytes, random: Random) -> bytes:
    """Vary the patch, or the document."""
    document, _, second = data.partition(SEPARATOR)
    vary = of_xml if random.random() < 0.9 else bytewise
    if random.random() < 0.7:
        second = vary(second, random)
    else:
        document = vary(document, random)
    return document + SEPARATOR + second
