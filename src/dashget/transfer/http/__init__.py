"""The rules of HTTP: which requests are allowed, and what a response means. Knows no libcurl.

Road of a request: ``origin`` finds the origin of a URL, with its headers and secrets; ``guard``
limits where a manifest may lead. Of the response ``head`` reads the lines, ``judge`` returns
``Accepted``, ``Redirect`` or ``Failure``, and ``hints`` adds advice to a refusal. ``failure`` has
the reasons that depend on no library.

Words: an *origin* is scheme, host and port; it decides which headers and secrets are sent. A
failure has a *scope*: one resource, or all of its server.
"""
