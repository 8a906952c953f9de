"""Decode a document once, for all that read it: to UTF-8, whatever encoding it is in.

Every parser of XML brings its own list of encodings and its own rules for documents that contradict
themselves, so two of them may read two documents in the same bytes: UTF-7 hides a document type
declaration from one and shows it to the other. Here the encoding is decided, and ``ENCODING`` is
given to each parser in place of what the document declares.
"""

from __future__ import annotations

from typing import Final

from dashget.common.lateregex import late

ENCODING: Final = "utf-8"
"""What every parser is told, so that no declaration has a say."""

WRONG: Final = "a wrong encoding declaration"
_BEGINNING: Final = 1000
_DECLARED: Final = late(
    rb"(?:\xef\xbb\xbf)?[\s\0]{0,100}<\?xml\s[^>?]*?\sencoding\s*=\s*(?:\"([^\">]*)\"|'([^'>]*)')"
)
_USUAL: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>',
    b'<?xml version="1.0" encoding="utf-8"?>',
)
_ASCII: Final = frozenset(["utf-8", "utf8", "us-ascii", "ascii"])
_WIDE: Final = ("utf-16", "utf16", "ucs-2", "iso-10646-ucs", "ucs2", "utf-32", "ucs-4", "unicode")
"""Encodings in which no document begins with the bytes of ``<?xml``."""
_EASTERN: Final = {
    "shift-jis": "shift_jis", "sjis": "shift_jis", "x-sjis": "shift_jis",
    "windows-31j": "cp932", "ms932": "cp932", "euc-jp": "euc_jp",
    "gb2312": "gb2312", "gbk": "gbk", "gb18030": "gb18030",
    "big5": "big5", "big5-hkscs": "big5hkscs", "euc-kr": "euc_kr", "ks-c-5601-1987": "cp949",
}  # fmt: skip
_CODECS: Final = {
    **{f"iso-8859-{n}": f"iso8859_{n}" for n in range(1, 17) if n != 12},
    **{f"{name}-{n}": f"cp{n}" for name in ("windows", "cp") for n in range(1250, 1259)},
    **{f"cp{n}": f"cp{n}" for n in (*range(1250, 1259), 437, 850, 852, 866, 932, 936, 949, 950)},
    **dict.fromkeys(("latin1", "latin-1", "l1"), "latin_1"),
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "tis-620": "tis_620",
    "windows-874": "cp874",
    "macintosh": "mac_roman",
    "mac-roman": "mac_roman",
    **_EASTERN,
}
"""Python's codecs for the encodings that extend ASCII: its characters never mean others."""


class EncodingError(ValueError):
    """The document is in an encoding that is unknown, or it contradicts the one that it names."""


def as_utf8(data: bytes) -> tuple[bytes, str | None]:
    """Return a document in UTF-8, and a remark if it names an encoding that it is not in.

    One that is in UTF-8 already is returned itself. A byte order mark decides before what is
    declared, and two zero bytes in the first four before both. Raises EncodingError.
    """
    head = data[:4]
    if head in (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<"):
        raise EncodingError("unknown encoding: utf-32")
    for mark, begin, codec in (
        (b"\xff\xfe", b"<\0", "utf_16_le"),
        (b"\xfe\xff", b"\0<", "utf_16_be"),
    ):
        if head[:2] in (mark, begin):
            return _decoded(data[2 if head[:2] == mark else 0 :], codec), None
    if data.startswith(_USUAL) or b"encoding" not in data[:_BEGINNING]:
        return data, None
    match = _DECLARED.match(data[:_BEGINNING])
    if match is None:
        return data, None
    declared = (match[1] or match[2] or b"").decode("ascii", "replace").strip().lower()
    name = declared.replace("_", "-")
    if name in _ASCII:
        return data, None if name == "utf-8" or data.isascii() else WRONG
    if head[:3] == b"\xef\xbb\xbf" or name.startswith(_WIDE):
        return data, WRONG
    codec = _CODECS.get(name, "")
    if not codec:
        raise EncodingError(f"unknown encoding: {declared[:40]}")
    return _decoded(data, codec), None


def _decoded(data: bytes, codec: str) -> bytes:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        raise EncodingError(
            f"byte {error.start} is not {codec.replace('_', '-')}: {error.reason}"
        ) from None
    return text.encode(ENCODING)
