"""What a user may name as the manifest."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from dashget.errors import ManifestFetchError, UnsupportedMPDError, UsageError
from dashget.manifest.load import load_manifest
from dashget.manifest.source import check_base, parse_source
from dashget.mpd.budget import WorkLimits
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions

DOCUMENT = b"""<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p"
 minBufferTime="PT1S" mediaPresentationDuration="PT4S"><Period>
 <AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="2" media="$Number$.m4s"/>
 <Representation id="v" bandwidth="8"/></AdaptationSet></Period></MPD>"""


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://h.example/a/x.mpd", "http://h.example/a/x.mpd"),
        ("HTTPS://h.example/x.mpd?a=b", "https://h.example/x.mpd?a=b"),
        ("http://h.example", "http://h.example/"),
        ("http://h.example/x.mpd#t=5", "http://h.example/x.mpd"),
        (" http://h.example/x.mpd ", "http://h.example/x.mpd"),
        ("http://h.example/a b/x y.mpd?c d", "http://h.example/a%20b/x%20y.mpd?c%20d"),
        ("http://[::1]:8080/x.mpd", "http://[::1]:8080/x.mpd"),
    ],
)
def test_a_url_is_kept_without_its_anchor(text: str, url: str) -> None:
    source = parse_source(text)
    assert (source.url, source.name, source.user, source.path) == (url, url, None, None)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost:8000/x.mpd", "http://localhost:8000/x.mpd"),
        ("localhost:8000", "http://localhost:8000/"),
        ("localhost/x.mpd", "http://localhost/x.mpd"),
        ("LOCALHOST:80/a/x.mpd?q", "http://LOCALHOST:80/a/x.mpd?q"),
        ("example.com/x.mpd", "https://example.com/x.mpd"),
        ("example.com/", "https://example.com/"),
        ("www.example.co.uk/a/b?c=/d", "https://www.example.co.uk/a/b?c=/d"),
        ("example.com?x", "https://example.com/?x"),
        ("example.com./x.mpd", "https://example.com./x.mpd"),
        ("//example.com/x.mpd", "https://example.com/x.mpd"),
        ("bücher.example/x.mpd", "https://bücher.example/x.mpd"),
        ("a.xn--p1ai/x.mpd", "https://a.xn--p1ai/x.mpd"),
        ("example.com:443/x.mpd", "https://example.com:443/x.mpd"),
        ("example.com:8080/x.mpd", "http://example.com:8080/x.mpd"),
        ("example.com:8080", "http://example.com:8080/"),
        ("nas:8080/x.mpd", "http://nas:8080/x.mpd"),
        ("127.0.0.1:8000/x.mpd", "http://127.0.0.1:8000/x.mpd"),
        ("10.0.0.1/x.mpd", "http://10.0.0.1/x.mpd"),
        ("[::1]:8000/x.mpd", "http://[::1]:8000/x.mpd"),
    ],
)
def test_a_url_may_lack_its_scheme(
    text: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_source(text).url == url
    assert check_base(text) in (url, url.replace("/?", "?"), url.rstrip("/"))


def test_credentials_in_a_url_without_scheme_are_no_part_of_it() -> None:
    source = parse_source("me:pw@example.com/x.mpd")
    assert (source.url, source.user) == ("https://example.com/x.mpd", "me:pw")


@pytest.mark.parametrize(
    "text",
    ["x.mpd", "gone/x.mpd", "./example.com/x.mpd", "../a.b/x.mpd", "example.com", "a.b/x.mpd", "v1.2/x.mpd",
     "nas:8080", "nas:0/x", "a b.com/x", ".com/x", "here.com/x.mpd", "local.mpd/x", "mailto:me@example.com"],
)  # fmt: skip
def test_what_names_no_server_is_a_file(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.com").mkdir()
    (tmp_path / "local.mpd").write_bytes(DOCUMENT)
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(UsageError, ManifestFetchError):
        assert parse_source(text).url is None


def test_a_file_of_that_name_is_no_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "example.com").mkdir()
    (tmp_path / "example.com/x.mpd").write_bytes(DOCUMENT)
    monkeypatch.chdir(tmp_path)
    assert parse_source("example.com/x.mpd").path == Path("example.com/x.mpd")
    assert parse_source("example.com:443/x.mpd").url is not None


def test_credentials_are_taken_out_of_a_url_and_decoded() -> None:
    source = parse_source("https://me%40home:s%3Acret@h.example/x.mpd")
    assert source.url == "https://h.example/x.mpd"
    assert source.user == "me@home:s:cret"
    assert parse_source("https://me:s@cret@h/x.mpd").user == "me:s@cret"


@pytest.mark.parametrize("end", ["\\", "\\a:b", ":8x#", " ", "\u2028"])
def test_a_url_in_which_programs_see_two_hosts_is_refused(end: str) -> None:
    with pytest.raises(UsageError, match="user or password must be percent-encoded") as caught:
        parse_source(f"http://safe.example{end}@evil.example/x.mpd")
    assert "safe.example" not in caught.value.message
    assert parse_source("http://safe.example#@evil.example/x.mpd").url == "http://safe.example/"


@pytest.mark.parametrize(
    "text",
    ["", "nothing-here", "ftp://h/x", "file:///etc/passwd", "javascript:1", "http://", "http:///x",
     "http://h:99999/", "http://[::1/x", "\udce9.mpd", "a\0b"],
)  # fmt: skip
def test_invalid_manifest_arguments_are_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    ["http://bob:s3cret@h:99999/x", "http://bob:s3c/s3cret@h/x"],
)
def test_a_password_is_never_shown_in_an_error(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(url)
    assert "s3cret" not in caught.value.message


def test_a_file_is_known_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.mpd").write_bytes(DOCUMENT)
    monkeypatch.chdir(tmp_path)
    source = parse_source("x.mpd")
    assert (source.name, source.url) == (str(tmp_path / "x.mpd"), None)
    with pytest.raises(UsageError, match="is a directory"):
        parse_source(".")


def test_standard_input_is_known_by_its_base_url() -> None:
    assert parse_source("-", base_url="https://h/x.mpd").name == "https://h/x.mpd"


@pytest.mark.parametrize(
    ("base", "nameless"),
    [
        (None, True),
        ("https://h", True),
        ("https://h/", True),
        ("https://h/a/?x=1/y", True),
        ("https://h/x.mpd", False),
        ("https://h/x?y=/", False),
    ],
)
def test_standard_input_has_a_name_if_its_base_url_is_that_of_a_document(
    base: str | None, nameless: bool
) -> None:
    assert parse_source("-", base_url=base).nameless is nameless


def test_a_document_from_standard_input_is_resolved_against_its_base_url() -> None:
    with Engine(TransferOptions()) as engine:
        loaded = load_manifest(
            parse_source("-"),
            engine,
            base_url="https://h.example/a/x.mpd",
            read_input=lambda most: DOCUMENT[:most],
        )
    assert loaded.data == DOCUMENT
    assert loaded.name == "x.mpd"
    assert loaded.presentation.url == "https://h.example/a/x.mpd"
    assert loaded.fetched is None
    assert loaded.now is None
    assert len(loaded.sha256) == 64


@pytest.mark.parametrize(
    "base", ["", "x", "ftp://h/", "http://", "http://h:99999/", "//h/x", "http://me:s3cret@h/"]
)
def test_an_invalid_base_url_is_refused_before_any_request(base: str) -> None:
    with pytest.raises(UsageError, match="base_url: ") as caught:
        parse_source("-", base_url=base)
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("url", ["http://h/x.mpd", "HTTPS://h/x.mpd"])
def test_a_manifest_from_a_url_is_its_own_base(url: str) -> None:
    with pytest.raises(UsageError, match="base_url: only for a manifest from a file") as caught:
        parse_source(url, base_url="http://x/")
    assert caught.value.hint == "leave it out; a manifest from a URL is its own base"


@pytest.mark.parametrize("base", ["", "x", "ftp://h/", "http://", "http://h:99999/", "//h/x"])
def test_an_invalid_base_url_is_refused(base: str, tmp_path: Path) -> None:
    (tmp_path / "x.mpd").write_bytes(DOCUMENT)
    source = parse_source(str(tmp_path / "x.mpd"))
    with Engine(TransferOptions()) as engine, pytest.raises(UsageError, match="base_url: "):
        load_manifest(source, engine, base_url=base)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no file here without an end")
def test_a_file_is_read_only_up_to_the_limit_of_a_manifest() -> None:
    limits = WorkLimits(max_bytes=1000)
    with Engine(TransferOptions()) as engine:
        for source in ("/dev/zero", "-"):
            with pytest.raises(UnsupportedMPDError, match="more than the limit of 1,000 bytes"):
                load_manifest(parse_source(source), engine, limits=limits, read_input=bytes)


def test_credentials_may_contain_their_own_delimiters() -> None:
    with pytest.raises(UsageError) as caught:
        parse_source("http://me:p@s3cret@h:99999/")
    assert (
        caught.value.message
        == "'http://h:99999/' is not a valid URL: the port is not a number from 1 to 65535"
    )


def test_an_empty_name_is_an_error() -> None:
    with pytest.raises(UsageError, match="the URL is empty"):
        parse_source("")


def test_a_manifest_file_that_vanishes_is_a_fetch_error(tmp_path: Path) -> None:
    (tmp_path / "x.mpd").write_bytes(DOCUMENT)
    source = parse_source(str(tmp_path / "x.mpd"))
    (tmp_path / "x.mpd").unlink()
    with (
        Engine(TransferOptions()) as engine,
        pytest.raises(ManifestFetchError, match="cannot read"),
    ):
        load_manifest(source, engine)
