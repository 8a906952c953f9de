"""The mirror's directory: the only package that writes to the disk.

``directory`` holds a mirror open (who owns it, what is finished, renames), ``parts`` takes
unfinished bytes, ``record`` is the append-only list of what is finished.
"""

from dashget.store.mirror import Displaced, MirrorDirectory, Presence
from dashget.store.parts import Part
from dashget.store.record import RECORD_VERSION, FileRecord, Header, LiveRun
from dashget.store.recorded import RecordedFiles

__all__ = [
    "RECORD_VERSION",
    "Displaced",
    "FileRecord",
    "Header",
    "LiveRun",
    "MirrorDirectory",
    "Part",
    "Presence",
    "RecordedFiles",
]
