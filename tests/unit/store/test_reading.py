"""Files that strangers ask for: only regular files of the mirror, by whatever spelling."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashget.store.reading import ReadableTree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "mirror"
    (root / "v").mkdir(parents=True)
    (root / ".dashget").mkdir()
    (root / ".dashget" / "record.jsonl").write_text("secret")
    (root / "v" / "1.m4s").write_text("one")
    (root / "a b%20").write_text("odd")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("outside")
    return root


@pytest.fixture
def tree(root: Path) -> Iterator[ReadableTree]:
    tree = ReadableTree(root)
    yield tree
    tree.close()


def read(tree: ReadableTree, path: str) -> bytes:
    opened = tree.open(path)
    with opened.file as file:
        data = file.read()
    assert opened.size == len(data)
    return data


def test_files_are_read_by_their_path(tree: ReadableTree) -> None:
    assert read(tree, "v/1.m4s") == b"one"
    assert read(tree, "a b%20") == b"odd"


@pytest.mark.parametrize("path", ["x", "v/2.m4s", "x/y", "v/" + "n" * 300])
def test_a_missing_file_is_missing(path: str, tree: ReadableTree) -> None:
    with pytest.raises(OSError, match=r".") as error:
        tree.open(path)
    assert not isinstance(error.value, PermissionError)


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "..", "../outside/file", "v/../v/1.m4s", "v//1.m4s", "/etc/passwd", "v/", "v\0",
        ".dashget/record.jsonl", ".DASHGET/record.jsonl", "DASHGE~1/lock", ".dashget\ufe0f/lock",
        ".dash\u200cget/lock", ".dashget::$INDEX_ALLOCATION/lock", ".dashget", "v\\1.m4s", "v",
        "v/1.m4s/x",
    ],
)  # fmt: skip
def test_no_path_leads_elsewhere(path: str, tree: ReadableTree) -> None:
    with pytest.raises(PermissionError):
        tree.open(path)


@pytest.mark.parametrize(
    ("link", "target", "path"),
    [
        ("out", "../outside", "out/file"),
        ("out", "/", "out/etc/passwd"),
        ("file", "../outside/file", "file"),
        ("up", "..", "up/outside/file"),
        ("control", ".dashget", "control/record.jsonl"),
        ("record", ".dashget/record.jsonl", "record"),
        ("v/record", "../.dashget/record.jsonl", "v/record"),
        ("loop", "loop", "loop"),
        ("self", ".", "self"),
        ("chain", "out2/file", "chain"),
    ],
)
def test_no_link_leads_elsewhere(
    link: str, target: str, path: str, root: Path, tree: ReadableTree
) -> None:
    (root / "out2").symlink_to("../outside")
    (root / link).symlink_to(target)
    with pytest.raises(PermissionError):
        tree.open(path)


@pytest.mark.parametrize(
    ("link", "target", "path"),
    [("w", "v", "w/1.m4s"), ("one", "v/1.m4s", "one"), ("v/up", "..", "v/up/v/1.m4s")],
)
def test_a_link_within_the_mirror_is_followed(
    link: str, target: str, path: str, root: Path, tree: ReadableTree
) -> None:
    (root / link).symlink_to(target)
    assert read(tree, path) == b"one"


def test_a_link_to_nothing_is_missing(root: Path, tree: ReadableTree) -> None:
    (root / "dangling").symlink_to("v/3.m4s")
    with pytest.raises(FileNotFoundError):
        tree.open("dangling")


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_is_refused_at_once(kind: str, root: Path, tree: ReadableTree) -> None:
    place = root / "odd"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(root)
        try:
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind("odd")
        finally:
            os.chdir(here)
    else:
        place.symlink_to("/dev/zero")
    named = {"pipe": "a named pipe", "socket": "a socket"}
    with pytest.raises(PermissionError, match=named.get(kind, "odd")):
        tree.open("odd")


def test_a_root_that_is_a_link_of_the_user_is_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").symlink_to(root)
    tree = ReadableTree(tmp_path / "mine")
    assert read(tree, "v/1.m4s") == b"one"
    tree.close()


def test_a_mirror_that_was_made_anew_is_found_again(root: Path, tree: ReadableTree) -> None:
    root.rename(root.with_name("earlier"))
    with pytest.raises(FileNotFoundError):
        tree.open("v/2.m4s")
    root.mkdir()
    (root / "2.m4s").write_text("two")
    assert read(tree, "2.m4s") == b"two"


def test_a_link_that_comes_and_goes_while_a_file_is_opened_is_refused(
    root: Path, tree: ReadableTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was no link when it was looked at, but is one when it is opened."""
    place = root / "a b%20"
    found = place.stat()
    place.unlink()
    place.symlink_to("../outside/file")
    seen = os.stat

    def look(name: Any, **how: Any) -> os.stat_result:
        return found if name == place.name else seen(name, **how)

    monkeypatch.setattr("os.stat", look)
    with pytest.raises(PermissionError):
        tree.open(place.name)
