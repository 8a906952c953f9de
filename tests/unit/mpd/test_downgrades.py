"""A document that came over https names no http URL, also if it was saved in between."""

from __future__ import annotations

import pytest

from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import SingleAddressing
from dashget.mpd.resolve import resolve
from dashget.planning.tracks import iter_representations

DOCUMENT = """<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT1S"
 mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:full:2011">{location}<Period>
<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1"><BaseURL>{base}</BaseURL>
</Representation></AdaptationSet></Period></MPD>"""


def problem(base: str, *, location: str = "", **keywords: object) -> str:
    mpd = parse_mpd(DOCUMENT.format(base=base, location=location).encode())
    options = {"url": "file:///saved/m.mpd", **keywords}
    presentation = resolve(mpd, **options)  # type: ignore[arg-type]  # keywords of one function
    return str(presentation.problems)


@pytest.mark.parametrize("base", ["http://cdn.example/a.mp4", "HTTP://cdn.example/a.mp4"])
@pytest.mark.parametrize(
    "keywords",
    [
        {"url": "https://h/m.mpd"},
        {"base_url": "https://h/m.mpd"},
        {"base_url": "HTTPS://h/m.mpd"},
    ],
    ids=str,
)
def test_http_is_refused(base: str, keywords: dict[str, object]) -> None:
    assert "leads from https to http" in problem(base, **keywords)
    assert problem(base, allow_downgrade=True, **keywords) == "()"
    assert problem(base.replace("http:", "https:").replace("HTTP:", "https:"), **keywords) == "()"


@pytest.mark.parametrize(
    "keywords", [{"url": "http://h/m.mpd"}, {"base_url": "http://h/m.mpd"}, {}], ids=str
)
def test_what_did_not_come_over_https_may_name_http(keywords: dict[str, object]) -> None:
    assert problem("http://cdn.example/a.mp4", **keywords) == "()"


@pytest.mark.parametrize("place", ["http://evil.example/m.mpd", "HTTP://evil.example/m.mpd"])
def test_a_location_with_http_is_not_followed(place: str) -> None:
    location = f"<Location>{place}</Location>"
    assert problem("a.mp4", location=location, base_url="https://h/m.mpd") == "()"
    mpd = parse_mpd(DOCUMENT.format(base="a.mp4", location=location).encode())
    presentation = resolve(mpd, url="file:///saved/m.mpd", base_url="https://h/m.mpd")
    (found,) = iter_representations(presentation)
    assert isinstance(found.addressing, SingleAddressing)
    assert [p.marked for p in found.addressing.media.patterns] == ["https://h/a.mp4"]
