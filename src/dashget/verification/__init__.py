"""Verify a mirror: check it, repair it, remove superseded files.

The road: ``verify`` opens the mirror and makes a ``Verification`` (``run``), which checks the
stored MPD (``manifest``), works out what the mirror should hold (``mirroring.expectation``),
and then runs the checks: ``offline`` (with ``mirroring.times``), ``remote``, ``own``. ``repair``
fetches wrong files again, ``prune`` removes superseded ones, ``sums`` writes ``SHA256SUMS``.

Words: a *finding* is one problem of one file, an error or a note; a *superseded* file is
recorded and no longer named by the manifest; a *stray* is in neither of the two.
"""
