"""The keywords of the library's calls, for type checkers: each is a field of an options struct.

``dashget.mirror`` and the other functions take the keywords of the session as well. Nothing
loads this module at run time: making these classes would take a hundredth of a start.
"""

from __future__ import annotations

import os
from typing import Literal, TypedDict

from dashget.live.options import Wishes
from dashget.mux.keys import Keys
from dashget.mux.options import Subtitles, Thumbnail
from dashget.mux.picture import Picture
from dashget.planning.selection import Selection
from dashget.transfer.settings.options import HttpVersion, OriginHeader

Named = str | os.PathLike[str]


class TransferKeywords(TypedDict, total=False):
    """The fields of ``TransferOptions``."""

    in_flight: int | Literal["auto"] | None
    max_in_flight: int
    max_per_host: int | None
    max_time_seconds: float | None
    timeout_seconds: float
    document_timeout_seconds: float
    document_limits: int
    connect_timeout_seconds: float
    speed_limit: int | None
    speed_time_seconds: float | None
    retries: int | None
    run_retries: int | None
    backoff_seconds: float
    backoff_limit_seconds: float
    retry_after_limit_seconds: float
    host_patience_seconds: float
    user_agent: str
    headers: tuple[tuple[str, str], ...]
    origin_headers: tuple[OriginHeader, ...]
    send_credentials_to: tuple[str, ...]
    user: str | None
    netrc: Named | None
    cookie_file: Named | None
    cookies: tuple[str, ...]
    keep_headers: tuple[str, ...]
    append_query: str | None
    proxy: str | None
    no_proxy: str | None
    cacert: Named | None
    cert: Named | None
    private_key: Named | None
    insecure: bool
    interface: str | None
    http: HttpVersion
    limit_rate: int | None
    max_redirects: int
    allow_downgrade: bool
    allow_private: bool
    public_only: bool
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
    follow_links: bool
    checksums: bool
    recheck: bool
    times: bool
    accept_odd: bool
    prune: bool
    segment_limit: int | None
    total_limit: int | None
    max_file_size: int | None
    max_total_size: int | None


class RecordKeywords(TypedDict, total=False):
    """The fields of ``RecordOptions``."""

    selection: Selection
    wishes: Wishes
    accept_odd: bool
    fsync: bool
    follow_links: bool
    segment_limit: int | None
    total_limit: int | None


class VerifyKeywords(TypedDict, total=False):
    """The fields of ``VerifyOptions``."""

    remote: bool
    repair: bool
    prune: bool
    dry_run: bool
    segment_limit: int | None
    total_limit: int | None
    max_file_size: int | None
    max_total_size: int | None
    begin: float | None
    begin_back: float | None
    until: float | None


class MuxKeywords(SelectionKeywords, total=False):
    """The filters, and the fields of ``MuxOptions``, also as on the command line."""

    keys: Keys | str | list[str] | tuple[str, ...]
    subtitles: Subtitles | str
    cover: Picture | Thumbnail | bytes | str | None
    allow_gaps: bool
    split: bool
    check: bool
    overwrite: bool
    fsync: bool


class PlanCallKeywords(SelectionKeywords, TransferKeywords, total=False):
    """The keywords of ``dashget.plan``: those of the selection and of the session."""


class MirrorCallKeywords(MirrorKeywords, TransferKeywords, total=False):
    """The keywords of ``dashget.mirror``: those of the mirror and of the session."""


class VerifyCallKeywords(VerifyKeywords, TransferKeywords, total=False):
    """The keywords of ``dashget.verify``: those of the verification and of the session."""
