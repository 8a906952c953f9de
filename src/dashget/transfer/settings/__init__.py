"""The settings of transfers: options, the files that the user names, and their checks.

Road: ``options`` checks each field when it is made. Before the first request ``checks`` reads the
named files once (``givenfile``, ``cookiefile``, ``netrc``), raises errors for values that libcurl
cannot take, and returns warnings. ``http.origin`` then asks ``hosts`` and ``netrc`` which secrets
each origin gets; ``proxies`` tells which proxy a request uses.

Words: a *given file* is a file that an option names; a *host pattern* is a host, a port of it or
an origin that the user names.
"""
