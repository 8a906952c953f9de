"""One playable file from a mirror: the packets of its tracks, copied as they are.

The road: ``run.mux_mirror`` opens the mirror and chooses (``selection``), finds the files of each
stretch and what is missing (``contents``), refuses what is encrypted (``protection``), reads what
a decoder needs (``description``), joins stretches into tracks (``tracks``) and works out their
distances from zero (``times``). Only then ``writer`` copies, from ``source`` into a
``destination``; ``edits`` corrects edit lists, ``check`` reads the file again. ``container`` knows
what each kind of file can hold, ``labels`` languages and purposes.

Subtitles become cues (``texts``, by ``subtitles``), and go into the file (``textwriter``) or beside
it (``beside``).

Words: a *stretch* is one Representation in one Period; a *file track* is a track of the file, made
of the stretches of the same type, language and roles; a *hole* is the time of a missing segment;
*priming* is what a decoder needs before the first sample that is heard, and is hidden.

PyAV, the extra ``mux``, is imported by the modules that open media, and only by them.
"""
