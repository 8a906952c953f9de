"""The keywords of ``Session.mux``, made into the options of one file.

Each keyword takes what the option of its name takes on the command line, too; a picture is given
as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dashget.common.validation import FieldError, Wrong, each, require, text
from dashget.mux.keys import Keys, parse_keys
from dashget.mux.options import MuxOptions, Subtitles, Thumbnail, parse_subtitles
from dashget.mux.picture import Picture, parse_picture
from dashget.mux.selection import Choices
from dashget.session.keywords import merge_options

_FILTERS: Final = Choices.__struct_fields__
_PICTURE_HINT: Final = "such as 'thumbnail', or pathlib.Path('poster.jpg').read_bytes()"


def mux_options(options: MuxOptions | None, keywords: Mapping[str, Any]) -> MuxOptions:
    """Return the options of a file, with the fields that keywords replace; raise UsageError."""
    merged = merge_options(MuxOptions, options, {}, "mux")
    rest, filters = dict(keywords), {}
    for name in _FILTERS:
        if name in rest:
            filters[name] = rest.pop(name)
            require(name, filters[name], text, "mux")
    if "subtitles" in rest and not isinstance(rest["subtitles"], Subtitles):
        place = _subtitles(rest["subtitles"])
        rest["subtitles"] = place or Subtitles.INSIDE
        if place is None:
            if "text" in filters:
                raise FieldError("subtitles", Wrong("'none' beside text=", "give one of them"))
            filters["text"] = "none"
    if "keys" in rest:
        rest["keys"] = _keys(rest["keys"])
    if "cover" in rest:
        rest["cover"] = _cover(rest["cover"])
    if filters:
        rest["choices"] = msgspec.structs.replace(merged.choices, **filters)
    return merge_options(MuxOptions, merged, rest, "mux")


def _subtitles(value: Any) -> Subtitles | None:
    require("subtitles", value, text, "mux")
    return parse_subtitles(value)


def _keys(value: Any) -> Keys:
    """Return keys of texts ``KID:KEY``; a single text is one key."""
    if isinstance(value, Keys):
        return value
    texts = (value,) if isinstance(value, str) else value
    require("keys", texts, each(text, "such as ['KID:KEY']"), "mux")
    return parse_keys(texts)


def _cover(value: object) -> Picture | Thumbnail | None:
    if value is None or isinstance(value, Picture | Thumbnail):
        return value
    if value == Thumbnail.THUMBNAIL.value:
        return Thumbnail.THUMBNAIL
    if not isinstance(value, bytes):
        wrong = f"neither 'thumbnail' nor bytes, but a {type(value).__name__}"
        raise FieldError("cover", Wrong(wrong, _PICTURE_HINT))
    try:
        return parse_picture(value)
    except ValueError as error:
        raise FieldError("cover", Wrong(str(error), "give a JPEG or PNG picture")) from error
