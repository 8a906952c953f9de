"""Recording a live presentation: what is to be fetched, when, and what became of it. No I/O.

The road: ``reading`` makes a ``Version`` of each document: a ``listing`` of each line of segments.
``changes`` compares it with what is known: news, an old answer, a restart of the encoder. Each
``line`` learns what is announced, and keeps it in ``spans``; ``agenda`` chooses what to ask for
next, and ``policy`` says what the answer means; files without times go through ``once``.
``clock`` knows the server's time, ``lag`` how late an encoder is, ``outage`` when the origin does
not answer, ``refresh`` when to read the manifest again. ``recorder`` is the loop, over a ``world``
that does what takes time. ``facts`` are what it writes down, ``state`` is what they tell, and
``gaps`` the report.

Words: a *line* is all segments of one URL template, whatever Periods they are in; its *axis* is
media time in ticks, or numbers times the duration; *server time* is seconds since 1970 on the
origin's clock. A segment is *announced* once a document names it; then it is *pending* until it is
*recorded*, *lost* or *withdrawn*. A *generation* is what one start of an encoder makes.
"""
