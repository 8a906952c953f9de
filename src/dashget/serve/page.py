"""The page that plays: its files, the player's, and what they ask the server for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import msgspec
from aiohttp import web

from dashget.serve.guards import page_headers
from dashget.serve.looking import Lookings
from dashget.serve.player import Player
from dashget.serve.shows import Show

FOLDER: Final = "/.dashget/"
"""The folder of the page's own files: no mirror has one of that name."""
_STATIC: Final = Path(__file__).parent / "page"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_PLAIN: Final = "text/plain"
_JSON: Final = "application/json"


class Listed(msgspec.Struct, frozen=True):
    """What the page learns about a show before it opens one."""

    name: str
    title: str
    manifest: str
    """The path of its local MPD."""
    timeline: str
    """The path of its timeline."""


class Page:
    """Answers for the page's own paths: a ``Document``."""

    def __init__(self, shows: Sequence[Show], player: Player, lookings: Lookings) -> None:
        self._lookings = lookings
        self._shows = [_listed(show) for show in shows]
        self._files = {f"{FOLDER}{path.name}": _read(path) for path in _STATIC.iterdir()}
        self._files |= {
            "/": self._files.pop(f"{FOLDER}index.html"),
            f"{FOLDER}shaka-player.ui.js": (player.script, _TYPES[".js"]),
            f"{FOLDER}controls.css": (player.style, _TYPES[".css"]),
            f"{FOLDER}LICENSE": (player.licence, _PLAIN),
        }

    def __call__(self, path: str, host: str) -> web.Response | None:
        """Return what is at a path; None if that is no path of the page."""
        if path == f"{FOLDER}shows.json":
            return _response(msgspec.json.encode(self._shows), _JSON, host)
        timeline = path.removeprefix(f"{FOLDER}timeline/")
        if timeline != path:
            found = self._lookings.timeline(unquote(timeline))
            return None if found is None else _response(msgspec.json.encode(found), _JSON, host)
        file = self._files.get(path)
        return None if file is None else _response(*file, host)


def _listed(show: Show) -> Listed:
    name = show.path.split("/")[1]
    return Listed(show.name, show.name, show.path, f"{FOLDER}timeline/{name}")


def _read(path: Path) -> tuple[bytes, str]:
    return path.read_bytes(), _TYPES[path.suffix]


def _response(data: bytes, kind: str, host: str) -> web.Response:
    headers = {**page_headers(host), "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'}
    charset = None if kind.startswith("image/") else "utf-8"
    return web.Response(body=data, content_type=kind, charset=charset, headers=headers)
