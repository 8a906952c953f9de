"""Find out if a body without a length is complete, by requesting its last byte again.

The end of a connection, or of an HTTP/2 stream, looks the same where a server breaks it off
without an error. So the last byte is requested once more, for each version: its Content-Range
tells the size.
Where nothing came there is none; then all of it is asked for once more.
"""

from __future__ import annotations


class BodyEnd:
    """The question for the end of one resource, and its answer."""

    __slots__ = ("asking", "empty_known", "failures", "known", "told")

    def __init__(self) -> None:
        self.asking = False
        """True while the server is asked if the bytes on disk are all there is."""
        self.known = False
        """True if it was asked for the present version."""
        self.empty_known = False
        """True if an empty body was requested once more."""
        self.told: int | None = None
        """The size in the answer."""
        self.failures = 0
        """How often the question met a temporary failure."""

    @property
    def proved(self) -> bool:
        """False if it was asked for, and no answer has told the size."""
        return self.told is not None or not (self.known or self.empty_known)

    def ask(self) -> None:
        """Begin to ask."""
        self.asking = self.known = True

    def answered(self, size: int | None) -> None:
        """Take the size in the answer; None if it does not say."""
        self.asking = False
        self.told = size

    def dropped(self) -> None:
        """Ask no longer: the resource begins anew, and is to have the size that was told."""
        self.asking = False

    def renewed(self) -> None:
        """Record that another version is coming, which is asked about as well."""
        self.known = False

    def contradicts(self, size: int) -> bool:
        """Return True if another size was told; that holds for one body, as versions change."""
        if self.told in (None, size):
            return False
        self.told, self.known = None, False
        return True
