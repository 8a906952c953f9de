"""Planning: from a resolved presentation to the list of files that a mirror needs. No I/O.

The road, and the modules on it:

1. ``selection`` narrows the presentation to what was asked for, by ``rules`` (the tests of
   ``--video`` and the like);
2. ``tracks`` makes one track of each Representation that is left;
3. ``layout`` maps every URL to a safe path in the mirror; ``collisions`` finds URLs that would
   get the same path;
4. ``plan`` yields the planned files of all tracks in presentation order, as a stream.

Words: a *track* is one selected Representation of one Period with its segments; a *planned file*
is one segment with its path in the mirror and its URLs; a *plan* is the stream of these.
"""
