"""Shortcuts past regular expressions decide as the expressions do that they replace."""

from __future__ import annotations

import contextlib
import re

from hypothesis import example, given
from hypothesis import strategies as st

from dashget.common.url import UrlError, read_host
from dashget.mpd.encoding import EncodingError, as_utf8
from dashget.mpd.markers import MARKER, RANGE, literals, with_digits
from dashget.mpd.urls import encode, resolve_reference
from dashget.planning import layout

MARKED = "\ue000\ue001"
PATHS = st.text(st.sampled_from(f"aZ09._-/~%:?#&*+ ü{MARKED}"), max_size=12)
HOSTS = st.text(st.sampled_from("azf09x._-A"), max_size=10)
PLAIN_REFERENCE = re.compile(
    rf"(?![./])(?:[!$&'()*+,;=@A-Z_a-z0-9~-]|[{RANGE}]|/(?!\.)|(?<!/)\.)+", re.ASCII
)
ILLEGAL = re.compile(rf"%(?![0-9A-Fa-f]{{2}})|(?![{RANGE}])[^!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]")
HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


@given(PATHS)
def test_plain_references_are_appended_and_no_others(reference: str) -> None:
    if PLAIN_REFERENCE.fullmatch(reference):
        assert resolve_reference("https://h/d/x.mpd", reference) == f"https://h/d/{reference}"


@given(PATHS)
def test_what_is_encoded_is_what_no_url_may_have(path: str) -> None:
    path = path.replace("?", "").replace("#", "")
    expected = ILLEGAL.sub(
        lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), f"/{path}"
    )
    assert encode(f"https://h/{path}") == f"https://h{expected}"


PLAIN_PATH = re.compile(
    r"[A-Za-z0-9-][A-Za-z0-9_.-]*(?<!\.)(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*(?<!\.))*", re.ASCII
)


@given(PATHS | st.sampled_from(["con", "a/Con.m4s", "icon.mp4", "x/lpt1", "com/a", "\ue000com1"]))
def test_paths_that_need_no_change_are_found_by_their_parts(path: str) -> None:
    reserved = re.search(r"(?i)(?:^|/)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:[./]|$)", path)
    plain = PLAIN_PATH.fullmatch(with_digits(path)) is not None and not reserved
    assert layout._is_plain(path, 255) == plain


@given(HOSTS)
@example("")
@example("a.0x")
@example("1.")
@example("a..b")
def test_hosts_are_valid_by_their_labels(host: str) -> None:
    bare = host.lower().removesuffix(".")
    read = None
    with contextlib.suppress(UrlError):
        read = read_host(host)
    if not HOST.fullmatch(bare):
        assert read is None
    elif not ENDS_IN_NUMBER.fullmatch(bare):
        assert read == bare
    else:
        assert read is None or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", read)


@given(PATHS)
def test_texts_are_taken_apart_at_their_markers(text: str) -> None:
    assert literals(text) == MARKER.split(text)[::2]
    assert with_digits(text) == MARKER.sub("0", text)


@given(st.sampled_from([b'<?xml version="1.0" encoding="UTF-8"?>', b"<?xml version='1.0'?>", b""]))
def test_a_document_that_names_no_other_encoding_is_returned_itself(declaration: bytes) -> None:
    document = declaration + b'<MPD title="\xc3\xbc"/>'
    with contextlib.suppress(EncodingError):
        assert as_utf8(document) == (document, None)
