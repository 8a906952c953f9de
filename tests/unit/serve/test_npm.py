"""Files of an npm package: the pinned ones or none."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from dashget.serve.npm import LOCK, PLAYER, PLAYER_FILES, PackageError, fetch_package, pinned

WANTED = {"dist/a.js": "a.js", "LICENSE": "LICENSE"}


def archive(path: Path, names: tuple[str, ...] = tuple(WANTED)) -> Path:
    with tarfile.open(path, "w:gz") as package:
        for name in names:
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(name)
            package.addfile(member, io.BytesIO(name.encode()))
    return path


def lock_for(path: Path, folder: Path) -> Path:
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    entry = {"version": "1.2.3", "integrity": f"sha512-{digest}"}
    lock = folder / "package-lock.json"
    lock.write_text(json.dumps({"packages": {"node_modules/thing": entry}}))
    return lock


def npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an npm into an otherwise usual PATH."""
    path = folder / "bin" / "npm"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.defpath}")


def test_the_files_are_taken_from_the_pinned_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive(tmp_path / "made.tgz")
    npm(tmp_path, f'echo "$*" >{tmp_path}/asked; cp {made} thing-1.2.3.tgz', monkeypatch)
    folder = tmp_path / "cache" / "thing"
    fetch_package(lock_for(made, tmp_path), "thing", WANTED, folder)
    assert {p.name: p.read_text() for p in folder.iterdir()} == {
        "a.js": "dist/a.js",
        "LICENSE": "LICENSE",
    }
    assert (tmp_path / "asked").read_text().startswith("pack thing@1.2.3 --ignore-scripts ")
    assert [p.name for p in folder.parent.iterdir()] == ["thing"]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("cp {other} thing-1.2.3.tgz", "thing 1.2.3 from npm is not the pinned package (other checksum)"),
        ("echo 'npm error code E404' >&2; exit 1", "npm could not fetch thing@1.2.3: npm error code E404"),
        ("echo 'npm error network request failed' >&2; exit 1", "request failed"),
        ("exit 3", "npm could not fetch thing@1.2.3: exit code 3"),
        ("exit 0", "npm could not fetch thing@1.2.3: exit code 0"),
    ],
)  # fmt: skip
def test_nothing_is_kept_of_a_package_that_is_not_the_pinned_one(
    script: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = lock_for(archive(tmp_path / "made.tgz"), tmp_path)
    other = archive(tmp_path / "other.tgz", ("dist/a.js", "LICENSE", "more"))
    npm(tmp_path, script.format(other=other), monkeypatch)
    with pytest.raises(PackageError) as error:
        fetch_package(lock, "thing", WANTED, tmp_path / "cache" / "thing")
    assert sentence in str(error.value)
    assert error.value.hint
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_package_that_lacks_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive(tmp_path / "made.tgz", ("LICENSE",))
    npm(tmp_path, f"cp {made} thing.tgz", monkeypatch)
    with pytest.raises(PackageError, match=r"lacks dist/a\.js"):
        fetch_package(lock_for(made, tmp_path), "thing", WANTED, tmp_path / "thing")


def test_without_npm_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    lock = lock_for(archive(tmp_path / "made.tgz"), tmp_path)
    with pytest.raises(PackageError, match=r"thing@1\.2\.3 comes by npm, which is not here"):
        fetch_package(lock, "thing", WANTED, tmp_path / "thing")


def test_the_lock_pins_one_version_and_names_no_host() -> None:
    version, integrity = pinned(LOCK, PLAYER)
    package = json.loads(LOCK.with_name("package.json").read_text())
    assert package["dependencies"] == {PLAYER: version}
    assert integrity.startswith("sha512-")
    text = LOCK.read_text()
    assert "://" not in text
    assert "resolved" not in text
    assert "LICENSE" in PLAYER_FILES


@pytest.mark.parametrize("path", ["", ".", "bin"])
def test_an_npm_of_the_current_directory_is_never_run(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive(tmp_path / "made.tgz")
    npm(tmp_path, f"touch {tmp_path}/ran", monkeypatch)
    (tmp_path / "npm").write_bytes((tmp_path / "bin" / "npm").read_bytes())
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path)
    with pytest.raises(PackageError, match="comes by npm, which is not here"):
        fetch_package(lock_for(made, tmp_path), "thing", WANTED, tmp_path / "cache" / "thing")
    assert not (tmp_path / "ran").exists()
