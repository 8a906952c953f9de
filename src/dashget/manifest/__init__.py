"""Manifests: from a source that the user named to a resolved presentation.

The road: ``source`` parses the URL, path or hyphen that the user gave, and reads local files;
``load`` fetches or reads the document, has ``mpd`` parse it, lets ``lookups`` fetch what it
refers to (remote elements, the time), and has ``mpd`` resolve it into a ``LoadedManifest``.
``lookups`` also reads the indexes of single files and the encryption in initialization segments.
The session calls ``load``; the verification does so to restore a damaged manifest.

Words: a *source* is what the user named; a *remote element* is a part of the document that
stands at another URL (xlink, clause 5.5); a *loaded* manifest is fetched, parsed and resolved.
"""
