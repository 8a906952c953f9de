"""Find the certificates that servers are verified against.

pycurl's wheels carry their own OpenSSL, whose built-in paths seldom exist on the machine
that they run on; so the path is always set. On Windows and macOS libcurl can ask the
system's own store as well.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # CentOS
    "/etc/ssl/cert.pem",  # macOS, Alpine, OpenBSD, FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)
_VARIABLES = ("CURL_CA_BUNDLE", "SSL_CERT_FILE")


def ca_bundle(
    environment: Mapping[str, str], is_file: Callable[[str], bool] = lambda p: Path(p).is_file()
) -> str:
    """Return the path of a CA bundle: the environment's, the system's, or certifi's.

    A file that the environment names is used even if it is missing: a mistake becomes an error,
    and does not silently select other certificates.
    """
    for name in _VARIABLES:
        if environment.get(name):
            return environment[name]
    for path in BUNDLES:
        if is_file(path):
            return path
    import certifi

    return certifi.where()


def ca_directory(environment: Mapping[str, str]) -> str | None:
    """Return the directory of hashed certificates that the environment names; None if none."""
    return environment.get("SSL_CERT_DIR") or None


def system_store() -> bool:
    """Return True if libcurl should also use the certificate store of the operating system."""
    return sys.platform in ("win32", "darwin")
