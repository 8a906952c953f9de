"""Laws of URLs: any text can be split, and libcurl connects to the host and port that we read."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urljoin

import pycurl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashget.common.url import Url, UrlError, http_origin

pieces = st.lists(
    st.sampled_from(
        ["http:", "HTTPS:", "//", "/", "\\", "h", "G.example", "127.1", "0x7f.1", "2130706433", "08",
         "[::1]", "[fe80::1%25e]", "[", "]", ":", "@", "80", "0", "99999", "00081", "?", "#", "%31",
         "%", ".", "..", "ü", "１", "℀", " ", "\t", "\n", "\0", "u", ";", "&", "=", "'", "~", "é"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
texts = st.one_of(pieces, st.text(max_size=30))
authorities = st.tuples(st.sampled_from(["http://", "https://", "HTTP://"]), texts).map("".join)


@given(texts)
def test_any_text_can_be_split_and_is_written_as_it_was_read(text: str) -> None:
    url = Url.parse(text)
    assert Url.parse(str(url)) == url
    if text[:1].islower() or url.scheme is None:
        assert str(url).lower() == text.partition("#")[0].lower()


@given(texts)
def test_any_url_has_an_origin_or_a_named_error(text: str) -> None:
    with contextlib.suppress(UrlError):
        scheme, host, port = http_origin(Url.parse(text))
        assert scheme in ("http", "https")
        assert host == host.lower()
        assert host.isascii()
        assert 1 <= port <= 65535
        place = f"[{host}]" if ":" in host else host
        assert http_origin(Url.parse(f"{scheme}://{place}:{port}/")) == (scheme, host, port)


@given(texts, texts)
def test_joining_is_total_and_done_once(base: str, reference: str) -> None:
    joined = Url.parse(base).join(Url.parse(reference))
    assert Url.parse(base).join(joined) == joined or joined.scheme is None


segments = st.lists(st.sampled_from(["a", "b.c", "..", ".", "d;e"]), min_size=1, max_size=5)
paths = segments.map("/".join)
bases = st.tuples(paths, st.sampled_from(["", "?q=1"])).map(lambda p: f"http://h/{p[0]}{p[1]}")
plain = st.tuples(
    st.sampled_from(["", "/", "//g/", "https://g/"]), paths, st.sampled_from(["", "?r", "#f"])
).map("".join)


@given(bases, plain)
def test_joining_agrees_with_the_standard_library(base: str, reference: str) -> None:
    ours = Url.parse(base).join(Url.parse(reference))
    # urljoin leaves the dots of absolute references in; resolving "" removes none either.
    theirs = urljoin(base, reference).partition("#")[0]
    assert ours == Url.parse(theirs).join(Url.parse(theirs))


class _Proxy:
    """A proxy on loopback that refuses every tunnel, and keeps the server it was asked for."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.asked: str | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                self.asked = head.split()[1].decode("ascii")
                connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    def server_of(self, url: str) -> str | None:
        """Return the ``host:port`` that libcurl connects to; None if it refuses the URL."""
        self.asked = None
        handle = pycurl.Curl()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.PROXY, f"http://127.0.0.1:{self.port}")
        handle.setopt(pycurl.NOPROXY, "")
        handle.setopt(pycurl.HTTPPROXYTUNNEL, 1)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        with contextlib.suppress(pycurl.error):
            handle.perform()
        handle.close()
        return self.asked

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture(scope="module")
def proxy() -> Iterator[_Proxy]:
    made = _Proxy()
    yield made
    made.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(authorities)
@example("http://127.1/")
@example("http://0x7F.0x1:0081/")
@example("http://0300.0250.1/")
@example("http://[0:0::1]:8/")
@example("http://[::ffff:1.2.3.4]/")
@example("http://[fe80::1%25e]/")
@example("http://u:p;x@h./")
@example("https://h?@g/")
@example("http://bücher.example/")
def test_libcurl_connects_to_the_host_and_port_that_we_read(proxy: _Proxy, text: str) -> None:
    url = Url.parse(text)
    try:
        _, host, port = http_origin(url)
        sent = str(url.to_ascii())
    except UrlError:
        return
    server = proxy.server_of(sent)
    assert server is not None
    assert http_origin(Url.parse(f"http://{server}/")) == ("http", host.partition("%")[0], port)
