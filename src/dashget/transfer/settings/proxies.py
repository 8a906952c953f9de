"""The proxies that the user or the environment names, read like libcurl reads them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dashget.common.url import Url, UrlError
from dashget.transfer.settings.options import PROXY_VARIABLES

OPTION = "--proxy"
SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_PORT = 1080
_TLS_PORT = 443


class Proxy(msgspec.Struct, frozen=True):
    """Scheme, host and port of a proxy, and the option or variable that names it."""

    scheme: str
    host: str
    port: int
    source: str = OPTION

    @classmethod
    def parse(cls, text: str, source: str = OPTION) -> Proxy | None:
        """Read the URL of a proxy like libcurl; None if it is invalid."""
        url = Url.parse(text if "://" in text else f"http://{text}")
        try:
            host, port = url.host, url.given_port
        except UrlError:
            return None
        # An @ in path, query or fragment: host and port are part of a name and a password.
        misplaced = text.count("@") > (url.userinfo is not None)
        # libcurl takes socks:// for socks4://, as desktops write it into variables.
        scheme = "socks4" if url.scheme == "socks" else url.scheme
        if scheme not in SCHEMES or host is None or misplaced:
            return None
        return cls(scheme, host, port or (_TLS_PORT if scheme == "https" else _PORT), source)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def proxies(option: str | None, environment: Mapping[str, str]) -> tuple[Proxy, ...]:
    """Return all proxies that requests may go through."""
    if option is not None:
        found = [Proxy.parse(option)]
    else:
        names = dict.fromkeys(name for names in PROXY_VARIABLES.values() for name in names)
        found = [Proxy.parse(environment.get(name, ""), name) for name in names]
    return tuple(proxy for proxy in found if proxy is not None)


def bypasses(host: str, option: str | None, environment: Mapping[str, str]) -> bool:
    """Return True if libcurl may reach a host without its proxy, as ``no_proxy`` says.

    In doubt it may: a port of ranges is read as any.
    """
    names = option
    if names is None:
        names = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    for word in names.replace(",", " ").split():
        name = word.lower().strip(".").removeprefix("[").removesuffix("]")
        if "*" in name or "/" in name or host == name or host.endswith(f".{name}"):
            return True
    return False


def looks_up_here(scheme: str, option: str | None, environment: Mapping[str, str]) -> bool:
    """Return True if the proxy for URLs of a scheme is told addresses, which are looked up here.

    Those of socks4a, socks5h and http get names, and look them up themselves.
    """
    names = PROXY_VARIABLES[scheme]
    text = option
    if text is None:
        text = next((environment[name] for name in names if environment.get(name)), "")
    return text.partition("://")[0].strip().lower() in ("socks", "socks4", "socks5")


def proxy_of(scheme: str, option: str | None, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for URLs of a scheme; None if there is none, or its URL is invalid."""
    if option is not None:
        return Proxy.parse(option)
    for name in PROXY_VARIABLES[scheme]:
        if environment.get(name):
            return Proxy.parse(environment[name], name)
    return None
