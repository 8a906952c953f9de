"""The document: reading an MPD, its model, and what it means once resolved.

The road of a document, and the modules on it:

- ``xmltree`` makes light elements of bytes, ``malformed`` names or mends what is not well-formed,
  ``values`` and ``attributes`` read typed values, ``issues`` collects what is wrong or odd;
- ``parse``, ``segmentinfo`` and ``descriptors`` make the ``model`` (one frozen type per MPD
  element, a ``timeline`` compact); ``xlink`` and ``remote`` put remote elements in their place;
- ``resolve`` makes the ``presentation`` of it, with ``periods`` (times), ``bases`` (base URLs),
  ``addressing`` (segment information), ``locate``, ``urls``, ``urlquery`` and ``template`` (URLs),
  ``traits`` and ``protection`` (what is in it), ``validity``, and, for dynamic presentations,
  ``availability`` and ``clock``.

Nothing here does I/O: what is needed from elsewhere is named, and taken as an argument.
"""
