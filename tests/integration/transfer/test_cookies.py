"""Cookies that servers set: a signed one that comes with the manifest opens the segments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import mpd
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, Seen, refuse
from tests.support.program import Ended, run, tree

SEGMENTS = 60
SIGNED = "CloudFront-Signature=c2lnbmVk~"


def manifest(*more: str, base: str = "") -> Answer:
    """A manifest that sets cookies: these ``Set-Cookie`` lines."""
    document = mpd(
        '<AdaptationSet mimeType="application/octet-stream" contentType="text">'
        f'<SegmentTemplate duration="1" media="$Number$.bin" endNumber="{SEGMENTS}"/>'
        '<Representation id="t" bandwidth="1000"/></AdaptationSet>',
        before=base,
        seconds=SEGMENTS,
    )
    return Answer(document, headers=tuple(("Set-Cookie", line) for line in more))


def cookies(seen: Seen) -> set[str]:
    """Return the pairs of a request's Cookie header; empty if it has none."""
    return {pair for pair in re.split(r"; *", seen.headers.get("cookie", "")) if pair}


class Guarded(FaultServer):
    """Serve segments to those who show the signed cookie, and 403 to all others."""

    needed = SIGNED

    def _choose(self, seen: Seen) -> Answer:
        answer = super()._choose(seen)
        if seen.path.endswith(".mpd") or self.needed in cookies(seen):
            return answer
        return refuse(403)


def publish(server: FaultServer) -> dict[str, bytes]:
    files = {f"{n}.bin": b"%d" % n * 500 for n in range(1, SEGMENTS + 1)}
    for name, data in files.items():
        server.on(f"/show/{name}", Answer(data, etag='"1"'))
    return files


def mirror(url: str, directory: Path, *more: str) -> Ended:
    words = ("-o", "mirror", "-t", "8", "--allow-private")
    return run("get", url, *words, *more, cwd=directory)


def complete(directory: Path, files: dict[str, bytes]) -> bool:
    held = tree(directory / "mirror")
    return {name: held.get(name) for name in files} == files


@pytest.fixture
def server() -> Iterator[Guarded]:
    with Guarded() as running:
        yield running


@pytest.fixture
def files(server: Guarded) -> dict[str, bytes]:
    return publish(server)


@pytest.mark.parametrize("attributes", ["", "; Path=/show", "; Max-Age=600; HttpOnly"])
def test_a_cookie_of_the_manifest_opens_all_segments(
    server: Guarded, files: dict[str, bytes], tmp_path: Path, attributes: str
) -> None:
    url = server.on("/show/x.mpd", manifest(SIGNED + attributes))
    ended = mirror(url, tmp_path)
    assert ended.code == 0, ended.err
    assert complete(tmp_path, files)
    assert all(cookies(seen) == {SIGNED} for seen in server.seen[1:])


def test_several_cookies_come_from_several_lines(
    server: Guarded, files: dict[str, bytes], tmp_path: Path
) -> None:
    url = server.on("/show/x.mpd", manifest(f"{SIGNED}; Path=/", "Policy=p~; Path=/"))
    assert mirror(url, tmp_path).code == 0
    assert complete(tmp_path, files)
    assert all(cookies(seen) == {SIGNED, "Policy=p~"} for seen in server.seen[1:])


def test_a_cookie_of_a_redirect_to_the_manifest_counts(
    server: Guarded, files: dict[str, bytes], tmp_path: Path
) -> None:
    server.on("/show/x.mpd", manifest())
    login = Answer(
        status=302, headers=(("Location", "/show/x.mpd"), ("Set-Cookie", SIGNED + "; Path=/"))
    )
    url = server.on("/login.mpd", login)
    ended = mirror(url, tmp_path)
    assert ended.code == 0, ended.err
    assert complete(tmp_path, files)


def test_a_cookie_that_has_run_out_is_not_sent(
    server: Guarded, files: dict[str, bytes], tmp_path: Path
) -> None:
    url = server.on("/show/x.mpd", manifest(f"{SIGNED}; Path=/", "old=1; Path=/; Max-Age=0"))
    assert mirror(url, tmp_path).code == 0
    assert all(cookies(seen) == {SIGNED} for seen in server.seen[1:])


