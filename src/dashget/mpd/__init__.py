"""The MPD: parse a document into its model, and resolve it into a presentation. No I/O.

The road of a document, and the modules on it:

1. ``parse.parse_mpd`` turns bytes into the ``model``, one frozen object per MPD element, as
written. ``xmltree`` parses XML into light elements, ``malformed`` recognises other formats and
mends small mistakes, ``values`` and ``attributes`` read typed values, ``segmentinfo`` and
``descriptors`` read groups of elements, ``timeline`` stores a SegmentTimeline compactly. 2.
``remote.include_remote`` puts fetched remote elements into the document (``xlink`` finds them). 3.
``resolve.resolve`` turns the model into a ``presentation``: ``periods`` (times), ``addressing``
(segment information), ``references``, ``urls`` (also the base ones), ``urlquery``, ``template`` and
``markers`` (URLs), ``traits`` and ``protection`` (facts about the content), ``validity`` (which
values the segments of a Representation depend on: no other value is an error); for dynamic
presentations also ``clock``.

All stages spend from one ``budget``, which is made where the document is read.

A function that needs a resource says which one, and takes its bytes as an argument.

Words: a *problem* is a breach of the standard that segments depend on: of a Representation, or of
the whole document. Those of what is planned are raised together. A *warning* is odd but usable.
Both are *issues*, which ``issues`` collects. The *place* of an element is an XPath such as
``MPD/Period[2]``. A *marker* is a private-use character that stands for an open *field*
(``$Number$``, ``$Time$``) of a URL *pattern*.
"""
