"""The fast path: a small body that arrives at once needs no task, and all others become one."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashget.errors import StoreError
from dashget.transfer.contract import (
    Fetched,
    Hooks,
    Job,
    MemorySink,
    Request,
    ResponseHead,
    Sink,
    TransferError,
)
from dashget.transfer.curl.links import Links
from dashget.transfer.curl.slot import Slot
from dashget.transfer.engine import Engine
from dashget.transfer.run.loop import Loop
from dashget.transfer.run.run import Run
from dashget.transfer.settings.options import TransferOptions
from tests.support.faultserver import Answer, FaultServer, redirect, refuse

BODY = bytes(range(250)) * 4


class Whole:
    """Jobs with ``deliver``, what was delivered and opened for them, and their results."""

    def __init__(self, hooks: Hooks | None = None, **options: object) -> None:
        settings: dict[str, object] = {"timeout_seconds": 5.0, "backoff_seconds": 0.0}
        home = options.pop("home", None)
        self.engine = Engine(TransferOptions(**(settings | options)), hooks=hooks)  # type: ignore[arg-type]  # keyword options of one struct
        if home is not None:
            self.engine.trust(str(home))
        self.delivered: dict[str, bytes] = {}
        self.opened: dict[str, MemorySink] = {}
        self.results: dict[str, Fetched | TransferError] = {}
        self.errors: list[BaseException] = []
        """What ``deliver`` raises, one at each call."""

    def job(self, *urls: str) -> Job:
        def take(job: Job, head: ResponseHead, pieces: list[bytes]) -> None:
            assert job.payload == urls[0]
            if self.errors:
                raise self.errors.pop(0)
            self.delivered[urls[0]] = b"".join(pieces)
            assert head.size == len(self.delivered[urls[0]])

        def open_sink(_: Job) -> Sink:
            self.opened[urls[0]] = sink = MemorySink(1 << 24)
            return sink

        return Job(Request(urls), open_sink, urls[0], take)

    def run(self, *jobs: Job) -> None:
        self.run_all(iter(jobs))

    def run_all(self, jobs: Iterator[Job]) -> None:
        with self.engine:
            self.engine.run(jobs, self.done)

    def done(self, job: Job, result: Fetched | TransferError) -> None:
        assert job.payload not in self.results, "reported twice"
        self.results[str(job.payload)] = result

    def body(self, url: str) -> bytes:
        """Return what came of a URL; it has come in one way only."""
        assert isinstance(self.results[url], Fetched), self.results[url]
        assert (url in self.delivered) is not (url in self.opened)
        return self.delivered[url] if url in self.delivered else bytes(self.opened[url].data)


class Starts(Hooks):
    def __init__(self) -> None:
        self.urls: list[str] = []

    def on_started(self, job: Job, offset: int) -> None:
        assert offset == 0
        self.urls.append(job.request.url)


def test_a_body_that_arrives_at_once_is_delivered_whole_without_a_sink(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY[: 10 * i], etag=f'"{i}"')) for i in range(30)]
    starts = Starts()
    whole = Whole(starts)
    whole.run(*map(whole.job, urls))
    assert not whole.opened
    assert [whole.body(url) for url in urls] == [BODY[: 10 * i] for i in range(30)]
    assert starts.urls == urls
    fetched = whole.results[urls[7]]
    assert isinstance(fetched, Fetched)
    assert (fetched.size, fetched.attempts, fetched.requests, fetched.transferred) == (70, 1, 1, 70)
    assert (fetched.head.etag, fetched.status, fetched.resumed) == ('"7"', 200, False)
    assert fetched.remote == f"127.0.0.1:{server.port}"
    assert fetched.first_byte_seconds is not None
    assert 0 < fetched.first_byte_seconds <= fetched.seconds < 5


ODD: dict[str, Answer] = {
    "chunked": Answer(BODY, chunked=True),
    "of unknown length": Answer(BODY, length=None),
    "in drops": Answer(BODY, drip=(300, 0.2)),
    "larger than is kept": Answer(bytes(2 << 20)),
    "from elsewhere": redirect("/there"),
    "as a part": Answer(BODY, status=206),
    "with a false coding": Answer(BODY, coding="gzip"),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD.keys())
def test_a_body_that_does_not_arrive_at_once_gets_a_sink(
    server: FaultServer, answer: Answer
) -> None:
    server.on("/there", Answer(BODY, length=None))
    url = server.on("/a", answer)
    starts = Starts()
    whole = Whole(starts, range_threshold=1 << 20)
    whole.run(whole.job(url))
    assert whole.body(url) == (answer.body or BODY)
    assert url in whole.opened
    assert starts.urls == [url]


BAD: dict[str, tuple[Answer, str]] = {
    "short": (Answer(BODY, cut=400), "body is 400 bytes, announced 1000"),
    "encoded": (
        Answer(BODY, coding="br"),
        "the body is br-encoded despite Accept-Encoding: identity",
    ),
    "missing": (refuse(404), "HTTP 404 Not Found"),
    "busy": (refuse(503), "HTTP 503 Service Unavailable"),
    "silent": (Answer(drop="close"), "the server closed the connection without an answer"),
    "reset": (Answer(BODY, cut=400, cut_by="reset"), ""),
    "not HTTP": (Answer(raw=b"220 mail ready\r\n"), "not an HTTP answer"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_answer_counts_as_an_attempt(server: FaultServer, kind: str) -> None:
    answer, message = BAD[kind]
    url = server.on("/a", answer)
    whole = Whole(retries=0)
    whole.run(whole.job(url))
    error = whole.results[url]
    assert isinstance(error, TransferError)
    assert message in str(error)
    assert (error.attempts, error.requests) == (1, 1)
    assert not whole.delivered


@pytest.mark.parametrize("kind", sorted(BAD.keys() - {"missing"}))
def test_after_a_bad_answer_it_is_tried_again(server: FaultServer, kind: str) -> None:
    url = server.on("/a", BAD[kind][0], Answer(BODY))
    whole = Whole()
    whole.run(whole.job(url))
    assert whole.body(url) == BODY
    fetched = whole.results[url]
    assert isinstance(fetched, Fetched)
    assert (fetched.attempts, fetched.requests) == (2, 2)


def test_the_next_base_is_tried_where_the_first_one_refuses(server: FaultServer) -> None:
    with FaultServer() as other:
        pairs = [(server.url(f"/{i}"), other.on(f"/{i}", Answer(BODY))) for i in range(12)]
        whole = Whole(in_flight=2)
        whole.run(*(whole.job(*urls) for urls in pairs))
    assert all(whole.body(first) == BODY for first, _ in pairs)
    assert len(server.seen) < 12, "a base that lacks everything was asked again and again"


def test_a_host_that_asks_for_a_pause_gets_it(server: FaultServer) -> None:
    now, held = [0.0], server.on("/held", refuse(503, Retry_After="20"), Answer(BODY))
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(5)]
    with FaultServer() as other:
        elsewhere = [other.on(f"/{i}", Answer(BODY, note=lambda _: pass_time())) for i in range(5)]

        def pass_time() -> None:
            assert not [seen for seen in server.seen if seen.path != "/held"]
            now[0] += 5.0

        whole = Whole(in_flight=1)
        whole.engine = Engine(whole.engine._shared.options, clock=lambda: now[0])
        whole.run(*map(whole.job, (held, *elsewhere, *urls)))
    assert all(isinstance(result, Fetched) for result in whole.results.values())
    assert len(whole.results) == 11


def test_plain_http_is_refused_where_the_manifest_came_over_https(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY))
    whole = Whole(home="https://127.0.0.1/manifest.mpd")
    whole.run(whole.job(url))
    assert "http URL" in str(whole.results[url])
    assert not server.seen


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/a", "http://127.0.0.1:99999/a"])
def test_an_invalid_url_is_one_failed_file(server: FaultServer, url: str) -> None:
    good = server.on("/a", Answer(BODY))
    whole = Whole()
    whole.run(whole.job(url), whole.job(good))
    assert isinstance(whole.results[url], TransferError)
    assert whole.body(good) == BODY


def test_connections_to_one_host_can_be_limited(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY, drip=(500, 0.002))) for i in range(20)]
    whole = Whole(in_flight=8, max_per_host=2)
    whole.run(*map(whole.job, urls))
    assert all(whole.body(url) == BODY for url in urls)
    assert server.most_at_once <= 2


def test_too_many_open_files_are_waited_out(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(10)]
    whole = Whole()
    whole.errors = [OSError(errno.EMFILE, "Too many open files")] * 3
    whole.run(*map(whole.job, urls))
    assert all(isinstance(whole.results[url], Fetched) for url in urls)
    assert len(whole.opened) >= 3


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC])
def test_an_error_of_the_disk_is_the_files_or_the_runs(server: FaultServer, number: int) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(5)]
    whole = Whole(in_flight=1)
    whole.errors = [OSError(number, os.strerror(number))]
    if number == errno.ENOSPC:
        with pytest.raises(StoreError, match=r"(?i)no space left"):
            whole.run(*map(whole.job, urls))
        assert isinstance(whole.results[urls[0]], TransferError)
    else:
        whole.run(*map(whole.job, urls))
        failed = whole.results.pop(urls[0])
        assert str(failed) == "cannot write: permission denied"
        assert [type(result) for result in whole.results.values()] == [Fetched] * 4


@pytest.mark.parametrize("where", ["jobs", "put", "done"])
def test_errors_of_the_caller_come_back_to_it(server: FaultServer, where: str) -> None:
    """And every job that was started is reported all the same."""
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(10)]
    whole = Whole(in_flight=4)
    pulled: list[str] = []
    if where == "put":
        whole.errors = [KeyError(where)]

    def jobs() -> Iterator[Job]:
        for url in urls:
            if where == "jobs" and len(pulled) == 2:
                raise KeyError(where)
            pulled.append(url)
            yield whole.job(url)

    reported: set[object] = set()

    def done(job: Job, result: Fetched | TransferError) -> None:
        reported.add(job.payload)
        if where == "done":
            raise KeyError(where)

    with whole.engine, pytest.raises(KeyError, match=where):
        whole.engine.run(jobs(), done)
    assert reported == set(pulled)


def test_files_in_progress_when_the_run_ends_are_reported(server: FaultServer) -> None:
    waiting = threading.Event()
    slow = server.on("/slow", Answer(BODY, cut=400, cut_by="hang"))
    silent = server.on("/silent", Answer(drop="hang", note=lambda _: waiting.set()))
    whole = Whole()

    def cancel() -> None:
        waiting.wait(5)
        whole.engine.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    whole.run(whole.job(slow), whole.job(silent))
    canceller.join()
    results = list(whole.results.values())
    assert [isinstance(r, TransferError) and r.cancelled for r in results] == [True, True]


def test_a_limited_rate_holds_for_them_too(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(bytes(30_000))) for i in range(4)]
    whole = Whole(limit_rate=200_000)
    taken: list[int] = []
    pacer = whole.engine._shared.pacer
    assert pacer is not None
    take: Callable[[int], bool] = pacer.take
    pacer.take = lambda size: take(size) and not taken.append(size)  # type: ignore[assignment,func-returns-value]  # a spy
    whole.run(*map(whole.job, urls))
    assert [whole.body(url) for url in urls] == [bytes(30_000)] * 4
    assert sum(taken) == 120_000


def test_two_loops_share_the_work(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(bytes(600_000))) for i in range(40)]
    whole = Whole(loops=2, in_flight=8)
    whole.run(*map(whole.job, urls))
    assert all(whole.body(url) == bytes(600_000) for url in urls)


@pytest.mark.parametrize("size", [100, 100 * 1024, 200 * 1024])
@pytest.mark.parametrize("put", [False, True])
def test_a_redirect_with_a_long_page_of_its_own_is_followed(
    server: FaultServer, size: int, put: bool
) -> None:
    """It has ended, and its next request has begun, before libcurl's word on it is read."""
    server.on("/there", Answer(BODY))
    page = Answer(bytes(size), status=302, headers=(("Location", "/there"),))
    urls = [server.on(f"/{i}", page) for i in range(8)]
    whole = Whole()
    jobs = [whole.job(url) for url in urls]
    if not put:
        jobs = [Job(job.request, job.open_sink, job.payload) for job in jobs]
    whole.run(*jobs)
    for url in urls:
        fetched = whole.results[url]
        assert isinstance(fetched, Fetched), fetched
        assert (whole.body(url), fetched.attempts, fetched.requests) == (BODY, 1, 2)


