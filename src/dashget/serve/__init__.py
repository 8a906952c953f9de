"""Serve mirrors over HTTP, and a page that plays them. The only package that knows aiohttp.

The road of a request: ``server`` checks its host and origin (``guards``), finds the mirror
(``shows``) and has it opened (``store.reading``); ``conditions`` decides about status and bytes
with ``ranges``, both pure; ``files`` sends them. ``player`` has the files of Shaka Player,
``page`` those of the page; ``timeline`` tells the page what a mirror holds, which a thread works
out (``looking``).

Words: a *show* is a mirror that is served, under a name of its own.
"""
