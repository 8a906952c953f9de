"""The keywords of the library's calls: each stands for a field of an options struct.

A call takes an options struct, keywords, or both; a keyword replaces the field of its name.
``dashget.mirror`` and the other functions take the keywords of the session as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypedDict, TypeVar

import msgspec

from dashget.common.validation import FieldError, Wrong, instance, optional, path, require
from dashget.mirroring.options import MirrorOptions
from dashget.planning.selection import Selection, parse_selection
from dashget.transfer.settings.options import HttpVersion, OriginHeader, TransferOptions

Options = TypeVar("Options", bound=msgspec.Struct)
Named = str | os.PathLike[str]
_FILTERS: Final = ("video", "audio", "text", "image", "period")


class TransferKeywords(TypedDict, total=False):
    """The fields of ``TransferOptions``."""

    in_flight: int | None
    max_in_flight: int
    max_per_host: int | None
    timeout_seconds: float
    connect_timeout_seconds: float
    retries: int
    run_retries: int | None
    backoff_seconds: float
    backoff_limit_seconds: float
    retry_after_limit_seconds: float
    user_agent: str
    headers: tuple[tuple[str, str], ...]
    origin_headers: tuple[OriginHeader, ...]
    send_credentials_to: tuple[str, ...]
    user: str | None
    netrc: Named | None
    cookie_file: Named | None
    cookies: tuple[str, ...]
    append_query: str | None
    proxy: str | None
    no_proxy: str | None
    cacert: Named | None
    cert: Named | None
    key: Named | None
    insecure: bool
    interface: str | None
    http: HttpVersion
    limit_rate: int | None
    max_redirects: int
    allow_downgrade: bool
    allow_private: bool
    range_threshold: int
    range_size: int
    overtake_seconds: float
    loops: int | None


class SelectionKeywords(TypedDict, total=False):
    """The filters of the command line: ``video="best"``, ``audio="lang=en"``, ``period="0-1"``."""

    video: str
    audio: str
    text: str
    image: str
    period: str | None


class MirrorKeywords(SelectionKeywords, total=False):
    """The filters, and the fields of ``MirrorOptions``."""

    selection: Selection
    dry_run: bool
    moved: bool
    fsync: bool
    checksums: bool
    recheck: bool
    prune: bool
    segment_limit: int | None


class VerifyKeywords(TypedDict, total=False):
    """The fields of ``VerifyOptions``."""

    remote: bool
    repair: bool
    prune: bool
    dry_run: bool


class PlanCallKeywords(SelectionKeywords, TransferKeywords, total=False):
    """The keywords of ``dashget.plan``: those of the selection and of the session."""


class MirrorCallKeywords(MirrorKeywords, TransferKeywords, total=False):
    """The keywords of ``dashget.mirror``: those of the mirror and of the session."""


class VerifyCallKeywords(VerifyKeywords, TransferKeywords, total=False):
    """The keywords of ``dashget.verify``: those of the verification and of the session."""


def merge_options(
    kind: type[Options], options: Options | None, keywords: Mapping[str, Any], owner: str
) -> Options:
    """Return options with the fields that keywords replace; raise FieldError for invalid ones."""
    require("options", options, optional(instance(kind)), owner)
    if options is None:
        return kind(**keywords)
    return msgspec.structs.replace(options, **keywords) if keywords else options


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
    require("root", root, optional(path), "mirror")
    return merge_options(MirrorOptions, options, _with_selection(keywords), "mirror")


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
