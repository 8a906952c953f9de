"""Servers, media and programs that the tests are run with.

- Servers on loopback: ``faultserver`` (HTTP/1.1, answers and breaks by script), ``h2server`` with
  ``hpack`` (HTTP/2), ``h3server`` (HTTP/3), ``proxyserver`` (HTTP and SOCKS proxies),
  ``meteredserver`` (slow, counts bytes), ``storm`` (random faults), ``origin`` (nginx).
- Presentations: ``builders`` makes small manifests and media files as bytes; ``media`` makes real
  ones with FFmpeg and Shaka Packager.
- Certificates: ``certificates`` makes a certificate authority for one test module.
- Runs: ``running`` runs the library and keeps its events; ``program`` runs the command line in a
  process of its own, a copy of the one that ``forkserver`` keeps ready; ``sinks`` runs single
  requests through the engine; ``crowd`` counts requests that are open at once.
- Source: ``structure`` reads the project's own modules for the checks of its layers.

The servers have tests of their own in ``tests/unit/support``.
"""
