"""Text from servers and manifests, made harmless for terminals, messages and JSON.

Control characters could move the cursor or fake output; characters that change the direction
of text could hide the end of a name, and those that nobody sees make two names look alike.
``INVISIBLE`` is the one list of them: the categories Cc, Cf, Cs, Zl and Zp of Unicode, and what it
calls ignorable by default (fillers, joiners, selectors of variants).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from dashget.common.lateregex import late

if TYPE_CHECKING:
    import re

_LONGEST_LINE = 200

_BEYOND_ASCII: Final = (
    "\x80-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
INVISIBLE: Final = late(rf"[\x00-\x1f\x7f{_BEYOND_ASCII}]")
"""A character that reaches neither a terminal nor a log as it is."""
_BETWEEN_LINES: Final = late(rf"[\x00-\x09\x0b-\x1f\x7f{_BEYOND_ASCII}]")
_IN_JSON: Final = late(rf"[\x7f{_BEYOND_ASCII}]")
"""What encoders of JSON leave as it is."""


def printable(text: str) -> str:
    """Replace control, direction and invisible characters by visible escapes; all else stays."""
    if text.isascii() and text.isprintable():
        return text
    return INVISIBLE.sub(_visible, text)


def printable_lines(text: str) -> str:
    """Do the same to a text of several lines, which stay lines."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return _BETWEEN_LINES.sub(_visible, text)


def printable_url(url: str) -> str:
    """Percent-encode control, direction and invisible characters; all else stays."""
    if url.isascii() and url.isprintable():
        return url
    return INVISIBLE.sub(lambda found: quote(found[0], safe="", errors="surrogatepass"), url)


def printable_json(data: bytes) -> bytes:
    """Escape in JSON what must not reach a terminal; its meaning stays."""
    if data.isascii() and b"\x7f" not in data:
        return data
    return _IN_JSON.sub(_escape, data.decode()).encode()


def one_line(text: str) -> str:
    """Return a message of another program as part of one of ours: no period, of limited length."""
    return INVISIBLE.sub(" ", text).strip().rstrip(".")[:_LONGEST_LINE]


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 256:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _escape(found: re.Match[str]) -> str:
    """Return a character as JSON escapes it: beyond the first plane, in two halves."""
    halves = found[0].encode("utf-16-be")
    return "".join(f"\\u{halves[at : at + 2].hex()}" for at in range(0, len(halves), 2))
