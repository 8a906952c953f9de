"""Record a live presentation over emulated links, and say what came, what is lost, and when.

The stream has six Representations of segments of 0.25 s, 3.1 Mbit/s in all, in a window of ten
seconds.
One link is slower than that; one has a long way and loses packets. Linux and root are needed
(see ``emulation.py``).

    sudo python3 benchmarks/slowlink.py --seconds 30
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from emulation import Ends, Link, emulate
from live import STEP, ShortSegments
from measuring import environment, machine
from served import LINK_ADDRESS

REPOSITORY = Path(__file__).resolve().parents[1]
TRACKS = 6
_KEPT = 11.0
LINKS = {
    "half of the stream": Link(0.040, 1.5e6),
    "a long way, with loss": Link(0.300, 20e6, loss=0.01),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dashget", default=str(REPOSITORY / "dashget"), help="the program")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to record")
    parser.add_argument("--workdir", type=Path, help="where files are written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dashget-link-", dir=options.workdir) as name:
        print("\n".join(machine(Path(name))))
        print("\n| link | | announced | recorded | lost | named as gaps | reasons | exit |")
        print("| --- | --- | ---: | ---: | ---: | ---: | --- | ---: |")
        for number, (what, link) in enumerate(LINKS.items()):
            with emulate(link) as ends:
                print(_record(options, what, link, ends, Path(name) / str(number)), flush=True)
    return 0


def _record(options: argparse.Namespace, what: str, link: Link, ends: Ends, output: Path) -> str:
    """Record over a link; return a row of the table."""
    source = ShortSegments(TRACKS)
    server = ThreadingHTTPServer((LINK_ADDRESS, 0), _handler(source), bind_and_activate=False)
    server.socket.close()
    server.socket = ends.listen()
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://{LINK_ADDRESS}:{server.socket.getsockname()[1]}/manifest.mpd"
    program = shlex.split(options.dashget)
    words = ["record", url, "-o", str(output), "--for", f"{options.seconds:.0f}s", "--json"]
    done = subprocess.run(
        [*ends.client_prefix, *program, *words, "--allow-private"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    server.shutdown()
    server.server_close()
    ended = json.loads(done.stdout.splitlines()[-1])
    shown = subprocess.run(
        [*program, "gaps", str(output), "--json"],
        capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip
    gaps = [json.loads(line) for line in shown.stdout.splitlines()]
    named = sum(gap["segments"] or round((gap["end"] - gap["begin"]) / STEP) for gap in gaps)
    reasons = ", ".join(sorted({gap["reason"] for gap in gaps}))
    print(done.stderr[-500:], file=sys.stderr)
    return (
        f"| {what} | {link} | {ended.get('announced')} | {ended.get('recorded')} |"
        f" {ended.get('lost')} | {named} | {reasons} | {done.returncode} |"
    )


def _is_gone(source: ShortSegments, path: str) -> bool:
    """Return True for a segment that has left the window of ten seconds."""
    name = path.rpartition("/")[2].removesuffix(".m4s")
    return name.isdigit() and source.began + int(name) / 1000 + STEP + _KEPT < time.time()


def _handler(source: ShortSegments) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            gone = _is_gone(source, self.path)
            body = None if gone else source.answer(self.path)
            with contextlib.suppress(ConnectionError):
                self.send_response(410 if gone else 404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    return Handler


if __name__ == "__main__":
    raise SystemExit(main())
