"""A link between two network namespaces: delay, a rate with a limited queue, random loss.

Each namespace has a TUN device. A process reads the packets that leave one of them and
writes them to the other one, when they would have come through the link: first a queue
that empties at the link's rate and refuses what does not fit, then the delay. A packet
that gets lost is drawn by lot, with a seed; it has taken its time on the link. Both
directions are alike. What is under way is kept with the moment at which it is due, so
that a late wake-up of the process delays single packets and does not change the rate.

It needs Linux, /dev/net/tun and the rights of root. The namespaces go when the work is
done; those of an earlier process that was killed go at the next start.

    python3 benchmarks/emulation.py --check

measures the links that ``links.py`` uses: round-trip times, rate and loss.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import ctypes
import fcntl
import gc
import json
import os
import random
import re
import select
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from served import LINK_ADDRESS

_CLIENT_ADDRESS = "198.18.0.2"
_NAMESPACES = Path("/run/netns")
_MTU = 1500
_LEAST_QUEUE = 256 << 10
_BATCH = 64
_DEVICE_QUEUE = 20_000
"""Packets that the device itself keeps for the process that moves them."""

_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Link:
    """Round-trip time in seconds, bits per second, and the share of packets that are lost."""

    rtt: float
    rate: float
    loss: float = 0.0
    seed: int = 1

    @property
    def queue(self) -> int:
        """The most bytes that may wait for the link: about as many as travel on it."""
        return max(_LEAST_QUEUE, round(self.rate * self.rtt / 8))

    def __str__(self) -> str:
        text = f"{self.rtt * 1000:g} ms, {self.rate / 1e6:g} Mbit/s"
        return f"{text}, {self.loss:.1%} loss" if self.loss else text


LINKS = (
    Link(0.020, 200e6),
    Link(0.050, 100e6),
    Link(0.150, 50e6, loss=0.001),
)


@dataclass(frozen=True)
class Ends:
    """The namespaces of a link that is up."""

    server: str
    client: str

    @property
    def client_prefix(self) -> list[str]:
        """The words before a command that make it run on the client's side."""
        return ["nsenter", f"--net={_NAMESPACES / self.client}"]

    def listen(self, congestion: str = "cubic") -> socket.socket:
        """Listen on the server's side, with a congestion control that connections inherit."""
        with inside(self.server):
            listener = socket.create_server((LINK_ADDRESS, 0), backlog=1024)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
        return listener


@contextlib.contextmanager
def emulate(link: Link) -> Iterator[Ends]:
    """Set a link up for as long as the context lasts."""
    _remove_stale()
    ends = Ends(f"dashget-{os.getpid()}-server", f"dashget-{os.getpid()}-client")
    with contextlib.ExitStack() as stack:
        devices = []
        for name, address in ((ends.server, LINK_ADDRESS), (ends.client, _CLIENT_ADDRESS)):
            stack.enter_context(_namespace(name))
            devices.append(_open_device(name, address))
            stack.callback(os.close, devices[-1])
        stack.enter_context(_mover(link, devices))
        yield ends


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Make the sockets of this thread in ``namespace``."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    other = os.open(_NAMESPACES / namespace, os.O_RDONLY)
    try:
        _enter(other)
        try:
            yield
        finally:
            _enter(own)
    finally:
        os.close(own)
        os.close(other)


