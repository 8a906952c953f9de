"""Small types and functions that know nothing of DASH.

Every other package may import these modules; they import only ``errors``, and one another.

- ``url``: the one ``Url`` type, which reads host and port like libcurl
- ``secrets``: structs that hide passwords where they are shown
- ``foreigntext``: text of servers and manifests, made harmless for terminals
- ``byterange``: ``ByteRange``, inclusive at both ends
- ``validation``: rules for the fields of options
- ``log``: debug records for the logger ``dashget``
- ``oserrors``: errors that concern the whole disk or process
- ``digests``: checksums in HTTP headers
- ``stopping``: a request to stop a run
- ``compactmap``: a map of a million strings in little memory
- ``lateregex``: regular expressions compiled at their first use
"""
