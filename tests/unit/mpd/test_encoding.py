"""One decoding for all readers: what is read is what is written."""

from __future__ import annotations

import encodings.aliases

import pytest

from dashget.errors import DashGetError
from dashget.mpd.budget import Budget
from dashget.mpd.encoding import EncodingError, as_utf8
from dashget.mpd.names import NAMESPACE
from dashget.mpd.parse import accepted, parse_mpd
from dashget.mpd.remote import why_unfit
from dashget.playable.reading import read
from dashget.playable.writing import write

CODECS = sorted(
    {name.replace("_", "-") for name in encodings.aliases.aliases.values()}
    | {"utf-7", "punycode", "undefined", "idna", "raw-unicode-escape", "unicode-escape", "mbcs"}
    | {"utf-8-sig", "charmap", "klingon", "", " ", "../x", "UTF-8\N{KELVIN SIGN}", "\x1b[31m"}
)
HIDDEN = '<!DOCTYPE MPD [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
MPD = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period id="é{}"/></MPD>'
SPELLINGS = (
    '<?xml version="1.0" encoding="{}"?>\n',
    "<?xml version='1.0'\tencoding = '{}' standalone='yes' ?>",
    ' \n<?xml version="1.0" encoding="{}"?>',
    "\ufeff<?xml version='1.0' encoding='{}'?>",
    '<?xml encoding="{}"?>',
    '<?xml version="1.0"' + " " * 2000 + 'encoding="{}"?>',
)


def encoded(text: str, codec: str) -> bytes:
    try:
        return text.encode(codec)
    except (LookupError, UnicodeError, ValueError):
        return text.encode()


def bodies(codec: str, text: str) -> set[bytes]:
    """Return a text in its encoding, and in three in which it is not."""
    return {encoded(text, name) for name in (codec, "utf-7", "utf-8", "utf-16", "utf-16-be")}


@pytest.mark.parametrize("codec", CODECS)
def test_a_tree_to_write_is_read_like_the_model_from_the_same_document_in_every_encoding(
    codec: str,
) -> None:
    for spelling in SPELLINGS:
        text = spelling.format(codec)
        for data in bodies(codec, text + MPD.format("")) | bodies(codec, text + HIDDEN + MPD):
            try:
                first = parse_mpd(data)
            except DashGetError:
                continue
            second = read(data, Budget()).root
            assert [p.attributes.get("id") or None for p in second.all("Period")] == [
                period.id for period in first.periods
            ]
            written = write(second, NAMESPACE, Budget())
            assert b"<!" not in written
            assert b"passwd" not in written
            assert written.startswith(b"<?xml version='1.0' encoding='utf-8'?>")


@pytest.mark.parametrize("codec", CODECS)
def test_every_encoding_of_a_remote_element_is_read_or_refused(codec: str) -> None:
    for spelling in SPELLINGS:
        for data in bodies(codec, spelling.format(codec) + "<Period id='é'/>"):
            assert why_unfit("Period", data) is None or isinstance(why_unfit("Period", data), str)


@pytest.mark.parametrize("codec", ["utf-7", "UTF_7", "punycode", "undefined", "iso-2022-jp", "hz"])
def test_an_encoding_that_hides_ascii_is_refused(codec: str) -> None:
    with pytest.raises(DashGetError, match="unknown encoding"):
        parse_mpd(f'<?xml version="1.0" encoding="{codec}"?>{MPD.format("")}'.encode())


def test_a_document_in_utf_8_is_not_copied() -> None:
    for start in ("", '<?xml version="1.0" encoding="utf-8"?>', "\ufeff", "<?xml version='1.0'?>"):
        data = (start + MPD).encode()
        assert as_utf8(data)[0] is data


@pytest.mark.parametrize("data", [b"\xff\xfe\0\0<\0\0\0", b"\xff\xfe<", b"<\0\0\xd8", b"\0\0\0<"])
def test_broken_wide_characters_are_an_error(data: bytes) -> None:
    with pytest.raises(EncodingError):
        as_utf8(data)


@pytest.mark.parametrize(
    "declared", ['SYSTEM "a>b"', "PUBLIC 'x' \"y\"", 'SYSTEM "<!DOCTYPE MPD>"', ""]
)
def test_no_reader_gets_a_document_type_declaration(declared: str) -> None:
    data = f"<!-- <!DOCTYPE x> -->\n<!DOCTYPE MPD {declared}>\n{MPD}".encode()
    try:
        parse_mpd(data)
    except DashGetError:
        return
    text = accepted(data, bytes, Budget())
    assert text.count(b"<!DOCTYPE") == 1
    assert text.count(b"\n") == data.count(b"\n")
    written = write(read(data, Budget()).root, NAMESPACE, Budget())
    assert written.count(b"<!DOCTYPE") == 1


@pytest.mark.parametrize("place", ["attribute", "text"])
@pytest.mark.parametrize("declared", ['SYSTEM "x"', 'PUBLIC "y" "http://evil.example/x"'])
def test_an_entity_of_another_document_is_not_passed_over(place: str, declared: str) -> None:
    document = MPD.format("&e;" if place == "attribute" else "")
    if place == "text":
        document = document.replace("<Period", "<BaseURL>&e;</BaseURL><Period")
    data = f"<!DOCTYPE MPD {declared}>{document}".encode()
    with pytest.raises(DashGetError, match="undefined entity"):
        parse_mpd(data)
