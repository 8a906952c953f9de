"""Text from servers and manifests, made harmless for terminals and messages.

Control characters could move the cursor or fake output; characters that change the direction
of text could hide the end of a name.
"""

from __future__ import annotations

from urllib.parse import quote

_LONGEST_LINE = 200


def printable(text: str) -> str:
    """Replace control and direction characters by visible escapes; all else stays."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(char) if _is_control(char) else char for char in text)


def printable_url(url: str) -> str:
    """Percent-encode control and direction characters; all else stays."""
    if url.isascii() and url.isprintable():
        return url
    return "".join(
        quote(char, safe="", errors="surrogatepass") if _is_control(char) else char for char in url
    )


def one_line(text: str) -> str:
    """Return a message of another program as part of one of ours: no period, of limited length."""
    plain = "".join(" " if _is_control(char) else char for char in text)
    return plain.strip().rstrip(".")[:_LONGEST_LINE]


def _is_control(char: str) -> bool:
    import unicodedata

    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _visible(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
