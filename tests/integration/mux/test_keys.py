"""Encrypted media with the keys that the user has: the clear packets, or no file at all."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from dashget.mux.keys import parse_keys
from dashget.mux.options import MuxOptions
from dashget.mux.run import mux_mirror
from dashget.store import LocalDirectory
from tests.integration.mux.conftest import Mirrored
from tests.support.decoding import packets
from tests.support.faultserver import Answer, FaultServer
from tests.support.media import Tools
from tests.support.program import run as dashget_program
from tests.support.program import tree
from tests.support.running import Events

VIDEO_ID, AUDIO_ID = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
VIDEO, AUDIO, WRONG, OTHER = "11" * 16, "22" * 16, "33" * 16, "44" * 16
BOTH = (f"{VIDEO_ID}:{VIDEO}", f"{AUDIO_ID}:{AUDIO}")
PERIODS = ("--crypto_period_duration", "2")
Packaged = Callable[..., Path]


@pytest.fixture(scope="module")
def packaged(media: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """Return a function that packages a picture and a tone, each way once."""
    made: dict[tuple[object, ...], Path] = {}

    def make(
        scheme: str | None, *options: str, live: bool = True, keys: tuple[str, str] = (VIDEO, AUDIO)
    ) -> Path:
        named = (scheme, *options, live, keys)
        if named not in made:
            made[named] = tmp_path_factory.mktemp("locked")
            _package(tools, media / ".sources", made[named], (scheme, *options), live, keys)
        return made[named]

    return make


def _package(
    tools: Tools,
    sources: Path,
    directory: Path,
    options: tuple[str | None, ...],
    live: bool,
    keys: tuple[str, str],
) -> None:
    words = []
    for name, kind in (("small", "video"), ("en", "audio")):
        where = (
            f"init_segment={name}.mp4,segment_template={name}-$Number$.m4s"
            if live
            else f"output={name}.mp4"
        )
        words.append(f"in={sources}/{name}.mp4,stream={kind},drm_label={kind},{where}")
    if options[0] is not None:
        pairs = zip(("video", "audio"), (VIDEO_ID, AUDIO_ID), keys, strict=True)
        named = (f"label={label}:key_id={key_id}:key={key}" for label, key_id, key in pairs)
        words += ["--enable_raw_key_encryption", "--keys", ",".join(named)]
        words += ["--protection_scheme", *(word for word in options if word)]
        words += [] if "--clear_lead" in options else ["--clear_lead", "0"]
    words += ["--segment_duration", "1", "--mpd_output", "manifest.mpd"]
    words += [f"--generate_static_live_mpd={str(live).lower()}"]
    subprocess.run(
        [tools.packager, *words],
        cwd=directory,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )


def mux(root: Path, file: Path, *keys: str) -> Events:
    events = Events()
    options = MuxOptions(keys=parse_keys(keys), check=True)
    mux_mirror(LocalDirectory(root), file, options, events)
    return events


def rotated(text: str, number: int) -> str:
    """Return a key id as the packager makes it for a crypto period."""
    return text[2 * number :] + text[: 2 * number]


@pytest.mark.parametrize("scheme", ["cenc", "cbcs", "cbc1"])
@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("lead", ["0", "2"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_with_its_keys_a_file_has_the_packets_of_the_clear_media(
    scheme: str,
    live: bool,
    lead: str,
    suffix: str,
    packaged: Packaged,
    mirrored: Mirrored,
    tmp_path: Path,
) -> None:
    clear, file = tmp_path / f"clear{suffix}", tmp_path / f"show{suffix}"
    mux(mirrored(packaged(None, live=live)), clear)
    mux(mirrored(packaged(scheme, "--clear_lead", lead, live=live)), file, *BOTH)
    assert packets(file) == packets(clear)
    assert b"sinf" not in file.read_bytes()
    assert b"enc" + b"v" not in file.read_bytes()


@pytest.mark.parametrize("scheme", ["cenc", "cbcs"])
@pytest.mark.parametrize("live", [True, False])
def test_keys_that_change_are_used_each_for_its_part(
    scheme: str, live: bool, packaged: Packaged, mirrored: Mirrored, tmp_path: Path
) -> None:
    keys = [
        f"{rotated(key_id, number)}:{key}"
        for key_id, key in ((VIDEO_ID, VIDEO), (AUDIO_ID, AUDIO))
        for number in range(3)
    ]
    root = mirrored(packaged(scheme, *PERIODS, live=live))
    mux(root, tmp_path / "show.mp4", *keys)
    mux(mirrored(packaged(None, live=live)), tmp_path / "clear.mp4")
    assert packets(tmp_path / "show.mp4") == packets(tmp_path / "clear.mp4")
    with pytest.raises(dashget.MuxError) as caught:
        mux(root, tmp_path / "other.mp4", *keys[:2], *keys[3:])
    assert caught.value.message == (
        f"video 0 of Period 0 is encrypted: {scheme};"
        " key id 456789ab-cdef-0123-4567-89abcdef0123, for which there is no key"
    )


def test_each_part_is_decrypted_with_another_key(
    packaged: Packaged, mirrored: Mirrored, tmp_path: Path
) -> None:
    first = packaged("cenc", *PERIODS)
    second = packaged("cenc", *PERIODS, keys=(OTHER, OTHER))
    source = Path(shutil.copytree(first, tmp_path / "source"))
    for number in (3, 4):
        for name in ("small", "en"):
            shutil.copy(second / f"{name}-{number}.m4s", source)
    keys = [
        f"{rotated(key_id, number)}:{OTHER if number == 1 else key}"
        for key_id, key in ((VIDEO_ID, VIDEO), (AUDIO_ID, AUDIO))
        for number in range(3)
    ]
    mux(mirrored(source), tmp_path / "show.mp4", *keys)
    mux(mirrored(packaged(None)), tmp_path / "clear.mp4")
    assert packets(tmp_path / "show.mp4") == packets(tmp_path / "clear.mp4")
    # Only the second key of the video is wrong.
    keys[1] = f"{rotated(VIDEO_ID, 1)}:{WRONG}"
    with pytest.raises(dashget.MuxError, match="video 0 of Period 0 cannot be decoded"):
        mux(mirrored(source), tmp_path / "other.mp4", *keys)
    assert not list(tmp_path.glob("other*"))


@pytest.mark.parametrize("scheme", ["cenc", "cbcs", "cbc1"])
@pytest.mark.parametrize("lead", ["0", "2"])
@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ((f"{VIDEO_ID}:{WRONG}", BOTH[1]), "video 0"),
        ((BOTH[0], f"{AUDIO_ID}:{WRONG}"), "audio 1"),
    ],
)
def test_a_wrong_key_leaves_no_file(
    scheme: str,
    lead: str,
    keys: tuple[str, str],
    what: str,
    packaged: Packaged,
    mirrored: Mirrored,
    tmp_path: Path,
) -> None:
    root = mirrored(packaged(scheme, "--clear_lead", lead))
    with pytest.raises(dashget.MuxError) as caught:
        mux(root, tmp_path / "show.mp4", *keys)
    assert (
        caught.value.message
        == f"{what} of Period 0 cannot be decoded with the key that is given for it"
    )
    assert not list(tmp_path.iterdir())


def test_every_track_without_a_key_is_named(
    packaged: Packaged, mirrored: Mirrored, tmp_path: Path
) -> None:
    root = mirrored(packaged("cbcs"))
    other = f"{'ab' * 16}:{VIDEO}"
    for keys, tracks in (((BOTH[0],), 1), ((other,), 2), ((), 2)):
        with pytest.raises(dashget.MuxError) as caught:
            mux(root, tmp_path / "show.mp4", *keys)
        assert caught.value.message.count(" is encrypted: cbcs") == tracks
        assert "key id fedcba98-7654-3210-fedc-ba9876543210" in caught.value.message
        assert caught.value.hint is not None
        assert caught.value.hint.startswith("--key KID:KEY takes a key that you have")
        assert not list(tmp_path.iterdir())


def test_a_scheme_that_cannot_be_decrypted_is_refused_by_name(
    packaged: Packaged, mirrored: Mirrored, tmp_path: Path
) -> None:
    with pytest.raises(dashget.MuxError, match="encrypted: cens, which cannot be decrypted"):
        mux(mirrored(packaged("cens")), tmp_path / "show.mp4", *BOTH)


def test_keys_for_clear_media_change_nothing(
    packaged: Packaged, mirrored: Mirrored, tmp_path: Path
) -> None:
    for number, keys in enumerate(((), BOTH)):
        mux(mirrored(packaged(None)), tmp_path / f"{number}.mp4", *keys)
    assert (tmp_path / "0.mp4").read_bytes() == (tmp_path / "1.mp4").read_bytes()


@pytest.mark.parametrize("way", ["words", "file", "environment"])
def test_a_url_becomes_one_file_with_keys_that_are_nowhere_afterwards(
    way: str, packaged: Packaged, tmp_path: Path
) -> None:
    keys = (f"{VIDEO_ID.upper()}:{VIDEO}", f"fedcba98-7654-3210-fedc-ba9876543210:{AUDIO}")
    (tmp_path / "keys").write_text("\n".join(keys))
    work = tmp_path / "work"
    work.mkdir()
    words = ["--key", keys[0], f"--key={keys[1]}"] if way == "words" else ["--key", "@../keys"]
    more = {"DASHGET_KEY": "@../keys"} if way == "environment" else {}
    words = [] if more else words
    with FaultServer() as server:
        for name, data in tree(packaged("cenc")).items():
            server.on(f"/{name}", Answer(data))
        url = server.url("/manifest.mpd")
        done = dashget_program(
            url, "--mux", "show.mp4", "--keep-mirror", "--json", *words, cwd=work, more=more
        )
    assert done.code == 0, done.err
    assert len(packets(work / "show.mp4")) == 2
    told = done.out.encode() + done.err.encode()
    for text in (told, *tree(work).values()):
        assert VIDEO.encode() not in text
        assert bytes.fromhex(VIDEO) not in text


def test_keys_need_mux_and_invalid_ones_are_not_repeated(tmp_path: Path) -> None:
    for words, said in (
        (("--key", "secret"), "--key: only with --mux FILE"),
        (("--mux", "a.mp4", "--key", "secret"), "--key: there is no colon in key 1"),
        (
            ("--mux", "a.mp4", "--key", BOTH[0], "--key", f"{VIDEO_ID}:secret"),
            "--key: the key of key 2 is not 32 hexadecimal digits",
        ),
    ):
        done = dashget_program("http://h.example/x.mpd", *words, cwd=tmp_path)
        assert done.code == 2
        assert said in done.err
        assert "secret" not in done.err
