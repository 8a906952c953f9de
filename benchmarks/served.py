"""The file sets of the benchmarks with their manifests, and an nginx that serves them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

PROTOCOLS = ("http", "https", "http2")

LINK_ADDRESS = "198.18.0.1"
"""The server's address on an emulated link: RFC 2544 sets the network apart for benchmarks."""

_NGINX = """\
daemon off;
worker_processes 2;
pid "{directory}/nginx.pid";
error_log "{directory}/error.log" error;
{user}
events {{ worker_connections 1024; }}
http {{
    types {{ application/dash+xml mpd; video/mp4 m4s mp4; }}
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path "{directory}/body";
    proxy_temp_path "{directory}/proxy";
    fastcgi_temp_path "{directory}/fastcgi";
    uwsgi_temp_path "{directory}/uwsgi";
    scgi_temp_path "{directory}/scgi";
    server {{
        listen {address} backlog=1024{options};
        {tls}
        root "{root}";
    }}
}}
"""

_MPD = """\
<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT2S"
     profiles="urn:mpeg:dash:profile:{profile}:2011" mediaPresentationDuration="PT{count}S">
  <Period>
    <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true">
      <Representation id="v" bandwidth="{bandwidth}" codecs="avc1.42c00d">
        {media}
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""
INITIALIZATION = "init.mp4"
_TEMPLATE = (
    f'<SegmentTemplate timescale="1" duration="1" startNumber="1" initialization="{INITIALIZATION}"'
    ' media="$Number%05d$.m4s"/>'
)
_WHOLE = "whole.mp4"


@dataclass(frozen=True)
class FileSet:
    """A number of segments of one size, or one large file, with a manifest that names them."""

    name: str
    count: int
    size: int

    @property
    def title(self) -> str:
        size = f"{self.size >> 20} MiB" if self.size >= 1 << 20 else f"{self.size >> 10} KiB"
        return f"one file of {size}" if self.is_single else f"{self.count} x {size}"

    def scaled(self, factor: float) -> FileSet:
        """Return the set with ``factor`` times as many files; a single file gets larger."""
        if self.is_single:
            return replace(self, size=round(self.size * factor))
        return replace(self, count=max(2, round(self.count * factor)))

    @property
    def is_single(self) -> bool:
        return self.count == 1

    @property
    def names(self) -> list[str]:
        if self.is_single:
            return [_WHOLE]
        return [f"{number:05d}.m4s" for number in range(1, self.count + 1)]

    @property
    def total(self) -> int:
        return self.count * self.size

    @property
    def initialization(self) -> bytes:
        """The initialization segment, which comes beside the segments; a single file has it."""
        return b"" if self.is_single else struct.pack(">I4sI4s", 8, b"ftyp", 8, b"moov")

    def make(self, directory: Path) -> None:
        """Write the files and ``manifest.mpd``. No two files end alike, as with real media."""
        directory.mkdir(parents=True)
        if self.initialization:
            (directory / INITIALIZATION).write_bytes(self.initialization)
        head = self._head()
        size = self.size - len(head) - 8
        block = os.urandom(min(size, 1 << 20))
        for number, name in enumerate(self.names):
            with (directory / name).open("wb") as file:
                file.write(head)
                for _ in range(size // len(block)):
                    file.write(block)
                file.write(block[: size % len(block)])
                file.write(struct.pack(">Q", number))
        (directory / "manifest.mpd").write_text(self._manifest())

    def _head(self) -> bytes:
        """Return the headers of the boxes of each file, as a packager writes them."""
        if self.is_single:
            return struct.pack(">I4sI4sI4s", 8, b"ftyp", 8, b"moov", 0, b"mdat")
        payload = self.size - 24
        return struct.pack(">I4sI4sI4s", 8, b"styp", 8, b"moof", 8 + payload, b"mdat")

    def _manifest(self) -> str:
        return _MPD.format(
            profile="isoff-on-demand" if self.is_single else "isoff-live",
            count=self.count,
            bandwidth=self.size * 8,
            media=f"<BaseURL>{_WHOLE}</BaseURL>" if self.is_single else _TEMPLATE,
        )


def find_nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def nginx_version(nginx: str) -> str:
    done = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True)
    return done.stderr.strip().rpartition(" ")[2]


def make_certificate(directory: Path) -> Path:
    """Make a certificate for loopback and for an emulated link; it is its own authority."""
    certificate = directory / "origin.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=loopback"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", f"subjectAltName=IP:127.0.0.1,IP:{LINK_ADDRESS}"),
            *("-keyout", str(directory / "origin.key"), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate


@contextlib.contextmanager
def serve(
    nginx: str,
    directory: Path,
    *,
    protocol: str = "http",
    authority: Path | None = None,
    listener: socket.socket | None = None,
) -> Iterator[str]:
    """Run nginx over ``directory``/origin, and yield the URL of its root.

    nginx takes over a socket that already listens: nobody has to wait for it, and it serves
    in whatever network namespace the socket was made.
    """
    with listener or socket.create_server(("127.0.0.1", 0), backlog=1024) as taken:
        host, port = taken.getsockname()
        taken.set_inheritable(True)
        taken.setblocking(False)  # nginx takes it as it is, and would wait in accept
        _configure(directory, f"{host}:{port}", protocol, authority)
        process = subprocess.Popen(
            [nginx, "-p", str(directory), "-c", "nginx.conf", "-e", "error.log"],
            env={**os.environ, "NGINX": f"{taken.fileno()};"},
            pass_fds=(taken.fileno(),),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        yield f"{'http' if authority is None else 'https'}://{host}:{port}"
    finally:
        process.terminate()
        process.wait()


def _configure(directory: Path, address: str, protocol: str, authority: Path | None) -> None:
    key = directory / "origin.key"
    tls = f'ssl_certificate "{authority}"; ssl_certificate_key "{key}";' if authority else ""
    options = {"http": "", "https": " ssl", "http2": " ssl http2"}[protocol]
    (directory / "nginx.conf").write_text(
        _NGINX.format(
            directory=directory,
            user="user root root;" if os.geteuid() == 0 else "",
            address=address,
            options=options,
            tls=tls,
            root=directory / "origin",
        )
    )
