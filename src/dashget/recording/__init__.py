"""Record a live presentation for real: over the network, into a mirror.

``dashget.live`` decides everything; this package does its errands. ``world`` joins them: one thread
drives the engine, which brings the files (``files`` stores and records them), another reads the
manifest (``reader``). ``facts`` are the lines of the record from which the next recorder goes on.
``run`` puts these together for one call.
"""
