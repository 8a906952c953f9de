"""Certificates for tests, made with the openssl program."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Authority:
    """A certificate authority of our own, in a directory."""

    directory: Path

    @property
    def certificate(self) -> str:
        return str(self.directory / "ca.pem")

    @classmethod
    def make(cls, directory: Path) -> Authority:
        """Make the authority; skip the test where openssl is missing."""
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        self = cls(directory)
        _openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-keyout", directory / "ca.key", "-out", directory / "ca.pem",
            "-subj", "/CN=tests of DashGet",
            # Python 3.13 and newer demand the extensions that RFC 5280 does.
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
        return self

    def issue(self, name: str, *, alternative: str, days: int = 30) -> tuple[str, str]:
        """Issue a certificate; return the paths of certificate and key."""
        at = self.directory
        key, request, certificate = at / f"{name}.key", at / f"{name}.csr", at / f"{name}.pem"
        extension = at / f"{name}.ext"
        extension.write_text(f"subjectAltName={alternative}\nauthorityKeyIdentifier=keyid\n")
        _openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request,
            "-subj", f"/CN={name}",
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-in", request, "-CA", at / "ca.pem", "-CAkey", at / "ca.key",
            "-CAcreateserial", "-days", str(days), "-out", certificate, "-extfile", extension,
        )  # fmt: skip
        return str(certificate), str(key)

    def server(self, *, alternative: str = "IP:127.0.0.1", clients: bool = False) -> ssl.SSLContext:
        """Return what a server for ``alternative`` needs; ``clients`` must show a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # To make a key takes longer than most tests do.
        name = re.sub(r"\W", "-", alternative)
        issued = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        if not issued[0].exists():
            self.issue(name, alternative=alternative)
        context.load_cert_chain(*issued)
        if clients:
            context.load_verify_locations(self.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def dated(self, name: str, *, begins: str, ends: str) -> ssl.SSLContext:
        """Return what a server needs whose certificate holds from one date to another."""
        at = self.directory
        key, request = at / f"{name}.key", at / f"{name}.csr"
        _openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request,
            "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
        )  # fmt: skip
        (at / f"{name}.index").touch()
        (at / f"{name}.serial").write_text("01")
        settings = at / f"{name}.cnf"
        settings.write_text(
            "[ca]\ndefault_ca=here\n[any]\ncommonName=supplied\n[here]\npolicy=any\n"
            f"database={at}/{name}.index\nserial={at}/{name}.serial\nnew_certs_dir={at}\n"
            f"certificate={at}/ca.pem\nprivate_key={at}/ca.key\ndefault_md=sha256\n"
            "copy_extensions=copy\n"
        )
        _openssl(
            "ca", "-batch", "-config", settings, "-in", request, "-out", at / f"{name}.pem",
            "-startdate", begins, "-enddate", ends, "-notext",
        )  # fmt: skip
        return _server_of(at / f"{name}.pem", key)

    def self_signed(self, name: str = "self", *, bits: int = 2048) -> ssl.SSLContext:
        """Return what a server needs whose certificate nobody but itself has signed."""
        key, certificate = self.directory / f"{name}.key", self.directory / f"{name}.pem"
        _openssl(
            "req", "-x509", "-newkey", f"rsa:{bits}", "-nodes", "-days", "30", "-keyout", key,
            "-out", certificate, "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
        )  # fmt: skip
        return _server_of(certificate, key)

    def client(self) -> ssl.SSLContext:
        """Return what a client needs that trusts this authority."""
        return ssl.create_default_context(cafile=self.certificate)


def _server_of(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
