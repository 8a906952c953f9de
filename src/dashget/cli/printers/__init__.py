"""Printers: show events and results to people and programs.

Each observer of a run takes every event: ``terminal`` (live progress), ``plain`` (lines for pipes
and logs) or ``jsonlines`` (one JSON object per line); ``verification`` is the one of ``verify``.
``meter`` computes progress from events, ``rows`` and ``inplace`` draw it, ``summary`` writes the
end of a run, ``tables`` the tables of ``list`` from the rows of ``listing``, ``warned`` warnings
of commands without progress. ``text`` formats all numbers.
"""
