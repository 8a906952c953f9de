"""A real nginx on loopback as the origin of a mirror, unprivileged and in a directory of its own.

The listening socket is made here and handed to nginx (the way its own binary upgrade hands
them over, the environment variable ``NGINX``), so that there is no port to guess and
nothing to wait for: who connects before nginx is up stands in the queue of the socket.
"""

from __future__ import annotations

import contextlib
import grp
import http.client
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec

_DEADLINE_SECONDS = 20.0

_CONFIGURATION = """\
daemon off;
worker_processes 1;
{user}
worker_rlimit_nofile 4096;
pid "{directory}/nginx.pid";
error_log "{directory}/error.log" warn;
events {{ worker_connections 512; }}
http {{
    types {{
        application/dash+xml mpd;
        video/mp4 mp4 m4s;
        video/webm webm;
        text/vtt vtt;
        text/html html;
    }}
    default_type application/octet-stream;
    log_format facts escape=json '{{"method":"$request_method","uri":"$request_uri",'
        '"status":$status,"sent":$body_bytes_sent,"range":"$http_range",'
        '"encoding":"$http_accept_encoding","agent":"$http_user_agent"}}';
    access_log "{directory}/access.log" facts;
    client_body_temp_path "{directory}/body";
    proxy_temp_path "{directory}/proxy";
    fastcgi_temp_path "{directory}/fastcgi";
    uwsgi_temp_path "{directory}/uwsgi";
    scgi_temp_path "{directory}/scgi";
    keepalive_requests 10000;
    server {{
        listen 127.0.0.1:{port}{listen_options};
        {tls}
        {clients}
        root "{root}";
        location = /.origin-sync {{ return 204; }}
        location / {{ {limits} }}
    }}
}}
"""


class Logged(msgspec.Struct, frozen=True):
    """One request as nginx logged it; absent headers are empty text."""

    method: str
    uri: str
    status: int
    sent: int
    range: str
    encoding: str
    agent: str


class Certificate(NamedTuple):
    """A certificate for loopback with its key; it is its own authority."""

    certificate: Path
    key: Path

    @classmethod
    def make(cls, directory: Path) -> Certificate:
        """Make one with the ``openssl`` program, valid for two days."""
        made = cls(directory / "origin.pem", directory / "origin.key")
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=loopback"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
                *("-keyout", str(made.key), "-out", str(made.certificate)),
            ],
            check=True,
            capture_output=True,
        )
        return made


class Origin:
    """A running nginx that serves ``root``; made by ``serve``."""

    def __init__(
        self,
        root: Path,
        directory: Path,
        listener: socket.socket,
        *,
        certificate: Certificate | None,
        clients: Path | None,
        limit_rate: str | None,
    ) -> None:
        self.root = root
        self._directory = directory
        self._certificate = certificate
        self.port: int = listener.getsockname()[1]
        self._syncs = 0
        configuration = directory / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                directory=directory,
                root=root,
                port=self.port,
                listen_options=" ssl" if certificate else "",
                tls=_tls_lines(certificate),
                clients=_client_lines(clients),
                user=_user_line(),
                limits=f"limit_rate {limit_rate};" if limit_rate else "",
            )
        )
        self._process = subprocess.Popen(
            [program(), "-p", str(directory), "-c", str(configuration), "-e", "error.log"],
            env={**os.environ, "NGINX": f"{listener.fileno()};"},
            pass_fds=(listener.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        """The URL of a file below the root."""
        return f"{self.address}/{quote(path)}"

    def requests(self) -> list[Logged]:
        """Return what was asked since the start or the last ``forget``, in log order."""
        self._settle()
        lines = (self._directory / "access.log").read_bytes().splitlines()
        logged = [msgspec.json.decode(line, type=Logged) for line in lines]
        return [entry for entry in logged if not entry.uri.startswith("/.origin-sync")]

    def forget(self) -> None:
        """Empty the access log."""
        self._settle()
        os.truncate(self._directory / "access.log", 0)

    def stop(self) -> None:
        """End nginx."""
        self._process.terminate()
        self._process.wait(_DEADLINE_SECONDS)

    def check(self) -> None:
        """Make sure that nginx answers; its own words are in the error if it does not."""
        try:
            self._settle()
        except OSError as err:
            log = self._directory / "error.log"
            words = log.read_text() if log.exists() else "no error log"
            raise RuntimeError(f"nginx does not answer: {words}") from err

    def _settle(self) -> None:
        """Wait until all that was answered is logged.

        nginx logs after it has answered. One worker handles one event at a time, so what
        it finished before a request of ours is in the log when that request is.
        """
        self._syncs += 1
        path = f"/.origin-sync?{os.getpid()}.{self._syncs}"
        connection = self._connect()
        with contextlib.closing(connection):
            connection.request("GET", path)
            connection.getresponse().read()
        needle = f'"uri":"{path}"'.encode()
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while needle not in (self._directory / "access.log").read_bytes():
            if time.monotonic() > deadline:
                raise TimeoutError("nginx did not log a request")

    def _connect(self) -> http.client.HTTPConnection:
        if self._certificate is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=_DEADLINE_SECONDS)
        context = ssl.create_default_context(cafile=str(self._certificate.certificate))
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=_DEADLINE_SECONDS, context=context
        )


def program() -> str:
    """Return the path of nginx, which Debian keeps out of an ordinary user's PATH."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError("nginx")
    return found


@contextlib.contextmanager
def serve(
    root: Path,
    directory: Path,
    *,
    certificate: Certificate | None = None,
    clients: Path | None = None,
    limit_rate: str | None = None,
) -> Iterator[Origin]:
    """Serve ``root`` until the block ends. ``directory`` takes configuration and logs.

    ``clients`` is the certificate of the authority that clients must have theirs from.
    ``limit_rate`` is nginx's: bytes per second on each connection, as in ``50k``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        listener.set_inheritable(True)
        listener.setblocking(False)  # nginx takes it as it is, and would wait in accept
        origin = Origin(
            root,
            directory,
            listener,
            certificate=certificate,
            clients=clients,
            limit_rate=limit_rate,
        )
    try:
        origin.check()
        yield origin
    finally:
        origin.stop()


def _user_line() -> str:
    """Keep root's workers root: they would be ``nobody``, who cannot enter a test's directory."""
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};"


def _client_lines(clients: Path | None) -> str:
    if clients is None:
        return ""
    return f'ssl_client_certificate "{clients}";\n        ssl_verify_client on;'


def _tls_lines(certificate: Certificate | None) -> str:
    if certificate is None:
        return ""
    return (
        f'ssl_certificate "{certificate.certificate}";\n'
        f'        ssl_certificate_key "{certificate.key}";'
    )
