"""The local MPD, ``NAME.local.mpd``: it plays the mirror from its own files. No I/O.

It is the received MPD with as few changes as possible:

* Representations that were not selected are removed;
* if the document's own references would not lead to the mirror's files (absolute or foreign URLs,
  queries, names that had to be made safe), its BaseURL elements are removed and every
  Representation gets references to its files;
* a snapshot of a dynamic presentation becomes static: its segments are listed, and the first
  available one starts at time zero;
* what some players need beside that is said, above all a BaseURL;
* ``Location`` and similar elements, which would lead a player to the server, are removed.

The road: ``localmpd.make_local_mpd`` gives a document that needs no other change its BaseURL
(``references`` decides that, ``head`` does it); others go to ``rewriting``, which reads a tree
(``tree``), finds elements by their place in the document (``places``), writes references
(``addresses``), makes a snapshot static (``snapshot``), and says what players need (``players``).
``opening`` tells how the result opens on the mirror's own machine.
"""
