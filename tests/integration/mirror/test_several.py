"""Several operands, mirrors to go on with, and URLs without their scheme."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.mirror.presentation import manifest, publish, segment
from tests.support.builders import initialization, media_segment, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run, tree

FILES = ["v/1.m4s", "v/2.m4s", "v/3.m4s", "x.local.mpd", "x.mpd"]


def publish_other(server: FaultServer, folder: str = "other") -> str:
    for number in (1, 2, 3):
        server.on(f"/{folder}/v/{number}.m4s", segment(number, 3000))
    return server.on(f"/{folder}/x.mpd", manifest(numbered()))


def held(directory: Path) -> list[str]:
    return sorted(name for name in tree(directory) if ".dashget" not in name)


def gets(server: FaultServer) -> list[str]:
    return [seen.path for seen in server.seen if seen.method == "GET"]


def test_several_urls_are_mirrored_one_after_the_other(server: FaultServer, tmp_path: Path) -> None:
    ended = run(publish(server), publish_other(server), "-q", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert held(tmp_path) == sorted(f"{d}/{f}" for d in ("other", "show") for f in FILES)
    asked = gets(server)
    assert asked[0] == "/show/x.mpd"
    assert asked[4] == "/other/x.mpd"


def test_what_one_of_them_lacks_is_no_reason_to_leave_out_the_next(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/no/x.mpd", Answer(b"<html>", status=200))
    ended = run(
        server.on("/gone/x.mpd", Answer(status=404)),
        server.url("/no/x.mpd"),
        url,
        "--json",
        "--retries=0",
        cwd=tmp_path,
    )
    assert ended.code == 5
    assert ended.err.count("dashget: error: ") == 2
    assert held(tmp_path) == sorted(f"show/{f}" for f in FILES)
    assert [e["event"] for e in ended.events].count("summary") == 1


def test_the_last_lines_tell_which_are_not_complete(server: FaultServer, tmp_path: Path) -> None:
    server.on("/no/x.mpd", Answer(b"<html>", status=200))
    url = publish(server)
    secret = server.url("/no/x.mpd").replace("//", "//me:secret@")
    ended = run(url, secret, cwd=tmp_path)
    assert ended.code == 3
    assert f"dashget: error: {server.url('/no/x.mpd')}: not an MPD" in ended.err
    assert ended.err.endswith(
        f"1 of 2 presentations complete\n  exit status 3: {server.url('/no/x.mpd')}\n"
    )
    assert "secret" not in ended.err


def test_manifests_in_directories_of_one_name_get_directories_of_their_own(
    server: FaultServer, tmp_path: Path
) -> None:
    urls = [publish_other(server, f"{title}/dash") for title in "abc"]
    assert run(*urls[:2], cwd=tmp_path).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-dash", "b-dash"]
    server.seen.clear()
    assert run(urls[1], urls[2], cwd=tmp_path).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-dash", "b-dash", "dash"]
    assert gets(server).count("/b/dash/x.mpd") == 1
    assert not any(path.startswith("/b/dash/v/") for path in gets(server))


@pytest.mark.parametrize(
    ("names", "rooms"),
    [
        (("show/a.mpd", "show/b.mpd"), ["show-a", "show-b"]),
        (("show/x.mpd?id=1", "show/x.mpd?id=2"), ["show-x-id=1", "show-x-id=2"]),
        (("show/x.mpd", "show/x.mpd"), ["show"]),
        (("a/show/x.mpd", "b/a-show/x.mpd", "b/show/x.mpd"), ["a-show", "s-a-show", "s-b-show"]),
    ],
)
def test_no_two_of_several_have_one_directory(
    server: FaultServer, tmp_path: Path, names: tuple[str, ...], rooms: list[str]
) -> None:
    for number in (1, 2, 3):
        for folder in ("show", "a/show", "b/show", "b/a-show"):
            server.on(f"/s/{folder}/v/{number}.m4s", segment(number, 3000))
    urls = [server.on(f"/s/{name}", manifest(numbered())) for name in names]
    ended = run(*urls, "-o", "all", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == rooms


def test_a_mirror_holds_no_others(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    assert run(url, "-o", "m", cwd=tmp_path).code == 0
    ended = run(url, publish_other(server), "-o", "m", cwd=tmp_path)
    assert (ended.code, "is a mirror already, and cannot hold others" in ended.err) == (2, True)


def test_an_invalid_one_is_refused_before_the_first_is_fetched(
    server: FaultServer, tmp_path: Path
) -> None:
    ended = run(publish(server), "gone.mpd", cwd=tmp_path)
    assert ended.code == 2
    assert "'gone.mpd' is neither a URL nor a file" in ended.err
    assert server.seen == []


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_url_without_scheme_is_mirrored(name: str, server: FaultServer, tmp_path: Path) -> None:
    url = publish(server).replace("127.0.0.1", name).removeprefix("http://")
    ended = run(url, cwd=tmp_path)
    assert ended.code == 0
    assert sorted(tree(tmp_path / "show")) == FILES


def test_a_mirror_is_gone_on_with_by_its_directory(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    assert run(url, "-o", "m", cwd=tmp_path).code == 0
    (tmp_path / "m/v/2.m4s").unlink()
    server.seen.clear()
    for word in ("m", "m/", str(tmp_path / "m")):
        assert run(word, cwd=tmp_path).code == 0
    assert run(".", cwd=tmp_path / "m").code == 0
    assert gets(server).count("/show/v/2.m4s") == 1
    assert gets(server).count("/show/x.mpd") == 4
    assert held(tmp_path) == [f"m/{f}" for f in FILES]


def test_it_has_the_selection_of_its_last_run_unless_another_is_given(
    server: FaultServer, tmp_path: Path
) -> None:
    video = numbered(kind='mimeType="video/mp4"')
    audio = numbered("w/$Number$.m4s", kind='mimeType="audio/mp4"').replace('"v"', '"w"')
    url = publish(server, video + audio)
    for number in (1, 2, 3):
        server.on(
            f"/show/v/{number}.m4s", Answer(initialization() + media_segment(number, b"data"))
        )
        server.on(
            f"/show/w/{number}.m4s", Answer(initialization() + media_segment(number, b"sound"))
        )
    assert run(url, "--video", "none", "-o", "m", cwd=tmp_path).code == 0
    assert run("m", cwd=tmp_path).code == 0
    assert not (tmp_path / "m/v").exists()
    assert run("m", "--video", "all", cwd=tmp_path).code == 0
    assert (tmp_path / "m/v/1.m4s").exists()


def test_several_mirrors_are_gone_on_with_like_urls(server: FaultServer, tmp_path: Path) -> None:
    for url in (publish(server), publish_other(server)):
        assert run(url, cwd=tmp_path).code == 0
    (tmp_path / "show/v/1.m4s").unlink()
    (tmp_path / "other/v/3.m4s").unlink()
    assert run("show", "other", cwd=tmp_path).code == 0
    assert len(held(tmp_path)) == 10


def test_the_mirror_of_a_local_manifest_is_gone_on_with_while_that_is_there(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    (tmp_path / "x.mpd").write_bytes(manifest(numbered()).body)
    assert run("x.mpd", "--base-url", url, "-o", "m", cwd=tmp_path).code == 0
    (tmp_path / "m/v/1.m4s").unlink()
    assert run("m", cwd=tmp_path).code == 0
    assert (tmp_path / "m/v/1.m4s").exists()
    (tmp_path / "x.mpd").unlink()
    ended = run("m", cwd=tmp_path)
    assert ended.code == 2
    assert ended.err.endswith("hint: give the manifest again: dashget FILE -o m\n")


def test_a_directory_that_is_no_mirror_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    ended = run("d", cwd=tmp_path)
    assert (ended.code, "'d' is a directory" in ended.err) == (2, True)


def test_a_mirror_stays_where_it_is(server: FaultServer, tmp_path: Path) -> None:
    assert run(publish(server), "-o", "m", cwd=tmp_path).code == 0
    assert run("m", "-o", "m", cwd=tmp_path).code == 0
    ended = run("m", "-o", "n", cwd=tmp_path)
    assert (ended.code, "stays where it is" in ended.err) == (2, True)


def test_verify_takes_several_mirrors(server: FaultServer, tmp_path: Path) -> None:
    for url in (publish_other(server, "show"), publish_other(server)):
        assert run(url, cwd=tmp_path).code == 0
    ended = run("verify", "show", "other", cwd=tmp_path)
    assert ended.code == 0
    assert [line for line in ended.out.splitlines() if line.endswith(":")] == ["show:", "other:"]
    assert ended.out.count("No errors: ") == 2
    (tmp_path / "show/v/1.m4s").unlink()
    shutil.copytree(tmp_path / "other", tmp_path / "third")
    ended = run("verify", "show", "gone", "other", "third", "--json", cwd=tmp_path)
    assert ended.code == 1
    assert "gone" in ended.err
    reports = [e for e in ended.events if e["event"] == "report"]
    assert [Path(each["root"]).name for each in reports] == ["show", "other", "third"]
    assert [each["errors"] for each in reports] == [1, 0, 0]