def test_ranges_that_follow_one_another_need_no_second_attempt(server: FaultServer) -> None:
    body = bytes(range(256)) * 4096 * 6
    urls = [server.on(f"/{i}", Answer(body, etag=f'"{i}"')) for i in range(6)]
    whole = Whole(in_flight=8, range_threshold=1 << 20, range_size=128 << 10)
    whole.run(*map(whole.job, urls))
    for url in urls:
        fetched = whole.results[url]
        assert isinstance(fetched, Fetched)
        assert (whole.body(url) == body, fetched.attempts) == (True, 1)


@pytest.mark.parametrize("digits", [20, 5000])
def test_an_absurd_length_is_ignored(server: FaultServer, digits: int) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * digits + b"\r\n\r\nabc"
    bad = server.on("/bad", Answer(raw=raw))
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(10)]
    whole = Whole(retries=0)
    whole.run(*map(whole.job, (bad, *urls)))
    assert len(whole.results) == 11
    assert all(whole.body(url) == BODY for url in urls)


def test_an_error_while_some_have_come_whole_loses_none_of_them(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(30)]
    looked = Loop._promote_impatient
    looks = 0

    def fail(loop: Loop) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise KeyError("on the way")
        looked(loop)

    monkeypatch.setattr(Loop, "_promote_impatient", fail)
    whole = Whole(in_flight=8)
    pulled: list[str] = []

    def jobs() -> Iterator[Job]:
        for url in urls:
            pulled.append(url)
            yield whole.job(url)

    with whole.engine:
        with pytest.raises(KeyError, match="on the way"):
            whole.engine.run(jobs(), whole.done)
        assert whole.results.keys() == set(pulled)
        assert set(whole.engine._free[0].links.busy.values()) <= {0}