def _enter(descriptor: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def _namespace(name: str) -> Iterator[None]:
    _ip("netns", "add", name)
    try:
        yield
    finally:
        _ip("netns", "del", name)


def _remove_stale() -> None:
    """Remove the namespaces of processes that are gone."""
    if not _NAMESPACES.is_dir():
        return
    for path in _NAMESPACES.iterdir():
        match = re.fullmatch(r"dashget-(\d+)-(server|client)", path.name)
        if match and not Path("/proc", match[1]).exists():
            _ip("netns", "del", path.name)


def _open_device(namespace: str, address: str) -> int:
    """Make a TUN device, move it into the namespace, and return its descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", b"dashget%d", _IFF_TUN | _IFF_NO_PI)
    answer = fcntl.ioctl(descriptor, _TUNSETIFF, request)
    device = answer[:16].rstrip(b"\0").decode()
    _ip("link", "set", device, "netns", namespace)
    _ip("-n", namespace, "address", "add", f"{address}/30", "dev", device)
    _ip("-n", namespace, "link", "set", device, "mtu", str(_MTU), "txqueuelen", str(_DEVICE_QUEUE))
    _ip("-n", namespace, "link", "set", "lo", "up")
    _ip("-n", namespace, "link", "set", device, "up")
    with inside(namespace):
        # What one run has learnt of the link is not for the next one.
        Path("/proc/sys/net/ipv4/tcp_no_metrics_save").write_text("1")
    return descriptor


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@contextlib.contextmanager
def _mover(link: Link, devices: list[int]) -> Iterator[None]:
    """Run the process that moves the packets; it ends when its input does."""
    figures = json.dumps([link.rtt, link.rate, link.loss, link.seed])
    with subprocess.Popen(
        [sys.executable, __file__, "--move", *map(str, devices), figures],
        pass_fds=devices,
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the benchmark, which then ends this one
    ):
        yield  # after it the context closes the pipe, and waits


class _Direction:
    """One way through the link: the packets on it, and the time at which it is free again."""

    def __init__(self, link: Link, seed: int, target: int) -> None:
        self.under_way: collections.deque[tuple[float, bytes]] = collections.deque()
        self._target = target
        self._delay = link.rtt / 2
        self._seconds_per_byte = 8 / link.rate
        self._longest_wait = link.queue * self._seconds_per_byte
        self._loss = link.loss
        self._draw = random.Random(seed).random
        self._free = 0.0

    def accept(self, packet: bytes, now: float) -> None:
        begin = max(self._free, now)
        end = begin + len(packet) * self._seconds_per_byte
        if end - now > self._longest_wait:
            return
        self._free = end
        if self._loss and self._draw() < self._loss:
            return
        self.under_way.append((end + self._delay, packet))

    def deliver(self, now: float) -> None:
        """Deliver the packets whose time has come."""
        under_way = self.under_way
        while under_way and under_way[0][0] <= now:
            with contextlib.suppress(OSError):  # the device is going, or its side is full
                os.write(self._target, under_way[0][1])
            under_way.popleft()


def _move(devices: list[int], link: Link) -> None:
    """Move packets until standard input ends."""
    gc.disable()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    first, second = devices
    ways = {
        first: _Direction(link, 2 * link.seed, second),
        second: _Direction(link, 2 * link.seed + 1, first),
    }
    watched = [0, first, second]
    while True:
        due = [way.under_way[0][0] for way in ways.values() if way.under_way]
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        readable, _, _ = select.select(watched, [], [], timeout)
        if 0 in readable:
            return
        for device, way in ways.items():
            if device in readable:
                _take(device, way)
        now = time.monotonic()
        for way in ways.values():
            way.deliver(now)


def _take(device: int, way: _Direction) -> None:
    """Let a batch of packets into the link."""
    now = time.monotonic()
    with contextlib.suppress(BlockingIOError):
        for _ in range(_BATCH):
            way.accept(os.read(device, 2048), now)


# The check: the same figures, measured from outside.


def _check(links: tuple[Link, ...]) -> bool:
    print("| link | round trip ms | Mbit/s of UDP | Mbit/s of 4 TCP connections | loss |")
    print("| --- | ---: | ---: | ---: | ---: |")
    good = True
    for link in links:
        with emulate(link) as ends:
            rtt = _measure_rtt(ends)
            rate = _measure_udp_rate(ends, link)
            sent, lost = _measure_loss(ends)
        with emulate(replace(link, loss=0.0)) as ends:
            tcp = _measure_tcp_rate(ends)
        print(
            f"| {link} | {rtt * 1000:.1f} | {rate / 1e6:.1f} | {tcp / 1e6:.1f}"
            f" | {lost} of {sent} |",
            flush=True,
        )
        expected = sent * link.loss
        good = (
            good
            and link.rtt <= rtt < link.rtt + 0.005
            and 0.97 < rate / link.rate / (1 - link.loss) < 1.02
            and 0.85 < tcp / link.rate < 1.0
            and abs(lost - expected) <= 4 * expected**0.5
        )
    print("\nAs they should be." if good else "\nNot as they should be.")
    return good


def _measure_rtt(ends: Ends) -> float:
    with _datagrams(ends.server) as server, _datagrams(ends.client) as client:
        times = []
        for _ in range(20):
            started = time.monotonic()
            client.sendto(b"?", server.getsockname())
            try:
                _, address = server.recvfrom(64)
                server.sendto(b"!", address)
                client.recv(64)
            except TimeoutError:
                continue  # lost
            times.append(time.monotonic() - started)
    return statistics.median(times)


def _measure_udp_rate(ends: Ends, link: Link) -> float:
    """Send a third more than the link carries, and return the rate at the other end."""
    arrived: list[tuple[float, int]] = []
    payload = bytes(_MTU - 28)
    interval = _MTU * 8 / (link.rate * 1.3)
    with (
        _datagrams(ends.client) as client,
        _datagrams(ends.server) as server,
        _in_thread(lambda: _count(client, arrived)),
    ):
        _send_paced(server, client.getsockname(), payload, interval, seconds=4.0)
    begin = arrived[0][0] + 1.5
    during = [(moment, size) for moment, size in arrived if begin <= moment < begin + 2]
    span = during[-1][0] - during[0][0]
    return sum(size + 28 for _, size in during[1:]) * 8 / span


def _measure_loss(ends: Ends) -> tuple[int, int]:
    """Send small datagrams, far fewer than the link carries, and count the missing ones."""
    arrived: list[tuple[float, int]] = []
    with (
        _datagrams(ends.client) as client,
        _datagrams(ends.server) as server,
        _in_thread(lambda: _count(client, arrived)),
    ):
        sent = _send_paced(server, client.getsockname(), bytes(100), 0.0002, seconds=6.0)
    return sent, sent - len(arrived)


def _measure_tcp_rate(ends: Ends) -> float:
    with ends.listen() as listener, contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(_in_thread(lambda: _pour(listener)))
        sockets = []
        with inside(ends.client):
            for _ in range(4):
                connection = socket.create_connection(listener.getsockname())
                sockets.append(stack.enter_context(connection))
        begin = time.monotonic() + 4.0
        received = 0
        while (now := time.monotonic()) < begin + 4.0:
            for connection in select.select(sockets, [], [], 1.0)[0]:
                size = len(connection.recv(1 << 20))
                received += size if now >= begin else 0
        return received * 8 / (now - begin)


def _pour(listener: socket.socket) -> None:
    """Send on one connection until the other side goes."""
    connection, _ = listener.accept()
    block = bytes(1 << 18)
    with connection, contextlib.suppress(OSError):
        while True:
            connection.sendall(block)


def _count(target: socket.socket, arrived: list[tuple[float, int]]) -> None:
    """Count datagrams until none comes for a second."""
    with contextlib.suppress(TimeoutError):
        while True:
            size = len(target.recv(2048))
            arrived.append((time.monotonic(), size))


def _send_paced(
    source: socket.socket, address: object, payload: bytes, interval: float, seconds: float
) -> int:
    begin = time.monotonic()
    count = round(seconds / interval)
    for number in range(count):
        wait = begin + number * interval - time.monotonic()
        if wait > 0.001:
            time.sleep(wait)
        source.sendto(payload, address)  # type: ignore[call-overload]  # as getsockname gave it
    return count


def _datagrams(namespace: str) -> socket.socket:
    address = LINK_ADDRESS if namespace.endswith("server") else _CLIENT_ADDRESS
    with inside(namespace):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE: none is lost here
    made.bind((address, 0))
    made.settimeout(1.0)
    return made


@contextlib.contextmanager
def _in_thread(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def main() -> int:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="measure the links themselves")
    parser.add_argument("--move", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.move:
        first, second, figures = options.move
        _move([int(first), int(second)], Link(*json.loads(figures)))
        return 0
    if not options.check:
        parser.print_help()
        return 0
    return 0 if _check(LINKS) else 1


if __name__ == "__main__":
    sys.exit(main())
