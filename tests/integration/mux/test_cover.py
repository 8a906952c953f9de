"""``--cover``: a picture of the user, or one of the presentation's thumbnails."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest

from dashget.errors import MirrorIncompleteError, MuxError
from dashget.mux.coverwriter import is_cover
from dashget.mux.options import Thumbnail
from dashget.mux.picture import Picture, parse_picture
from dashget.mux.selection import Choices
from tests.integration.mux.conftest import Mirrored, mux
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run, tree

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
WHITE = (255, 255, 255)
COLORS = (RED, GREEN, BLUE, WHITE, (255, 255, 0), (0, 0, 0))
"""The tiles of the image, in the order of time: each is shown for a second."""
_ENCODERS = {
    "jpeg": ("mjpeg", "yuvj444p"),
    "png": ("png", "rgb24"),
    "webp": ("libwebp", "yuv420p"),
}
_SET = (
    '<AdaptationSet contentType="image" mimeType="image/{kind}">'
    '<SegmentTemplate media="thumbs/$Number$.{kind}" duration="{seconds}" startNumber="1"/>'
    '<Representation id="thumbs" bandwidth="2000" width="{width}" height="{height}">'
    "{tiles}</Representation></AdaptationSet>"
)
_TILES = (
    '<EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="3x2"/>'
)


def add_thumbnails(source: Path, kind: str, *, tiled: bool) -> None:
    """Give a presentation images: one of six tiles, or one picture for every two seconds."""
    (source / "thumbs").mkdir()
    if tiled:
        (source / f"thumbs/1.{kind}").write_bytes(paint(COLORS, 3, kind))
    else:
        for number, color in enumerate(COLORS[:3], 1):
            (source / f"thumbs/{number}.{kind}").write_bytes(paint([color], 1, kind))
    size = {"width": 243, "height": 90} if tiled else {"width": 81, "height": 45}
    images = _SET.format(
        kind=kind, seconds=6 if tiled else 2, tiles=_TILES if tiled else "", **size
    )
    manifest = source / "manifest.mpd"
    manifest.write_text(manifest.read_text().replace("</Period>", f"{images}</Period>"))


def paint(colors: Sequence[tuple[int, int, int]], columns: int, kind: str) -> bytes:
    """Return a picture of tiles of 81x45 pixels, each of one color."""
    rows = [colors[at : at + columns] for at in range(0, len(colors), columns)]
    lines = [b"".join(bytes(color) * 81 for color in row) for row in rows for _ in range(45)]
    frame = av.VideoFrame(81 * columns, 45 * len(rows), "rgb24")
    width = frame.planes[0].line_size
    frame.planes[0].update(b"".join(line.ljust(width, b"\0") for line in lines))
    name, pixels = _ENCODERS[kind]
    encoder = av.CodecContext.create(name, "w")
    frame = frame.reformat(format=pixels, dst_color_range="JPEG")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, pixels
    encoder.time_base = Fraction(1, 25)
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(p) for p in (*encoder.encode(frame), *encoder.encode(None)))


@pytest.fixture
def source(media: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(media / "timeline", tmp_path / "source"))


def covers(file: Path) -> list[tuple[str, int, int]]:
    """Return codec, width and height of each cover, as libavformat reads the file."""
    with av.open(str(file), "r") as container:
        found = [stream for stream in container.streams if is_cover(stream)]
        contexts = [stream.codec_context for stream in found]
        return [(context.name, context.width, context.height) for context in contexts]


def color_of(file: Path) -> tuple[int, ...]:
    """Decode the cover; return red, green and blue of its middle."""
    with av.open(str(file), "r") as container:
        number = next(stream.index for stream in container.streams if is_cover(stream))
        frame = next(container.decode(container.streams[number])).reformat(format="rgb24")
    at = frame.height // 2 * frame.planes[0].line_size + frame.width // 2 * 3
    return tuple(bytes(frame.planes[0])[at : at + 3])


def picture(path: Path) -> Picture:
    path.write_bytes(paint(COLORS[:2], 2, path.suffix[1:]))
    return parse_picture(path.read_bytes())


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("suffix", [".mp4", ".m4a", ".mkv", ".mka"])
def test_a_picture_of_the_user_is_the_cover_as_it_is(
    suffix: str, kind: str, media: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    cover = picture(tmp_path / f"mine.{kind}")
    file = tmp_path / f"show{suffix}"
    only = Choices(video="none", text="none") if suffix in (".m4a", ".mka") else Choices()
    mux(mirrored(media / "timeline"), file, only, cover=cover, check=True)
    assert covers(file) == [(cover.kind.value, 162, 45)]
    assert cover.data in file.read_bytes()
    again = tmp_path / f"again{suffix}"
    mux(mirrored(media / "timeline"), again, only, cover=cover)
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_tile_at_a_tenth_of_the_time_is_cut_out(
    kind: str, suffix: str, source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    """Of six seconds: in the first tile, as the second begins at 1 s."""
    add_thumbnails(source, kind, tiled=True)
    file = tmp_path / f"show{suffix}"
    mux(mirrored(source), file, cover=Thumbnail.THUMBNAIL, check=True)
    assert covers(file) == [("mjpeg", 81, 45)]
    red, green, blue = color_of(file)
    assert red > 230
    assert max(green, blue) < 25
    again = tmp_path / f"again{suffix}"
    mux(mirrored(source), again, cover=Thumbnail.THUMBNAIL)
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("seconds", "color"), [(6, RED), (1, WHITE), (60, RED)], ids=["first", "fourth", "beyond"]
)
def test_the_tile_is_the_one_that_is_shown_then(
    seconds: int, color: tuple[int, int, int], source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    """A tenth of six seconds is the fourth tile of an image for one second."""
    add_thumbnails(source, "png", tiled=True)
    manifest = source / "manifest.mpd"
    text = manifest.read_text()
    for number in range(2, 7):
        shutil.copy(source / "thumbs/1.png", source / f"thumbs/{number}.png")
    manifest.write_text(
        text.replace('duration="6" startNumber', f'duration="{seconds}" startNumber')
    )
    file = tmp_path / "show.mkv"
    mux(mirrored(source), file, cover=Thumbnail.THUMBNAIL)
    assert all(abs(a - b) < 25 for a, b in zip(color_of(file), color, strict=True))


def test_thumbnails_without_tiles_are_taken_as_they_are(
    source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    add_thumbnails(source, "png", tiled=False)
    file = tmp_path / "show.mkv"
    mux(mirrored(source), file, cover=Thumbnail.THUMBNAIL)
    assert covers(file) == [("png", 81, 45)]
    assert (source / "thumbs/1.png").read_bytes() in file.read_bytes()


def test_without_thumbnails_there_is_no_cover_and_no_file(
    media: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    with pytest.raises(MuxError, match="there are no thumbnails") as caught:
        mux(mirrored(media / "timeline"), tmp_path / "show.mp4", cover=Thumbnail.THUMBNAIL)
    assert caught.value.hint == "--cover FILE takes a picture of your own"
    assert list(tmp_path.iterdir()) == []


def test_a_thumbnail_that_is_missing_or_damaged_is_named(
    source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    add_thumbnails(source, "jpeg", tiled=True)
    root = Path(shutil.copytree(mirrored(source), tmp_path / "mirror"))
    image = root / "thumbs/1.jpeg"
    image.write_bytes(bytes(image.stat().st_size))
    with pytest.raises(MuxError, match=r"thumbs/1.jpeg: no cover can be made of it"):
        mux(root, tmp_path / "show.mp4", cover=Thumbnail.THUMBNAIL)
    image.unlink()
    with pytest.raises(MirrorIncompleteError, match=r"is not there: thumbs/1.jpeg"):
        mux(root, tmp_path / "show.mp4", cover=Thumbnail.THUMBNAIL)
    assert not list(tmp_path.glob("show*"))


def test_webm_holds_no_cover(media: Path, mirrored: Mirrored, tmp_path: Path) -> None:
    cover = picture(tmp_path / "mine.png")
    with pytest.raises(MuxError, match=r"a \.webm file holds no cover"):
        mux(mirrored(media / "webm"), tmp_path / "show.webm", cover=cover)


def test_the_option_takes_a_file_or_the_word(
    source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    add_thumbnails(source, "jpeg", tiled=True)
    root = mirrored(source)
    picture(tmp_path / "mine.png")
    for word, codec in (("thumbnail", "mjpeg"), ("mine.png", "png")):
        ended = run("mux", root, f"{codec}.mp4", "--cover", word, cwd=tmp_path)
        assert ended.code == 0, ended.err
        assert [name for name, *_ in covers(tmp_path / f"{codec}.mp4")] == [codec]
    for word, reason in (
        ("none.png", "No such file or directory"),
        (root / "manifest.mpd", "neither JPEG nor PNG"),
    ):
        ended = run("mux", root, "show.mp4", "--cover", word, cwd=tmp_path)
        assert ended.code == 2
        assert f"{reason}\nhint: give a JPEG or PNG picture" in ended.err
        assert not (tmp_path / "show.mp4").exists()


def test_a_url_is_mirrored_with_its_thumbnails_for_the_cover(source: Path, tmp_path: Path) -> None:
    add_thumbnails(source, "jpeg", tiled=True)
    with FaultServer() as server:
        for name, data in tree(source).items():
            server.on(f"/{name}", Answer(data))
        words = ("--mux", "show.mp4", "--cover", "thumbnail")
        ended = run(server.url("/manifest.mpd"), *words, cwd=tmp_path)
        assert ended.code == 0, ended.err
        assert covers(tmp_path / "show.mp4") == [("mjpeg", 81, 45)]
        assert not (tmp_path / "show.mp4.mirror").exists()
        ended = run(server.url("/manifest.mpd"), "--cover", "thumbnail", cwd=tmp_path)
    assert ended.code == 2
    assert "--cover: only with --mux FILE" in ended.err