def test_a_body_that_starts_late_but_arrives_at_once_is_delivered_whole(
    server: FaultServer,
) -> None:
    now = threading.Event()
    urls = [server.on(f"/{i}", Answer(BODY, hold=now)) for i in range(5)]
    timer = threading.Timer(0.25, now.set)
    timer.start()
    whole = Whole()
    whole.run(*map(whole.job, urls))
    timer.join()
    assert whole.delivered.keys() == set(urls)


@pytest.mark.parametrize("how", ["raises", "cancels"])
def test_after_the_end_of_the_run_nothing_is_started(server: FaultServer, how: str) -> None:
    class Ending(Starts):
        def on_started(self, job: Job, offset: int) -> None:
            super().on_started(job, offset)
            if how == "raises":
                raise KeyError(how)
            whole.engine.cancel()

    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(20)]
    ending = Ending()
    whole = Whole(ending, in_flight=16)
    if how == "raises":
        with pytest.raises(KeyError, match=how):
            whole.run(*map(whole.job, urls))
    else:
        whole.run(*map(whole.job, urls))
    assert ending.urls == urls[:1]
    assert whole.results.keys() == set(urls[:1])


def test_a_handle_that_cannot_be_made_ends_the_run_and_loses_no_job(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(20)]
    made = 0

    def make(*arguments: Any) -> Slot:
        nonlocal made
        made += 1
        if made == 3:
            raise MemoryError("no handle")
        return Slot(*arguments)

    monkeypatch.setattr("dashget.transfer.run.loop.Slot", make)
    whole = Whole(in_flight=8)
    pulled: list[str] = []

    def jobs() -> Iterator[Job]:
        for url in urls:
            pulled.append(url)
            yield whole.job(url)

    with pytest.raises(MemoryError, match="no handle"):
        whole.run_all(jobs())
    assert len(pulled) == 3
    assert whole.results.keys() == set(pulled)


