"""Make options out of the keywords of a call.

A call takes an options struct, keywords, or both; a keyword replaces the field of its name. The
types of the keywords are in ``keywordtypes``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from dashget.common.validation import FieldError, Wrong, instance, optional, path, require
from dashget.mirroring.options import MirrorOptions
from dashget.planning.selection import Selection, parse_selection
from dashget.transfer.settings.options import TransferOptions

Options = TypeVar("Options", bound=msgspec.Struct)
_CALLED: Final = {
    **dict.fromkeys(("threads", "workers", "jobs", "concurrency"), "in_flight"),
    **dict.fromkeys(("header", "http_headers"), "headers"),
    **dict.fromkeys(("verify", "overwrite", "force"), "recheck"),
}
"""Names that other libraries, and the command line, have for some keywords."""
_FILTERS: Final = ("video", "audio", "text", "image", "period")


def merge_options(
    kind: type[Options], options: Options | None, keywords: Mapping[str, Any], owner: str
) -> Options:
    """Return options with the fields that keywords replace; raise FieldError for invalid ones.

    Raises TypeError for a keyword that there is not, as Python does.
    """
    require("options", options, optional(instance(kind)), owner)
    unknown = keywords.keys() - kind.__struct_fields__
    if unknown:
        name = min(unknown)
        meant = _similar(name)
        more = f"; did you mean {meant!r}?" if meant else f"; see help(dashget.{owner})"
        raise TypeError(f"unexpected keyword argument {name!r}{more}")
    if options is None:
        return kind(**keywords)
    return msgspec.structs.replace(options, **keywords) if keywords else options


def _similar(name: str) -> str | None:
    """Return the keyword that another name resembles, or that has its meaning."""
    from difflib import get_close_matches

    known = (*TransferOptions.__struct_fields__, *MirrorOptions.__struct_fields__, *_FILTERS)
    if f"{name}_seconds" in known:
        return f"{name}_seconds"
    return _CALLED.get(name) or next(iter(get_close_matches(name, known, 1)), None)


def merge_selection(selection: Selection | None, filters: Mapping[str, Any]) -> Selection:
    """Return the selection that is given as a struct or as filters, but not as both."""
    if not filters:
        return selection or Selection()
    if selection is not None:
        wrong = f"given beside {min(filters)}="
        raise FieldError("selection", Wrong(wrong, "give the selection, or its filters"))
    return parse_selection(**filters)


def mirror_options(
    root: object, options: MirrorOptions | None, keywords: Mapping[str, Any]
) -> MirrorOptions:
    """Return the options of a mirror; raise FieldError for invalid ones, or an invalid root."""
    require("root", root, optional(place), "mirror")
    return merge_options(MirrorOptions, options, _with_selection(keywords), "mirror")


def place(value: object) -> Wrong | None:
    """Check that a value names a directory, or is another place for a mirror."""
    return None if hasattr(value, "open_record") else path(value)


def split_transfer(keywords: Mapping[str, Any]) -> tuple[Any, Any]:
    """Divide the keywords of a call: those of its session, and the others."""
    fields = TransferOptions.__struct_fields__
    ours = _only(keywords, fields)
    return ours, {name: value for name, value in keywords.items() if name not in ours}


def _only(keywords: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: keywords[name] for name in names if name in keywords}


def _with_selection(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords with the filters among them made into one ``selection``."""
    filters = _only(keywords, _FILTERS)
    if not filters:
        return dict(keywords)
    rest = {name: value for name, value in keywords.items() if name not in filters}
    return {**rest, "selection": merge_selection(rest.get("selection"), filters)}
