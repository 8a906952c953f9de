"""libcurl: handles, connections, TLS, proxies, file descriptors. Nothing else touches it.

Road of a request: ``links`` knows the connections of one multi handle. A ``Slot`` is one easy
handle: ``easy`` sets the options of all requests on it once, and those of an origin when it
changes. libcurl appends the response to the slot's two lists. ``errors`` and ``proxy`` put
libcurl's codes into words, ``descriptors`` tells a lack of file descriptors from them.

Words: a *slot* serves one request after the other, and knows neither tasks nor runs. A slot is
*dressed* for an origin when it has the origin's headers and secrets. An origin is *distrusted*
for a while after one of its connections has gone silent.
"""