def test_a_request_that_cannot_be_added_ends_the_run_and_loses_no_job(server: FaultServer) -> None:
    class Multi:
        """A multi handle that refuses the third request."""

        def __init__(self, multi: Any) -> None:
            self._multi = multi
            self.added = 0

        def add_handle(self, handle: object) -> None:
            self.added += 1
            if self.added == 3:
                raise MemoryError("no room")
            self._multi.add_handle(handle)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._multi, name)

    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(20)]
    whole = Whole(in_flight=8, loops=1)
    loop = whole.engine._free[0]
    loop._multi = Multi(loop._multi)
    pulled: list[str] = []

    def jobs() -> Iterator[Job]:
        for url in urls:
            pulled.append(url)
            yield whole.job(url)

    with pytest.raises(MemoryError, match="no room"):
        whole.run_all(jobs())
    assert len(pulled) == 8
    assert whole.results.keys() == set(pulled)


@pytest.mark.parametrize("limits", [{}, {"max_per_host": 2}], ids=["as they come", "two a host"])
def test_alternating_hosts_are_each_asked_for_their_own_files(
    server: FaultServer, limits: dict[str, int]
) -> None:
    paths = [f"/{i}" for i in range(24)]
    hosts = [f"http://{host}:{server.port}" for host in ("127.0.0.1", "localhost", "127.0.0.1")]
    bodies = {path: BODY[: 10 + i] for i, path in enumerate(paths)}
    for path in paths:
        server.on(path, Answer(bodies[path]))
    urls = [hosts[i % 3] + path for i, path in enumerate(paths)]
    whole = Whole(in_flight=6, **limits)
    whole.run(*map(whole.job, urls))
    for url, path in zip(urls, paths, strict=True):
        assert whole.body(url) == bodies[path]
    asked = [f"http://{seen.headers['host']}{seen.path}" for seen in server.seen]
    assert sorted(asked) == sorted(urls)


