"""Ten mirrors for browsers, and what plays them; ``conftest`` has these as fixtures."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import dashget
from dashget.demo.server import serving as serving_demo
from tests.support.live import NOW, SNAPSHOTS, make_snapshot
from tests.support.livemedia import RECORDINGS, make_recording
from tests.support.media import COMPLETE_FORMS, Tools
from tests.support.sequences import SEQUENCES, make_sequences

NAMES = ("show", *COMPLETE_FORMS)
"""The ten mirrors: the demo's, and one of each form."""
KEY_ID, KEY = "00112233445566778899aabbccddeeff", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SIZES = ((1280, 900), (420, 860))
_ORIGIN = "http://forms.example/"
_EVENTS = (
    '<EventStream schemeIdUri="urn:example:note" timescale="1">'
    '<Event presentationTime="2" duration="1" id="first"/></EventStream>'
)
_THUMBNAILS = (
    '<AdaptationSet contentType="image" mimeType="image/jpeg">'
    '<SegmentTemplate media="thumbs/$Number$.jpg" duration="6" startNumber="1"/>'
    '<Representation id="thumbs" bandwidth="2000" width="240" height="90">'
    '<EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="3x2"/>'
    "</Representation></AdaptationSet>"
)


def make_mirrors(folder: Path, media: Path, demo_mirror: Path, tools: Tools) -> None:
    """Make the ten mirrors, those of live snapshots and of sequences, recordings, an encrypted one.

    That of ``live`` has thumbnails and an event as well.
    """
    shutil.copytree(demo_mirror, folder / "show")
    sources = folder / "sources"
    for form in COMPLETE_FORMS:
        shutil.copytree(media / form, sources / form)
    _add_thumbnails(sources / "live", tools, media)
    _encrypt(sources / "encrypted", tools, media)
    for form in SNAPSHOTS:
        make_snapshot(media / "number", form, sources / form)
    for form in SEQUENCES:
        make_sequences(media / "number", form, sources / form)
    for form in RECORDINGS:
        make_recording(media, form, folder / form)
    resources = {
        f"{_ORIGIN}{path.relative_to(sources)}": path.read_bytes()
        for path in sources.rglob("*")
        if path.is_file()
    }
    with serving_demo(resources) as proxy:
        transfer = dashget.TransferOptions(proxy=proxy, no_proxy="")
        for source in sources.iterdir():
            url, root = f"{_ORIGIN}{source.name}/manifest.mpd", folder / source.name
            now = NOW if source.name in (*SNAPSHOTS, *SEQUENCES) else None
            assert dashget.mirror(url, root=root, transfer=transfer, now=now).complete


def _encrypt(source: Path, tools: Tools, media: Path) -> None:
    source.mkdir(parents=True)
    tracks = media / ".sources"
    descriptors = (
        f"in={tracks}/large.mp4,stream=video,output=large.mp4",
        f"in={tracks}/en.mp4,stream=audio,lang=en,output=en.mp4",
    )
    options = (
        *("--enable_raw_key_encryption", "--keys", f"label=:key_id={KEY_ID}:key={KEY}"),
        *("--protection_scheme", "cenc", "--clear_lead", "0", "--generate_static_live_mpd=false"),
        *("--segment_duration", "1", "--mpd_output", "manifest.mpd"),
    )
    command = [tools.packager, *descriptors, *options]
    subprocess.run(command, check=True, cwd=source, capture_output=True)


def _add_thumbnails(source: Path, tools: Tools, media: Path) -> None:
    (source / "thumbs").mkdir()
    tile = ("-vf", "fps=1,scale=80:45,tile=3x2", "-frames:v", "1", "-q:v", "5")
    master = media / ".sources" / "master.mp4"
    command = [tools.ffmpeg, "-v", "error", "-i", str(master), *tile, str(source / "thumbs/1.jpg")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    manifest = source / "manifest.mpd"
    text = manifest.read_text()
    at = text.index(">", text.index("<Period")) + 1
    text = text[:at] + _EVENTS + text[at:].replace("</Period>", f"{_THUMBNAILS}</Period>")
    manifest.write_text(text)
