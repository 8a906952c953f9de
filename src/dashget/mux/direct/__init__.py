"""Write MP4 from fragmented MP4 without taking the media through Python.

The road: ``fragments`` (pure) reads the samples of a ``moof`` box; ``scan`` finds all of a stretch;
``tables`` (pure) holds what is known of the samples of a track, in a few bytes for each; ``sketch``
has libavformat write the same file with two or three packets for each track; ``index`` (pure) puts
the tables into its ``moov`` box; ``writer`` joins these, and has the system copy the media.

What a file says of its tracks, times, chapters and subtitles is all libavformat's and
``mux.writer``'s: here are only the tables of samples. Where a stretch has anything that is not
known here, ``UnknownMediaError`` says so, and the file is written packet by packet.
"""