def test_a_loop_with_less_than_its_share_asks_for_nothing_where_another_has_too_much() -> None:
    """The number of transfers was lowered: the loops come down to their shares in their time."""
    results: list[object] = []

    def no_slot() -> Slot:
        raise AssertionError("nothing is to be asked for")

    with Engine(TransferOptions(in_flight="auto", loops=2)) as engine:
        links = Links(), Links()
        run = Run(engine._shared, iter([Whole().job("http://h/1")]), results.append, links)  # type: ignore[arg-type]  # never called
        run.shares.wide = True
        run.active, run.concurrency.limit = 23, 16
        assert run.ask(links[1], [], no_slot, 1) == []
    assert run.error is None
    assert not run.stopping
    assert run.jobs is not None


def test_the_hooks_hear_when_all_of_a_moment_is_reported(server: FaultServer) -> None:
    urls = [server.on(f"/{number}", Answer(BODY)) for number in range(20)]

    class Counts(Hooks):
        told = 0

        def on_reported(self) -> None:
            assert threading.current_thread() is not threading.main_thread()
            self.told = len(whole.results)

    hooks = Counts()
    whole = Whole(hooks)
    missing = whole.job(server.url("/missing"))
    whole.run(*map(whole.job, urls), missing)
    assert hooks.told == len(whole.results) == 21
