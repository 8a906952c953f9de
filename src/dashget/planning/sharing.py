"""Tell if two path patterns can become the same path, or paths that some disks take for the same.

Both run side by side as automata, whose tokens are characters, and digits of fields.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dashget.common.filenames import fold
from dashget.mpd.budget import STEP, Budget
from dashget.mpd.markers import FIRST, MARKER, is_marker, literals

_NAMES: Final = "the names of files"
_DEAR_STEP: Final = 3 * STEP
"""That of a comparison that minds the spelling."""
_DECIMAL: Final = "0123456789"
_DIGITS: Final = {
    "d": _DECIMAL,
    "o": _DECIMAL,
    "x": f"{_DECIMAL}abcdef",
    "X": f"{_DECIMAL}ABCDEF",
}
"""The digits of a field in each radix."""
_ANY: Final = f"{_DECIMAL}abcdefABCDEF"
_DIGIT: Final = "+"
_MORE: Final = "*"
"""Tokens of a folded pattern: a digit of a field, and any number of further ones."""
_SAME: Final = 1
_SPELLING: Final = 2


class Sharing(NamedTuple):
    """What the paths of two patterns can be."""

    same: bool
    """The same path."""
    spelling: bool
    """Two paths that a disk takes for one, since it knows no other case, form or width."""


class _Token(NamedTuple):
    """A character of a path, as it is folded, or a digit of a field."""

    chars: str
    source: str = ""
    """What was folded to the character, if that is more than a capital of ASCII."""
    repeated: bool = False
    """True for the further digits of a field, of which there may be none."""


def overlap(one: str, other: str, budget: Budget) -> bool:
    """Return True if two folded patterns may expand to the same text, by any digits."""
    budget.spend(STEP * (len(one) + len(other)) // 4, _NAMES)
    a, b = _plain_tokens(one), _plain_tokens(other)
    seen: set[tuple[int, int]] = set()
    todo = [(0, 0)]
    while todo:
        i, j = state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        budget.spend(STEP, _NAMES)
        if i == len(a) and j == len(b):
            return True
        if i < len(a) and a[i] == _MORE:
            todo.append((i + 1, j))
        if j < len(b) and b[j] == _MORE:
            todo.append((i, j + 1))
        if i < len(a) and j < len(b) and _may_meet(a[i], b[j]):
            todo.append((i if a[i] == _MORE else i + 1, j if b[j] == _MORE else j + 1))
    return False


def _plain_tokens(text: str) -> list[str]:
    """Split a folded pattern into characters and digits; a character that is like one is marked."""
    tokens: list[str] = []
    for char in text:
        if is_marker(char):
            tokens += (_DIGIT, _MORE)
        else:
            tokens.append("\\" + char if char in "+*" else char)
    return tokens


def _may_meet(one: str, other: str) -> bool:
    if one in "+*":
        return other in "+*" or other in _ANY
    return one == other or (other in "+*" and one in _ANY)


def sharing(one: str, one_radices: str, other: str, other_radices: str, budget: Budget) -> Sharing:
    """Return in which ways two patterns can expand to paths that a disk takes for one.

    The radices are those of the fields; without them all fields are decimal.
    """
    found = _run(_tokens(one, one_radices), _tokens(other, other_radices), budget)
    same, spelling = bool(found & _SAME), bool(found & _SPELLING)
    return Sharing(same, spelling or (same and (_vanishes(one) or _vanishes(other))))


def _vanishes(path: str) -> bool:
    """Return True if a path has characters that nobody sees: they may stand anywhere."""
    if path.isascii():
        return False
    return any(not piece.isascii() and not all(map(fold, piece)) for piece in literals(path))


def _run(a: list[_Token], b: list[_Token], budget: Budget) -> int:
    """Run two lists of tokens side by side; ``odd`` is True once the spelling has differed."""
    budget.spend(_DEAR_STEP * (len(a) + len(b)), _NAMES)
    found, known = 0, dict[tuple[_Token, _Token], int]()
    seen: set[tuple[int, int, bool]] = set()
    todo = [(0, 0, False)]
    while todo and found != _SAME | _SPELLING:
        state = i, j, odd = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        budget.spend(_DEAR_STEP, _NAMES)
        if i == len(a) and j == len(b):
            found |= _SPELLING if odd else _SAME
        if i < len(a) and a[i].repeated:
            todo.append((i + 1, j, odd))
        if j < len(b) and b[j].repeated:
            todo.append((i, j + 1, odd))
        if i == len(a) or j == len(b):
            continue
        pair = a[i], b[j]
        met = known.get(pair)
        if met is None:
            met = known[pair] = _meet(*pair)
        if met:
            after = i if a[i].repeated else i + 1, j if b[j].repeated else j + 1
            if met & _SAME:
                todo.append((*after, odd))
            if met & _SPELLING:
                todo.append((*after, True))
    return found


def _tokens(text: str, radices: str) -> list[_Token]:
    """Split a pattern into tokens."""
    tokens: list[_Token] = []
    for at, piece in enumerate([text] if text.isascii() else MARKER.split(text)):
        if at % 2:
            digits = _DIGITS[radices[ord(piece) - FIRST]] if radices else _DECIMAL
            tokens += (_Token(digits), _Token(digits, repeated=True))
        elif piece.isascii():
            tokens += map(_Token, piece)
        else:
            tokens += _folded_tokens(piece)
    return tokens


def _folded_tokens(piece: str) -> list[_Token]:
    """Return the tokens of a text beyond ASCII; each is a character that stays when folded."""
    folded = [(char, fold(char)) for char in piece]
    if "".join(text for _, text in folded) != fold(piece):
        # Accents in another order: what stood where is not known any more.
        return [_Token(char, piece) for char in fold(piece)]
    return [
        _Token(single, "" if char.isascii() or char == text else char)
        for char, text in folded
        for single in (char if char.isascii() else text)
    ]


def _meet(one: _Token, other: _Token) -> int:
    """Return how two tokens can be one character."""
    chars = set(one.chars)
    found = 0 if chars.isdisjoint(other.chars) else _SAME
    changed = {char.swapcase() for char in chars if char.isascii() and char.isalpha()}
    if not changed.isdisjoint(other.chars):
        found |= _SPELLING
    if not found or one.source == other.source:
        return found
    return _SAME | _SPELLING if max(len(one.source), len(other.source)) > 1 else _SPELLING
