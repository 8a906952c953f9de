"""Wherever the library takes a path, text does as well as a ``Path``, and nothing else."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer

MPD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" minBufferTime="PT1S"'
    ' mediaPresentationDuration="PT2S"><BaseURL>{base}</BaseURL><Period>'
    '<AdaptationSet mimeType="text/vtt"><Representation id="t" bandwidth="1">'
    "<BaseURL>a.vtt</BaseURL></Representation></AdaptationSet></Period></MPD>"
)
BODY = b"WEBVTT\n\n"

WITH_PATHS = {"load", "mirror", "verify"}
WITHOUT_PATHS = {
    "iter_segments",
    "parse_mpd",
    "parse_selection",
    "plan",
    "plan_line",
    "resolve",
    "select",
}

as_text_or_path = pytest.mark.parametrize("kind", [str, Path, os.DirEntry])


def given(path: Path, kind: type) -> str | os.PathLike[str]:
    if kind is os.DirEntry:
        with os.scandir(path.parent) as entries:
            return next(entry for entry in entries if entry.name == path.name)
    made: str | Path = kind(path)
    return made


@pytest.fixture
def url(server: FaultServer) -> str:
    server.on("/show/a.vtt", Answer(BODY))
    return server.on("/show/x.mpd", Answer(MPD.format(base=server.url("/show/")).encode()))


@pytest.fixture
def file(server: FaultServer, url: str, tmp_path: Path) -> Path:
    """Return a local MPD with absolute URLs."""
    path = tmp_path / "saved.mpd"
    path.write_text(MPD.format(base=server.url("/show/")))
    return path


def test_the_functions_that_take_a_path_are_known() -> None:
    functions = {
        name for name in dashget.__all__ if isinstance(getattr(dashget, name), types.FunctionType)
    }
    assert functions == WITH_PATHS | WITHOUT_PATHS


@as_text_or_path
def test_a_manifest_is_loaded_and_mirrored_from_a_file(
    file: Path, kind: type, tmp_path: Path
) -> None:
    source = given(file, kind)
    loaded = dashget.load(source)
    assert [planned.path[-5:] for planned in dashget.plan(loaded)] == ["a.vtt"]
    (tmp_path / "m").mkdir()
    root = given(tmp_path / "m", kind)
    summary = dashget.mirror(source, root=root, checksums=True, allow_private=True)
    assert summary.complete
    assert summary.root == str(tmp_path / "m")
    assert (tmp_path / "m/SHA256SUMS").is_file()
    assert dashget.mirror(source, root=root).requests == 0


@as_text_or_path
def test_a_mirror_is_verified_where_the_summary_says_that_it_is(
    url: str, kind: type, tmp_path: Path
) -> None:
    summary = dashget.mirror(url, root=str(tmp_path / "m"))
    assert dashget.verify(summary.root).sound
    report = dashget.verify(given(tmp_path / "m", kind), dashget.VerifyOptions(repair=True))
    assert report.sound
    assert report.root == summary.root


@as_text_or_path
def test_files_of_secrets_and_certificates_are_read(
    authority: Authority, kind: type, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password pw\n")
    (tmp_path / "cookies").write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\ta\tb\n")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(Path(authority.certificate).read_bytes())
    with FaultServer(tls=authority.server()) as server:
        url = server.on("/x.mpd", Answer(MPD.format(base="./").encode()))
        transfer = dashget.TransferOptions(
            netrc=given(tmp_path / "netrc", kind),
            cookie_file=given(tmp_path / "cookies", kind),
            cacert=given(ca, kind),
        )
        dashget.load(url, transfer=transfer)
        assert server.seen[0].headers["authorization"] == "Basic bWU6cHc="
        assert server.seen[0].headers["cookie"] == "a=b"


def test_a_path_is_a_file_also_where_it_looks_like_something_else(tmp_path: Path) -> None:
    for name in ("-", "http:"):
        with pytest.raises(dashget.UsageError, match="neither a URL nor a file"):
            dashget.load(Path(name))


@pytest.mark.parametrize("wrong", [b"m", 1, None, Path])
def test_values_that_are_not_paths_are_refused(wrong: object) -> None:
    calls: list[Callable[[], object]] = [
        lambda: dashget.load(wrong),  # type: ignore[arg-type]  # that is the point
        lambda: dashget.mirror(wrong),  # type: ignore[arg-type]
        lambda: dashget.verify(wrong),  # type: ignore[arg-type]
    ]
    if wrong is not None:
        calls += [
            lambda: dashget.mirror("x.mpd", wrong),  # type: ignore[arg-type]
            lambda: dashget.TransferOptions(cert=wrong),  # type: ignore[arg-type]
        ]
    for call in calls:
        with pytest.raises(dashget.UsageError, match="not a path"):
            call()


def test_a_path_that_is_empty_names_nothing() -> None:
    for call in (lambda: dashget.verify(""), lambda: dashget.mirror("x.mpd", "")):
        with pytest.raises(dashget.UsageError, match="root: empty"):
            call()
