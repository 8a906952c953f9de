"""Remote elements (5.5): which ones a document needs, and putting them in their place.

Nothing is fetched here. ``MPD.remote`` says what is needed; the caller fetches it (relative to
the MPD's URL) and calls ``include_remote`` until nothing is needed any more.
"""

from __future__ import annotations

from typing import Final

from dashget.mpd.model import RemoteElement
from dashget.mpd.xmltree import XLINK, Element

HREF: Final = f"{{{XLINK}}}href"


def find_remote(root: Element) -> tuple[RemoteElement, ...]:
    """List the elements that are elsewhere, in document order."""
    return ()
