"""The document: reading an MPD, its model, and what it means once resolved.

Modules, in the order in which they are used: ``xmltree`` (bytes to elements), ``model``
(one frozen type per MPD element), ``parse`` (elements to model), ``xlink`` (remote
elements), ``resolve`` (inheritance, Period times, base URLs), ``presentation`` (the
resolved types), ``template`` (URL templates). Nothing here does I/O.
"""
