"""Inputs of the sandbox: copies, views and generated files on disk."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import digest_tree
from kutterlock.build.inputs import (
    Generated,
    Overlays,
    board_defconfig,
    check_overlays,
    copy_overlays,
    fill_downloads,
    inputs_from_lock,
    lay_out,
)
from kutterlock.errors import HashMismatchError, LockError, ManifestError, StaleLockError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock, OverridePin
from kutterlock.model.paths import RelativePath
from kutterlock.model.sandbox.plan import Bind
from tests.support import samples


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in ("kutter", "site/lab"):
        write(root / "overlays" / name / "external.desc", f"name: {name[:4].upper()}\n")
        write(root / "overlays" / name / "configs/both_defconfig", f"# {name}\n")
    write(root / "overlays/kutter/configs/pc_defconfig", "BR2_x86_64=y\n")
    return root


@pytest.fixture
def overlays(project: Path, tmp_path: Path) -> Overlays:
    return copy_overlays(project, ["kutter", "site/lab"], tmp_path / "copies")


def test_overlays_are_copied_and_hashed(project: Path, overlays: Overlays) -> None:
    assert overlays.names == ("kutter", "site/lab")
    assert overlays.digests == {
        name: digest_tree(project / "overlays" / name) for name in overlays.names
    }
    assert overlays.digests["kutter"] == digest_tree(overlays.places["kutter"])


def test_a_missing_overlay_is_named(project: Path, tmp_path: Path) -> None:
    with pytest.raises(LockError) as caught:
        copy_overlays(project, ["kuter"], tmp_path / "copies")
    place = project / "overlays/kuter/external.desc"
    assert caught.value.reason == f"overlay 'kuter' is missing: there is no {place}"
    assert caught.value.hint == (
        "put the external tree there, or take the overlay out of kutter.toml"
    )


def test_a_symlink_out_of_an_overlay_is_refused(project: Path, tmp_path: Path) -> None:
    link = project / "overlays/kutter/out"
    link.symlink_to("../../secret")
    with pytest.raises(ManifestError) as caught:
        copy_overlays(project, ["kutter"], tmp_path / "copies")
    assert caught.value.reason == f"{link} is a symlink that leaves its tree (to ../../secret)"


def test_an_unchanged_overlay_passes(overlays: Overlays) -> None:
    check_overlays(overlays, {**overlays.digests, "unused": Digest.of(b"")})


def test_a_changed_overlay_is_stale(overlays: Overlays) -> None:
    other = Digest.of(b"other")
    with pytest.raises(StaleLockError) as caught:
        check_overlays(overlays, {"kutter": other})
    assert caught.value.reason == "overlays changed since kutter.lock was written"
    assert caught.value.details == (
        f"overlays.kutter: the lock has {other}, found {overlays.digests['kutter']}",
        f"overlays.site/lab: the lock has nothing, found {overlays.digests['site/lab']}",
    )


def test_the_last_overlay_wins_then_the_tree(overlays: Overlays, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree / "configs/pc_defconfig", "of the tree")
    write(tree / "configs/qemu_defconfig", "qemu")
    names = ("both_defconfig", "pc_defconfig", "qemu_defconfig")
    assert [board_defconfig(lambda: tree, overlays, name) for name in names] == [
        "# site/lab\n", "BR2_x86_64=y\n", "qemu",
    ]  # fmt: skip
    assert (
        board_defconfig(lambda: tree, overlays.only(["kutter"]), "both_defconfig") == "# kutter\n"
    )


def test_a_defconfig_that_nobody_has(overlays: Overlays, tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        board_defconfig(lambda: tmp_path, overlays, "pc")
    assert caught.value.reason == "no defconfig 'pc' in site/lab, kutter, Buildroot"


def generated(overrides: Mapping[str, OverridePin] | None = None) -> Generated:
    return Generated(
        makefile="A = 1\n", defconfig="B=y\n", hashes={"zlib": "# z\n"}, overrides=overrides or {}
    )


def test_everything_has_its_place(overlays: Overlays, project: Path, tmp_path: Path) -> None:
    fix = write(project / "fixes/cve.patch", "--- a\n")
    pin = OverridePin(
        name="zlib", patches=((RelativePath("fixes/cve.patch"), Digest.of(fix.read_bytes())),)
    )
    blob = write(tmp_path / "blob", "bytes")
    there = tmp_path / "inputs"
    binds = lay_out(
        there, tree=tmp_path / "tree", overlays=overlays, generated=generated({"zlib": pin}),
        project=project, downloads={RelativePath("zlib/zlib-1.tar.xz"): blob},
    )  # fmt: skip
    assert binds == (
        Bind(source=str(tmp_path / "tree"), target="/kutter/buildroot"),
        Bind(source=str(overlays.places["kutter"]), target="/kutter/overlays/kutter"),
        Bind(source=str(overlays.places["site/lab"]), target="/kutter/overlays/site/lab"),
        Bind(source=str(there / "dl"), target="/kutter/dl"),
        Bind(source=str(there / "hashes"), target="/kutter/hashes"),
        Bind(source=str(there / "kutter.mk"), target="/kutter/kutter.mk"),
        Bind(source=str(there / "defconfig"), target="/kutter/defconfig"),
    )
    files = {str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()}
    assert files == {
        "kutter.mk", "defconfig", "hashes/zlib/zlib.hash", "hashes/zlib/0001-cve.patch",
        "dl/zlib/.lock", "dl/zlib/zlib-1.tar.xz",
    }  # fmt: skip
    assert (there / "kutter.mk").read_text() == "A = 1\n"
    assert (there / "dl/zlib/zlib-1.tar.xz").samefile(blob)


def test_a_changed_patch_is_refused(overlays: Overlays, project: Path, tmp_path: Path) -> None:
    fix = write(project / "fixes/cve.patch", "--- a\n")
    pinned = Digest.of(b"other")
    pin = OverridePin(name="zlib", patches=((RelativePath("fixes/cve.patch"), pinned),))
    with pytest.raises(HashMismatchError) as caught:
        lay_out(
            tmp_path / "inputs", tree=tmp_path, overlays=overlays, project=project,
            generated=generated({"zlib": pin}),
        )  # fmt: skip
    assert caught.value.reason == f"packages.zlib.patches: {fix} is not the patch that was pinned"
    assert caught.value.details == (
        f"expected {pinned}", f"got      {Digest.of(b'--- a' + bytes([10]))}",
    )  # fmt: skip


def test_an_empty_download_directory_is_still_there(tmp_path: Path) -> None:
    fill_downloads(tmp_path / "dl", {})
    assert (tmp_path / "dl").is_dir()


def test_where_links_cannot_be_made_files_are_copied(tmp_path: Path) -> None:
    blob = write(tmp_path / "blob", "bytes")
    other_file_system = Path("/dev/shm")
    if not other_file_system.is_dir() or other_file_system.stat().st_dev == blob.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    import tempfile

    with tempfile.TemporaryDirectory(dir=other_file_system) as directory:
        fill_downloads(Path(directory) / "dl", {RelativePath("a/b"): blob})
        copy = Path(directory) / "dl/a/b"
        assert copy.read_text() == "bytes"
        assert copy.stat().st_ino != blob.stat().st_ino
        assert copy.stat().st_mode & 0o777 == 0o444


def locked(project: Path) -> Lock:
    """Return a lock whose board uses both overlays of the project."""
    sample = samples.lock()
    name = next(iter(sample.boards))
    board = sample.boards[name]._replace(arch="x86_64", overlays=("kutter", "site/lab"),
        defconfig="pc_defconfig", sources=("hello/hello-1.0.tar.gz",),
    )  # fmt: skip
    return sample._replace(
        boards={name: board},
        overrides={"hello": OverridePin(name="hello", version="1.0")},
        overlays={
            overlay: digest_tree(project / "overlays" / overlay) for overlay in board.overlays
        },
    )


def test_inputs_of_a_lock(project: Path, tmp_path: Path) -> None:
    lock = locked(project)
    board = next(iter(lock.boards.values()))
    blob = write(tmp_path / "blob", "hello")
    asked: list[Digest] = []

    def find(digest: Digest) -> Path:
        asked.append(digest)
        return blob

    there = tmp_path / "inputs"
    there.mkdir()
    inputs_from_lock(lock, board, there, tree=tmp_path, project=project, blob=find)
    source = lock.sources["hello/hello-1.0.tar.gz"]
    assert asked == [source.digest]
    assert (there / "dl" / source.path).read_text() == "hello"
    assert source.digest.hex in (there / "hashes/hello/hello.hash").read_text()
    makefile = (there / "kutter.mk").read_text().splitlines()
    assert "KUTTER_BUILDROOT_VERSION = 2026.08" in makefile
    assert makefile[-3:] == [
        "override HELLO_VERSION = 1.0",
        "-include /kutter/overlays/kutter/override.mk",
        "-include /kutter/overlays/site/lab/override.mk",
    ]
    assert (there / "defconfig").read_text().startswith("BR2_x86_64=y\n")


def test_inputs_of_a_stale_lock(project: Path, tmp_path: Path) -> None:
    lock = locked(project)
    write(project / "overlays/kutter/external.mk", "# changed\n")
    board = next(iter(lock.boards.values()))
    with pytest.raises(StaleLockError, match="overlays changed since"):
        inputs_from_lock(
            lock,
            board,
            tmp_path / "inputs",
            tree=tmp_path,
            project=project,
            blob=lambda _: tmp_path,
        )
