"""Chromium without a window, driven over the DevTools protocol; nothing but this machine is reached.

All requests of the page are kept, so that a test can tell that none went elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.program import DEADLINE_SECONDS

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "about:blank",
)
_POLL_SECONDS = 0.1
_STILL_SECONDS = 30
_MOST_SECONDS = 300
_VIDEOS = """JSON.stringify([...document.querySelectorAll("video")].map(video => ({
    at: video.currentTime, of: video.duration, ready: video.readyState, network: video.networkState,
    paused: video.paused, seeking: video.seeking, ended: video.ended, error: video.error?.message,
    buffered: Array.from(video.buffered, (_, at) => [video.buffered.start(at), video.buffered.end(at)]),
})))"""


def find_browser() -> str | None:
    """Return the path of a Chromium; None if there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class BrowserError(Exception):
    """The page did not do what it should have done in time."""


class Page:
    """One page of a browser."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse
    ) -> None:
        self._loop = loop
        self._socket = socket
        self._number = 0
        self.requests: list[str] = []
        """The URLs of all requests, in order."""
        self.statuses: dict[str, int] = {}
        """The status of the last answer of each URL."""
        self.messages: list[str] = []
        """What the page wrote to its console, and its uncaught errors."""

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Run a command of the protocol; return its result."""
        return self._loop.run_until_complete(self._call(method, parameters))

    def open(self, address: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=address)

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:1000])
        return answer["result"].get("value")

    def until(self, script: str, still_seconds: float = _STILL_SECONDS) -> Any:
        """Wait until an expression is true; return its value.

        Gives up when nothing has moved for so long: no video, no request, no message.
        """
        begun = since = time.monotonic()
        seen = ""
        # An element has no value of its own.
        wanted = f"(found => found instanceof Node ? true : found)({script})"
        while True:
            with contextlib.suppress(BrowserError):
                value = self.evaluate(wanted)
                if value:
                    return value
            state = self._state()
            now = time.monotonic()
            if state != seen:
                seen, since = state, now
            if now > since + still_seconds or now > begun + _MOST_SECONDS:
                raise BrowserError(f"after {now - begun:.0f} s still not: {script}\n{seen}")
            self._loop.run_until_complete(asyncio.sleep(_POLL_SECONDS))

    def clear(self) -> None:
        """Forget what was asked for, answered and said."""
        self.requests.clear()
        self.statuses.clear()
        self.messages.clear()

    def press(self, key: str, code: int) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def move_mouse(self, x: float, y: float) -> None:
        """Move the mouse."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def resize(self, width: int, height: int, *, scheme: str = "light") -> None:
        """Give the page another size, and the user's preference for light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path: Path) -> None:
        """Write a picture of the page as it is seen."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _state(self) -> str:
        """Say where the videos are, and what was asked for and said last."""
        try:
            videos = self.evaluate(_VIDEOS)
        except BrowserError as error:
            videos = f"no answer: {error}"
        failed = {url: status for url, status in self.statuses.items() if status >= 400}
        return (
            f"videos: {videos}\n{len(self.requests)} requests, the last: {self.requests[-3:]}\n"
            f"refused: {failed}\nconsole: {self.messages[-5:]}"
        )

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        number = self._number
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == number:
                    if "error" in message:
                        raise BrowserError(f"{method}: {message['error']}")
                    result: dict[str, Any] = message["result"]
                    return result
                self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        given = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(given["request"]["url"])
            case "Network.responseReceived":
                self.statuses[given["response"]["url"]] = given["response"]["status"]
            case "Runtime.consoleAPICalled":
                self.messages.append(" ".join(str(a.get("value", a)) for a in given["args"]))
            case "Runtime.exceptionThrown":
                details = given["exceptionDetails"]
                self.messages.append(f"exception: {details.get('exception', details)}")
            case "Log.entryAdded":
                self.messages.append(f"{given['entry']['level']}: {given['entry']['text']}")


@contextlib.contextmanager
def browsing(program: str) -> Iterator[Page]:
    """Start a browser with one page; end it afterwards."""
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [program, f"--user-data-dir={folder}", *_FLAGS],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            with contextlib.closing(_Connection(loop)) as connection:
                yield connection.page(Path(folder), process)
        finally:
            process.kill()
            process.wait()
            loop.close()


class _Connection:
    """The connection to a browser's first page."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._session: aiohttp.ClientSession | None = None

    def page(self, folder: Path, process: subprocess.Popen[bytes]) -> Page:
        port = self._loop.run_until_complete(_port(folder, process))
        socket = self._loop.run_until_complete(self._connect(port))
        page = Page(self._loop, socket)
        for domain in ("Page", "Network", "Runtime", "Log"):
            page.call(f"{domain}.enable")
        return page

    def close(self) -> None:
        if self._session is not None:
            self._loop.run_until_complete(self._session.close())

    async def _connect(self, port: int) -> aiohttp.ClientWebSocketResponse:
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            pages = [each for each in await answer.json() if each["type"] == "page"]
        return await self._session.ws_connect(
            pages[0]["webSocketDebuggerUrl"], max_msg_size=1 << 28
        )


async def _port(folder: Path, process: subprocess.Popen[bytes]) -> int:
    """Return the port that the browser has written into its folder."""
    file = folder / "DevToolsActivePort"
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if process.poll() is not None:
                raise BrowserError(f"the browser ended with {process.returncode}")
            lines = file.read_text().splitlines() if file.exists() else []
            if len(lines) >= 2:
                return int(lines[0])
            await asyncio.sleep(_POLL_SECONDS)
