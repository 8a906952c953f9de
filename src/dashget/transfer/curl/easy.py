"""Options of libcurl's easy handles: those of all requests, and those of one origin.

Among them are the certificates that servers are verified against. pycurl's wheels carry their own
OpenSSL, whose built-in paths seldom exist on the machine that they run on; so the path is always
set. On Windows and macOS libcurl can ask the system's own store as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dashget.errors import UsageError
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.origin import Origin, header_line
from dashget.transfer.settings.options import PROXY_VARIABLES, HttpVersion, TransferOptions

_LARGEST_BUFFER_BYTES = 256 * 1024
_SMALLEST_BUFFER_BYTES = 64 * 1024
_BUFFERS_BYTES = 2 * 1024 * 1024
"""What the buffers of all transfers may have together."""
_BUFFERS_IN_A_CALL = 11
"""How many times libcurl fills one before it looks at the next transfer; all of that is held
until then."""
_PACED_BUFFER_BYTES = 16 * 1024
_VERIFY_PROXY = (pycurl.PROXY_SSL_VERIFYPEER, pycurl.PROXY_SSL_VERIFYHOST)
_VERSIONS = {
    HttpVersion.AUTO: pycurl.CURL_HTTP_VERSION_2TLS,
    HttpVersion.HTTP_1_1: pycurl.CURL_HTTP_VERSION_1_1,
    HttpVersion.HTTP_2: pycurl.CURL_HTTP_VERSION_2_0,
    HttpVersion.HTTP_3: pycurl.CURL_HTTP_VERSION_3,
}


def new_cookies(options: TransferOptions) -> Any:
    """Return the cookie store that all handles share, with the cookies of the user's file.

    They are put in only once: a handle that got them later would put them back in the place of
    newer ones. UsageError if the file is not a cookie file.
    """
    share = pycurl.CurlShare()
    share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_COOKIE)
    if options.cookie_file is not None:
        from dashget.transfer.settings.cookiefile import cookies_of

        reader = pycurl.Curl()
        reader.setopt(pycurl.SHARE, share)
        for line in cookies_of(options.cookie_file).lines:
            reader.setopt(pycurl.COOKIELIST, line)
        reader.close()
    return share


def new_handle(cookies: Any) -> Any:
    """Return a handle that shares cookies with others, also after it was reset."""
    handle = pycurl.Curl()
    handle.setopt(pycurl.SHARE, cookies)
    return handle


def largest_take_bytes(options: TransferOptions) -> int:
    """Return how much all transfers may have taken from the network in one call of libcurl."""
    return _BUFFERS_IN_A_CALL * _buffer_bytes(options) * options.most_in_flight


def prepare(handle: Any, options: TransferOptions) -> None:
    """Set the options of all requests on a handle that is new or was reset."""
    handle.setopt(pycurl.COOKIEFILE, "")
    set_option = handle.setopt
    set_option(pycurl.NOSIGNAL, 1)
    set_option(pycurl.NOPROGRESS, 1)
    set_option(pycurl.FOLLOWLOCATION, 0)
    set_option(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    set_option(pycurl.BUFFERSIZE, _buffer_bytes(options))
    set_option(pycurl.CONNECTTIMEOUT_MS, max(1, round(options.connect_timeout_seconds * 1000)))
    set_option(pycurl.USERAGENT, options.user_agent)
    set_option(pycurl.HTTP_VERSION, _VERSIONS[options.http])
    set_option(pycurl.TCP_NODELAY, 1)
    if options.interface is not None:
        set_option(pycurl.INTERFACE, options.interface)
    _set_proxy(handle, options)
    _set_tls(handle, options)


def _buffer_bytes(options: TransferOptions) -> int:
    """Return how much is read at once: a small file if possible, without filling the memory."""
    if options.limit_rate is not None:
        return _PACED_BUFFER_BYTES
    share = _BUFFERS_BYTES // options.most_in_flight
    return max(_SMALLEST_BUFFER_BYTES, min(share, _LARGEST_BUFFER_BYTES))


def check_support(http: HttpVersion) -> None:
    """Raise UsageError if this libcurl lacks the version of HTTP that the options ask for."""
    features = int(pycurl.version_info()[4])
    needed = {HttpVersion.HTTP_2: pycurl.VERSION_HTTP2, HttpVersion.HTTP_3: pycurl.VERSION_HTTP3}
    bit = needed.get(http)
    if bit is not None and not features & bit:
        raise UsageError(
            f"HTTP/{http.value} is not supported by libcurl {pycurl.version_info()[1]}",
            hint="pycurl's own wheels support it: pip install --upgrade pycurl",
        )


def dress(handle: Any, options: TransferOptions, origin: Origin) -> None:
    """Set the headers and secrets of an origin on a handle, and remove those of another.

    pycurl cannot take a client certificate away: a handle that has one must have been reset.
    """
    set_option = handle.setopt
    set_option(pycurl.HTTPHEADER, origin.headers)
    if options.cookies:
        if origin.cookie is not None:
            set_option(pycurl.COOKIE, origin.cookie)
        else:
            handle.unsetopt(pycurl.COOKIE)
    if origin.login is not None:
        name, password = origin.login
        set_option(pycurl.USERNAME, name)
        set_option(pycurl.PASSWORD, password)
    else:
        handle.unsetopt(pycurl.USERPWD)
    if origin.addresses:
        set_option(pycurl.RESOLVE, _resolved(origin))
    if options.cert is not None and origin.trusted:
        set_option(pycurl.SSLCERT, os.fsencode(options.cert))
        set_option(pycurl.SSLKEY, os.fsencode(options.private_key or options.cert))
        # Without one, OpenSSL would ask at the terminal.
        set_option(pycurl.KEYPASSWD, "")


def _resolved(origin: Origin) -> list[str]:
    """Return what libcurl is to take for the addresses of an origin, also with a dot at its end."""
    addresses = ",".join(f"[{each}]" if ":" in each else each for each in origin.addresses)
    return [f"{host}:{origin.port}:{addresses}" for host in (origin.host, f"{origin.host}.")]


def _set_proxy(handle: Any, options: TransferOptions) -> None:
    if options.proxy is not None:
        handle.setopt(pycurl.PROXY, options.proxy)
    if options.no_proxy is not None:
        handle.setopt(pycurl.NOPROXY, options.no_proxy)
    elif options.proxy is None and not _names_proxy(os.environ):
        # Or libcurl would look for each of the variables with every request.
        handle.setopt(pycurl.NOPROXY, "*")
    lines = [
        header_line(name, value)
        for name, value in options.headers
        if name.strip().lower() == "proxy-authorization"
    ]
    if lines:
        handle.setopt(pycurl.PROXYHEADER, lines)


def _names_proxy(environment: Mapping[str, str]) -> bool:
    return any(environment.get(name) for names in PROXY_VARIABLES.values() for name in names)


def _set_tls(handle: Any, options: TransferOptions) -> None:
    # The same for an https proxy as for servers.
    if options.insecure:
        for verify in (pycurl.SSL_VERIFYPEER, pycurl.SSL_VERIFYHOST, *_VERIFY_PROXY):
            handle.setopt(verify, 0)
        return
    if options.cacert is not None:
        for authorities in (pycurl.CAINFO, pycurl.PROXY_CAINFO):
            handle.setopt(authorities, os.fsencode(options.cacert))
        return
    for authorities in (pycurl.CAINFO, pycurl.PROXY_CAINFO):
        handle.setopt(authorities, ca_bundle(os.environ))
    directory = ca_directory(os.environ)
    if directory is not None:
        for place in (pycurl.CAPATH, pycurl.PROXY_CAPATH):
            handle.setopt(place, directory)
    if system_store() and sys.platform != "linux":
        handle.setopt(pycurl.SSL_OPTIONS, pycurl.SSLOPT_NATIVE_CA)


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
