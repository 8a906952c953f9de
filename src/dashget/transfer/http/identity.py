"""The version of a resource by other signs than its ETag.

Edges behind one name may have different ETags for the same bytes. Where the time of the last
change, or a digest of the whole, is the same, another ETag does not mean other bytes; whoever
goes on with bytes on disk compares some of them.
"""

from __future__ import annotations

import msgspec

from dashget.common.httpdate import strong_date
from dashget.transfer.contract import ResponseHead, ResumePoint
from dashget.transfer.http.head import Head

_OF_ALL = ("repr-digest", "digest")


class Identity(msgspec.Struct, frozen=True):
    """What the response said under which the bytes on disk came."""

    etag: str | None
    modified: str | None = None
    """``Last-Modified``, if it tells one version from another."""
    digests: frozenset[tuple[str, str]] = frozenset()
    """Headers with a digest of the whole resource."""

    @classmethod
    def of_head(cls, head: ResponseHead) -> Identity:
        """Return the identity that a response told."""
        digests = frozenset(pair for pair in head.digests if pair[0] in _OF_ALL)
        return cls(head.validator, strong_date(head.last_modified, head.date), digests)

    @classmethod
    def of_point(cls, point: ResumePoint) -> Identity:
        """Return the identity of what an earlier run left."""
        return cls(point.validator, strong_date(point.last_modified, point.date))

    @property
    def has_more_signs(self) -> bool:
        """True if there are other signs than the ETag."""
        return self.modified is not None or bool(self.digests)

    def holds(self, head: Head) -> bool:
        """Return True if a response may have the same version: by its ETag, or otherwise."""
        return head.validator == self.etag or self.holds_otherwise(head)

    def holds_otherwise(self, head: Head) -> bool:
        """Return True if a digest of the whole, or else the time, is the same."""
        fields = head.fields
        stated = {name: value for name, value in self.digests if name in fields}
        if stated:
            return all(fields[name] == value for name, value in stated.items())
        return self.modified is not None and fields.get("last-modified") == self.modified
