"""Archives: what is unpacked, what is refused, and the cache of trees."""

import io
import os
import tarfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kutterlock.adapters.archives.unpack import digest_unpacked, unpack, unpacked_tree
from kutterlock.adapters.disk.files import digest_tree, hash_file
from kutterlock.errors import HashMismatchError
from kutterlock.model.digest import Digest

HINT = "the file is damaged or hostile: remove its pin and find out where it came from"


def member(name: str, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    data = fields.pop("data", b"")
    assert isinstance(data, bytes)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE, mode=0o700)


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def write(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


def hash_bytes(number: int) -> bytes:
    return bytes.fromhex(Digest.of(b"%d" % number).hex)


GOOD = (
    folder("top"),
    member("top/run", data=b"#!/bin/sh\n", mode=0o4775),
    member("top/deep/er/text", data=b"hello\n", mode=0o666),
    link("top/deep/up", "../run"),
    link("top/etc", "/etc/init.d"),
)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write(tmp_path / "good.tar.gz", GOOD)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_unpacks_with_canonical_modes_whatever_the_compression(tmp_path: Path, mode: str) -> None:
    archive = write(tmp_path / "a", GOOD, mode)
    digest = unpack(archive, tmp_path / "tree", name="a")
    tree = tmp_path / "tree"
    assert sorted(str(path.relative_to(tree)) for path in tree.rglob("*")) == [
        "deep", "deep/er", "deep/er/text", "deep/up", "etc", "run",
    ]  # fmt: skip
    assert [(tree / name).stat().st_mode & 0o7777 for name in ("run", "deep", "deep/er/text")] == [
        0o755, 0o755, 0o644,
    ]  # fmt: skip
    assert (tree / "etc").readlink() == Path("/etc/init.d")
    assert digest == digest_unpacked(tree)


def test_its_digest_is_that_of_every_other_tree(tmp_path: Path) -> None:
    archive = write(tmp_path / "a", [entry for entry in GOOD if entry[0].name != "top/etc"])
    assert unpack(archive, tmp_path / "tree", name="a") == digest_tree(tmp_path / "tree")


def test_modes_do_not_depend_on_the_umask(good: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        unpack(good, tmp_path / "tree", name="a")
    finally:
        os.umask(before)
    assert (tmp_path / "tree/deep").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "tree/deep/er/text").stat().st_mode & 0o777 == 0o644


HOSTILE = {
    "absolute": ([member("/top/x")], "/top/x", "has a bad name (path '/top/x' is absolute)"),
    "climbs": (
        [member("top/../../x")], "top/../../x",
        "has a bad name (path 'top/../../x' leaves its directory with '..')",
    ),
    "two tops": (
        [member("top/x"), member("other/x")], "other/x",
        "is not in the folder that the others are in",
    ),
    "no top": ([member("x")], "x", "is a file where the one top folder should be"),
    "twice": ([member("top/x"), member("top/x")], "top/x", "comes twice"),
    "device": (
        [member("top/null", type=tarfile.CHRTYPE)], "top/null",
        "is neither a file, a folder nor a symlink",
    ),
    "hard link": (
        [member("top/x"), member("top/y", type=tarfile.LNKTYPE, linkname="/etc/shadow")],
        "top/y", "is neither a file, a folder nor a symlink",
    ),
    "link out": (
        [link("top/a/x", "../../secret")], "top/a/x",
        "is a symlink that leaves the tree (to ../../secret)",
    ),
    "empty link": ([link("top/x", "")], "top/x", "is a symlink to ''"),
    "through a link": (
        [link("top/a", "b"), member("top/a/x")], "a", "is a folder and a link at once",
    ),
    "through an absolute link": (
        [link("top/a", "/tmp"), folder("top/a")], "a", "is a folder and a link at once",
    ),
    "through a file": ([member("top/a"), member("top/a/x")], "a", "is a folder and a file at once"),
    "newline": (
        [member("top/a\nb")], "top/a\nb",
        "has a bad name (path 'top/a\\nb' has a control character or a backslash)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_refuses_a_hostile_member(tmp_path: Path, case: str) -> None:
    members, name, reason = HOSTILE[case]
    archive = write(tmp_path / "a", members)
    with pytest.raises(HashMismatchError) as caught:
        unpack(archive, tmp_path / "tree", name="bad.tar.gz")
    assert caught.value.reason == (
        f"bad.tar.gz is not an archive to unpack: member {name!r} {reason}"
    )
    assert caught.value.hint == HINT
    assert not (tmp_path / "x").exists()


def test_refuses_a_truncated_archive(tmp_path: Path) -> None:
    noise = b"".join(hash_bytes(number) for number in range(4000))
    whole = write(tmp_path / "whole", [member("top/noise", data=noise)])
    cut = tmp_path / "cut"
    cut.write_bytes(whole.read_bytes()[:60_000])
    with pytest.raises(HashMismatchError) as caught:
        unpack(cut, tmp_path / "tree", name="cut.tar.gz")
    assert caught.value.reason.startswith("cut.tar.gz is not a whole tar archive: ")


def test_refuses_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("<html>404</html>\n" * 100)
    with pytest.raises(HashMismatchError) as caught:
        unpack(tmp_path / "text", tmp_path / "tree", name="text")
    assert caught.value.reason.startswith("text is not a whole tar archive: ")


def test_the_cached_tree_is_taken_as_it_is_when_intact(tmp_path: Path, good: Path) -> None:
    first = unpacked_tree(good, hash_file(good), tmp_path / "cache", name="good")
    inode = (first / "run").stat().st_ino
    second = unpacked_tree(good, hash_file(good), tmp_path / "cache", name="good")
    assert (first, inode) == (second, (second / "run").stat().st_ino)
    assert first == tmp_path / "cache/trees" / str(hash_file(good)).replace(":", "-")


def _append(tree: Path) -> None:
    (tree / "deep/er/text").write_text("changed")


def _add(tree: Path) -> None:
    (tree / "surplus").write_text("")


def _remove(tree: Path) -> None:
    (tree / "run").unlink()


def _mode(tree: Path) -> None:
    (tree / "run").chmod(0o644)


def _relink(tree: Path) -> None:
    (tree / "etc").unlink()
    (tree / "etc").symlink_to("/etc/shadow")


def _fifo(tree: Path) -> None:
    (tree / "run").unlink()
    os.mkfifo(tree / "run")


def _forget(tree: Path) -> None:
    tree.with_name(tree.name + ".digest").unlink()


def _swap(tree: Path) -> None:
    tree.rename(tree.with_name("elsewhere"))
    tree.symlink_to("elsewhere")
    (tree / "surplus").write_text("")


@pytest.mark.parametrize(
    "tamper", [_append, _add, _remove, _mode, _relink, _fifo, _forget, _swap]
)  # fmt: skip
def test_a_tampered_tree_is_made_anew(tmp_path: Path, good: Path, tamper: object) -> None:
    cache = tmp_path / "cache"
    tree = unpacked_tree(good, hash_file(good), cache, name="good")
    expected = digest_unpacked(tree)
    assert callable(tamper)
    tamper(tree)
    assert digest_unpacked(unpacked_tree(good, hash_file(good), cache, name="good")) == expected
    assert not tree.is_symlink()
    assert [path.name for path in (cache / "trees").iterdir() if path.name.startswith(".")] == []


def test_nothing_is_left_of_an_archive_that_was_refused(tmp_path: Path) -> None:
    archive = write(tmp_path / "a", [member("top/x"), member("top/x")])
    with pytest.raises(HashMismatchError, match="comes twice"):
        unpacked_tree(archive, hash_file(archive), tmp_path / "cache", name="a")
    left = [path.name for path in (tmp_path / "cache/trees").iterdir()]
    assert left == [f"sha256-{hash_file(archive).hex}.lock"]


def test_several_at_once_get_the_same_whole_tree(tmp_path: Path, good: Path) -> None:
    def take(_: int) -> tuple[Path, Digest]:
        tree = unpacked_tree(good, hash_file(good), tmp_path / "cache", name="good")
        return tree, digest_unpacked(tree)

    with ThreadPoolExecutor(4) as pool:
        taken = set(pool.map(take, range(12)))
    assert len(taken) == 1
