"""The bytes of media files: ISO BMFF and WebM structure, and checks of their content. No I/O.

``isobmff`` and ``webm`` read the few boxes and elements that DashGet needs: indexes, protection,
times. ``inspection`` finds problems of a file by its role in a presentation: ``mirroring`` asks
when it comes, ``verify`` later; ``signatures`` knows the other formats. ``sniff`` describes
what a server sent instead of media. ``kind`` names the kinds of
segments, and the roles of files.

Words: a *box* is the unit of an ISO base media file, an *element* that of WebM; an *index* is a
``sidx`` box or WebM Cues; a *role* is the kind and type that a file should have.
"""