def test_a_cookie_with_another_path_stays_away(
    server: Guarded, files: dict[str, bytes], tmp_path: Path
) -> None:
    url = server.on("/show/x.mpd", manifest(SIGNED, "elsewhere=1; Path=/other"))
    assert mirror(url, tmp_path).code == 0
    assert all(cookies(seen) == {SIGNED} for seen in server.seen[1:])


def test_a_cookie_does_not_go_to_another_host(tmp_path: Path) -> None:
    # The same name would be the same host to a cookie, whatever its port (RFC 6265, 8.5).
    with FaultServer() as home, FaultServer(address="127.0.0.2") as other:
        files = publish(other)
        base = f"<BaseURL>{other.url('/show/')}</BaseURL>"
        url = home.on("/show/x.mpd", manifest(f"{SIGNED}; Path=/", base=base))
        ended = mirror(url, tmp_path)
        assert ended.code == 0, ended.err
        assert len(other.seen) == len(files)
        assert all(cookies(seen) == set() for seen in other.seen)


def test_a_cookie_for_a_foreign_domain_is_not_taken(tmp_path: Path) -> None:
    with FaultServer() as home, FaultServer(address="127.0.0.2") as other:
        publish(other)
        base = f"<BaseURL>{other.url('/show/')}</BaseURL>"
        url = home.on("/show/x.mpd", manifest(f"{SIGNED}; Path=/; Domain=127.0.0.2", base=base))
        assert mirror(url, tmp_path).code == 0
        assert all(cookies(seen) == set() for seen in other.seen)


def test_a_secure_cookie_only_goes_over_tls(authority: Authority, tmp_path: Path) -> None:
    # libcurl takes 127.0.0.1 for a secure place without TLS, too, as browsers do.
    host = "127.0.0.2"
    tls = authority.server(alternative=f"IP:{host}")
    with FaultServer(tls=tls, address=host) as home, FaultServer(address=host) as plain:
        files = publish(home)
        publish(plain)
        lines = (f"{SIGNED}; Path=/; Secure", "open=1; Path=/")
        options = ("--cacert", authority.certificate, "--allow-downgrade", "--allow-private")
        url = home.on("/show/x.mpd", manifest(*lines))
        ended = mirror(url, tmp_path, *options)
        assert ended.code == 0, ended.err
        assert complete(tmp_path, files)
        assert all(cookies(seen) == {SIGNED, "open=1"} for seen in home.seen[1:])
        base = f"<BaseURL>{plain.url('/show/')}</BaseURL>"
        url = home.on("/show/y.mpd", manifest(*lines, base=base))
        ended = run("get", url, "-o", "second", *options, cwd=tmp_path)
        assert ended.code == 0, ended.err
        assert len(plain.seen) == SEGMENTS
        assert all(cookies(seen) == set() for seen in plain.seen), "it would be readable there"


def test_cookies_that_the_user_gives_go_as_well(
    server: Guarded, files: dict[str, bytes], tmp_path: Path
) -> None:
    jar = tmp_path / "cookies.txt"
    jar.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tfiled\t1\n")
    url = server.on("/show/x.mpd", manifest(SIGNED))
    ended = mirror(url, tmp_path, "--cookies", str(jar), "--cookie", "given=1")
    assert ended.code == 0, ended.err
    assert complete(tmp_path, files)
    assert cookies(server.seen[0]) == {"filed=1", "given=1"}
    assert all(cookies(seen) == {"filed=1", "given=1", SIGNED} for seen in server.seen[1:])
    assert jar.read_text().count("\n") == 2


def test_a_new_value_takes_the_place_of_the_old_one(
    server: Guarded, files: dict[str, bytes], tmp_path: Path
) -> None:
    url = server.on("/show/x.mpd", manifest(SIGNED))
    fresh = Answer(files["1.bin"], etag='"1"', headers=(("Set-Cookie", "rolling=2"),))
    server.on("/show/1.bin", fresh)
    ended = run("get", url, "-o", "mirror", "-t", "1", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert all(cookies(seen) == {SIGNED, "rolling=2"} for seen in server.seen[2:])
