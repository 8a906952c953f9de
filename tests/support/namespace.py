"""A network of its own in which every address of the world leads to one server.

Started as a program by ``unshare --net --mount`` (Linux, as root), with cases as JSON on standard
input: name, words of the command, its files. It runs the real command for each, and prints what
each was: exit code, standard error, and all connections that arrived, by the address and port
that they were made to, with the first line of each request. DNS answers differently each time
where ``NAMES`` has several answers: after each request, or of ``TURNS`` for each question.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.proxyserver import ProxyServer

PUBLIC, PRIVATE, PROXY = "93.184.216.34", "10.0.0.7", "10.0.0.9"
PORTS = (80, 8000, 3128)
SOCKS = 1080
"""Where a SOCKS proxy of this machine listens."""
_DNS = "127.0.0.53"
NAMES = {
    "public.example": [[PUBLIC]],
    "other.example": [["93.184.216.35"]],
    "inner.example": [[PRIVATE]],
    "rebind.example": [[PUBLIC], [PRIVATE]],
    "flip.example": [[PRIVATE], [PUBLIC]],
    "mixed.example": [[PRIVATE, PUBLIC]],
    "six.example": [["fec0::1"]],
    "translated.example": [["64:ff9b::a00:7"]],
    "tunnelled.example": [["2002:a00:7::1"]],
    "mapped.example": [["::ffff:10.0.0.7"]],
    "evil.example": [[PROXY]],
    "turn.example": [[PUBLIC], [PRIVATE]],
}
"""The answers of each name, one after another."""
TURNS = frozenset({"flip.example", "turn.example"})
_MPD = """<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:xlink="http://www.w3.org/1999/xlink"
 type="static" mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:full:2011">
<Period>{base}<AdaptationSet mimeType="application/octet-stream" contentType="text">
<SegmentTemplate duration="1" media="$Number$.bin" endNumber="2"/>
<Representation id="t" bandwidth="1000"/></AdaptationSet></Period>{more}</MPD>"""


def document(base: str | None, remote: str | None = None) -> bytes:
    """Return a manifest with a BaseURL, and a Period at another URL."""
    more = f'<Period xlink:href="{remote}" duration="PT1S"/>' if remote else ""
    return _MPD.format(base=f"<BaseURL>{base}</BaseURL>" if base else "", more=more).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    log: ClassVar[list[tuple[str, int, str]]] = []
    served: ClassVar[dict[str, int]] = {}
    """How many requests there were for each name."""

    def setup(self) -> None:
        super().setup()
        self._note("connected")

    def _note(self, text: str) -> None:
        address, port = self.connection.getsockname()[:2]
        with self.lock:
            self.log.append((address.removeprefix("::ffff:"), port, text))

    def do_GET(self) -> None:
        self._note(self.requestline)
        name = self.headers.get("Host", "").partition(":")[0]
        self.served[name] = self.served.get(name, 0) + 1
        url = urlsplit(self.path)
        asked = {name: value[0] for name, value in parse_qs(url.query).items()}
        if "to" in asked:
            self.send_response(302)
            self.send_header("Location", asked["to"].encode().decode("latin-1"))
            body = b""
        else:
            self.send_response(200)
            is_document = unquote(url.path).endswith(".mpd")
            body = document(asked.get("base"), asked.get("remote")) if is_document else b"x" * 9
        # Each request looks its host up again, or at least connects again.
        self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  of http.server
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def _answer_names(dns: socket.socket) -> None:
    """Answer A and AAAA."""
    asked: dict[str, int] = {}
    while True:
        query, client = dns.recvfrom(512)
        labels, place = [], 12
        while query[place]:
            labels.append(query[place + 1 : place + 1 + query[place]].decode())
            place += 1 + query[place]
        name, kind = ".".join(labels).lower(), int.from_bytes(query[place + 1 : place + 3], "big")
        answers_of_name = NAMES.get(name, [[]])
        if name in TURNS:
            asked[name] = asked.get(name, 0) + (kind == 1)
            present = answers_of_name[(asked[name] - 1) % len(answers_of_name)]
        else:
            served = _Handler.served.get(name, 0)
            present = answers_of_name[min(served, len(answers_of_name) - 1)]
        found = [ipaddress.ip_address(text) for text in present]
        fitting = [each for each in found if {1: 4, 28: 6}.get(kind) == each.version]
        answers = b"".join(
            struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(each.packed)) + each.packed
            for each in fitting
        )
        head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(fitting), 0, 0)
        dns.sendto(head + query[12 : place + 5] + answers, client)


def _prepare(folder: Path) -> None:
    for command in ("ip link set lo up", "ip route add local 0.0.0.0/0 dev lo",
                    "ip -6 route add local ::/0 dev lo"):  # fmt: skip
        subprocess.run(command.split(), check=True)
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {_DNS}\noptions attempts:1 timeout:5\n")
    subprocess.run(["mount", "--bind", resolver, "/etc/resolv.conf"], check=True)
    dns = socket.socket(type=socket.SOCK_DGRAM)
    dns.bind((_DNS, 53))
    threading.Thread(target=_answer_names, args=(dns,), daemon=True).start()
    for port in PORTS:
        server = _Server(("::", port), _Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ProxyServer(port=SOCKS, honest=True).__enter__()


def main() -> None:
    """Run the cases of standard input; print their outcomes."""
    outcomes = {}
    plain = {n: v for n, v in os.environ.items() if not re.search("(?i)_proxy$", n)}
    with tempfile.TemporaryDirectory() as text:
        _prepare(Path(text))
        for number, case in enumerate(json.load(sys.stdin)):
            folder = Path(text) / str(number)
            folder.mkdir()
            for name, content in case.get("files", {}).items():
                (folder / name).write_text(content)
            _Handler.log.clear()
            _Handler.served.clear()
            words = ["get", *case["words"], "-o", "mirror", "--retries", "0"]
            done = subprocess.run(
                [sys.executable, "-P", "-m", "dashget", *words],
                cwd=folder, env={**plain, **case.get("more", {})}, capture_output=True,
                text=True, timeout=60, check=False,
            )  # fmt: skip
            outcomes[case["name"]] = (done.returncode, done.stderr, list(_Handler.log))
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
