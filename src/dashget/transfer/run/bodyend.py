"""Whether a body without a length has its end: one question, asked once of each version.

The end of a connection, or of an HTTP/2 stream, looks the same where a server breaks it off
without an error. So the last byte is asked for once more: its Content-Range tells the size.
Where nothing came there is none; then all of it is asked for once more.
"""

from __future__ import annotations


class BodyEnd:
    """What was asked about the end of one resource, and what was told."""

    __slots__ = ("asking", "empty_known", "failures", "known", "told")

    def __init__(self) -> None:
        self.asking = False
        """Whether all that was sent is here, and the server is asked if that is all there is."""
        self.known = False
        """Whether it was asked of the present version."""
        self.empty_known = False
        """Whether a body of nothing was asked for once more."""
        self.told: int | None = None
        """The size that was told in answer."""
        self.failures = 0
        """How often a question came to nothing that may pass."""

    def ask(self) -> None:
        """Begin to ask."""
        self.asking = self.known = True

    def answered(self, size: int | None) -> None:
        """Take the size that was told; None where the answer does not say."""
        self.asking = False
        self.told = size

    def dropped(self) -> None:
        """Ask no longer: the resource begins anew, and is to have the size that was told."""
        self.asking = False

    def renewed(self) -> None:
        """Take note that another version is coming, which is to be asked about as well."""
        self.known = False

    def contradicts(self, size: int) -> bool:
        """Say whether another size was told; that one is good for one body, as versions change."""
        if self.told in (None, size):
            return False
        self.told, self.known = None, False
        return True
