"""Bundles made and taken in: the whole way, and every way to lose a volume."""

import fcntl
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from kutterlock.bundle.staging import unfinished
from kutterlock.bundle.volume import Volume
from kutterlock.errors import (
    BundleBaseError,
    HashMismatchError,
    KutterError,
    MissingInputError,
    NoSpaceError,
    UntrustedError,
    UsageError,
    VolumeMissingError,
    WrongVolumeError,
)
from kutterlock.model.digest import Digest, TreeEntry
from kutterlock.model.encoding import ustar
from tests.support import signing
from tests.support.bundles import BASE, Far, Near, base_of, some_files
from tests.support.projects import lock_of

LIMIT = 150_000


@pytest.fixture
def near(tmp_path: Path) -> Near:
    return Near(tmp_path / "near")


@pytest.fixture
def far(tmp_path: Path) -> Far:
    return Far(tmp_path / "far")


def volumes(near: Near) -> list[Path]:
    """Make a bundle of several volumes."""
    near.files = some_files(count=5, size=60_000)
    near.__post_init__()
    made = near.create(limit=LIMIT)
    assert len(made.paths) >= 3
    assert made.bundle.splits
    assert max(path.stat().st_size for path in made.paths) <= LIMIT
    return list(made.paths)


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def test_everything_arrives_from_one_file(near: Near, far: Far) -> None:
    created = near.create()
    taken = far.take(created.paths)
    assert (taken.fresh, taken.size) == (5, sum(map(len, near.files.values())))
    assert far.holds(near)
    assert (far.project / "overlays/demo/bin/link").readlink() == Path("run")
    assert os.access(far.project / "overlays/demo/bin/run", os.X_OK)
    assert not unfinished(far.store)
    assert far.take(created.paths).fresh == 0


def test_tar_reads_it_and_the_manifest_comes_first(near: Near) -> None:
    (path,) = near.create().paths
    with tarfile.open(path, format=tarfile.USTAR_FORMAT) as archive:
        names = archive.getnames()
    assert names[:4] == ["bundle.json", "volume.json", "SHA256SUMS", "roots/kutter.root.json"]
    blobs = [name for name in names if name.startswith("blobs/")]
    assert blobs == sorted(blobs)
    assert names[-5:] == blobs


def test_the_same_content_gives_the_same_bytes_on_two_paths(near: Near, tmp_path: Path) -> None:
    os.utime(near.project / "kutter.toml", (1, 1))
    other = Near(tmp_path / "elsewhere/deeper")
    for limit in (None, LIMIT):
        one, two = near.create(limit=limit), other.create("b.tar", limit=limit)
        assert [p.read_bytes() for p in one.paths] == [p.read_bytes() for p in two.paths]


def test_volumes_in_any_order_under_any_name(near: Near, far: Far, tmp_path: Path) -> None:
    paths = volumes(near)
    renamed = [shutil.copy(path, tmp_path / f"disc{9 - n}") for n, path in enumerate(paths)]
    far.take([Path(path) for path in reversed(renamed)])
    assert far.holds(near)


def test_volumes_one_after_the_other(near: Near, far: Far) -> None:
    paths = volumes(near)
    for path in reversed(paths[1:]):
        with pytest.raises(VolumeMissingError):
            far.take([path])
        assert far.is_empty()
    far.take([paths[0]])
    assert far.holds(near)


def test_each_volume_lost_is_named_with_what_is_missing(near: Near, tmp_path: Path) -> None:
    paths = volumes(near)
    for number, path in enumerate(paths, 1):
        far = Far(tmp_path / f"far{number}")
        with pytest.raises(VolumeMissingError) as caught:
            far.take([other for other in paths if other != path])
        with Volume(path) as volume:
            identity = volume.head.id
            names = [piece.name for piece in volume.pieces]
        assert caught.value.reason == f"not here: volume {number} of {len(paths)} of {identity}"
        assert len(caught.value.details) == len(names)
        for name in names:
            assert any(name in line for line in caught.value.details)
        assert far.is_empty()
        far.take([path])
        assert far.holds(near)


def test_each_volume_of_another_bundle_is_named(near: Near, tmp_path: Path) -> None:
    paths = volumes(near)
    other = volumes(Near(tmp_path / "other", signers=(signing.BOB,)))
    stranger = Near(tmp_path / "stranger", files=some_files(count=5, size=60_000, seed=2))
    strangers = stranger.create(limit=LIMIT).paths
    assert other  # signed by somebody else, the same bundle: no other one
    for number in range(len(paths)):
        far = Far(tmp_path / f"far{number}")
        mixed = [*paths[:number], strangers[number], *paths[number + 1 :]]
        with pytest.raises(WrongVolumeError) as caught:
            far.take(mixed)
        assert caught.value.reason == "these are volumes of different bundles"
        assert len(caught.value.details) == len(mixed)
        assert far.is_empty()


def test_a_later_volume_of_another_bundle_is_refused_while_one_waits(
    near: Near, far: Far, tmp_path: Path
) -> None:
    paths = volumes(near)
    stranger = Near(tmp_path / "stranger", files=some_files(count=5, size=60_000, seed=2))
    strangers = stranger.create(limit=LIMIT).paths
    with pytest.raises(VolumeMissingError):
        far.take(paths[:1])
    with pytest.raises(WrongVolumeError) as caught:
        far.take([strangers[1]])
    assert caught.value.reason.startswith(
        f"this is volume 2 of {len(strangers)} of demo 1, sha256:"
    )


def test_each_volume_truncated_is_named(near: Near, tmp_path: Path) -> None:
    paths = volumes(near)
    for number, path in enumerate(paths):
        whole = path.read_bytes()
        for length in (0, 700, len(whole) // 2, len(whole) - 512, len(whole) - 1):
            far = Far(tmp_path / f"far{number}-{length}")
            path.write_bytes(whole[:length])
            with pytest.raises(HashMismatchError) as caught:
                far.take(paths)
            assert str(path) in " ".join([caught.value.reason, *caught.value.details])
            assert far.is_empty()
            path.write_bytes(whole)
            far.take(paths)
            assert far.holds(near)


def test_a_flipped_bit_anywhere_is_found(near: Near, tmp_path: Path) -> None:
    paths = volumes(near)
    for number, path in enumerate(paths):
        size = path.stat().st_size
        for offset in range(3 * number, size, size // 40):
            far = Far(tmp_path / f"far{number}-{offset}")
            flip(path, offset)
            with pytest.raises(HashMismatchError) as caught:
                far.take(paths)
            assert str(path) in " ".join([caught.value.reason, *caught.value.details])
            assert far.is_empty()
            flip(path, offset)
    unharmed = Far(tmp_path / "unharmed")
    unharmed.take(paths)
    assert unharmed.holds(near)


def test_a_wrong_blob_is_named_and_the_rest_is_kept(near: Near, far: Far) -> None:
    (path,) = near.create().paths
    data = path.read_bytes()
    blob = near.files["p3/p3.tar"]
    flip(path, data.index(blob) + 10)
    with pytest.raises(HashMismatchError) as caught:
        far.take([path])
    name = Digest.of(blob).hex
    assert caught.value.reason == f"wrong bytes in {path}"
    assert caught.value.details[0].startswith(f"{path}: blobs/{name}: expected {name}, got ")
    assert caught.value.details[1:] == (f"missing: volume 1: p3/p3.tar (blobs/{name})",)
    flip(path, data.index(blob) + 10)
    flip(path, data.index(near.files["p0/p0.tar"]))  # is here already, and not read again
    far.take([path])
    assert far.holds(near)


def test_a_bundle_by_a_stranger_is_refused(near: Near, far: Far) -> None:
    near.signers = (signing.MALLORY,)
    created = near.create()
    with pytest.raises(UntrustedError) as caught:
        far.take(created.paths)
    assert caught.value.reason.startswith("the bundle: 0 of the 1 signatures that the trust root")
    assert far.is_empty()
    assert not unfinished(far.store)


def test_an_unsigned_bundle_is_refused_unless_said_so(near: Near, far: Far) -> None:
    near.signers = ()
    created = near.create()
    for pins in (True, False):
        far.pins = pins
        with pytest.raises(UntrustedError):
            far.take(created.paths)
        assert far.is_empty()
    far.unsigned = True
    far.take(created.paths)
    assert far.holds(near)


def test_a_signature_of_another_manifest_is_refused(near: Near, far: Far, tmp_path: Path) -> None:
    (path,) = near.create().paths
    (other,) = Near(tmp_path / "other", files=some_files(seed=7)).create().paths
    with Volume(path) as one, Volume(other) as two:
        forged = [*_head(one, two.head.extra), *_rest(one)]
    path.write_bytes(b"".join(forged) + ustar.END)
    with pytest.raises(UntrustedError):
        far.take([path])
    assert far.is_empty()


def _head(volume: Volume, extra: object) -> list[bytes]:
    from kutterlock.bundle.write import head_members

    ours = {n: d for n, d in volume.head.extra.items() if n.startswith("roots/")}
    theirs = {n: d for n, d in extra.items() if n.startswith("signatures/")}  # type: ignore[attr-defined]
    return [_member(n, d) for n, d in head_members(volume.head.bundle, 1, {**ours, **theirs})]


def _rest(volume: Volume) -> list[bytes]:
    found = []
    for piece in volume.pieces:
        volume.begin(piece)
        found.append(_member(piece.name, b"".join(bytes(c) for c in volume.content(piece))))
    return found


def _member(name: str, data: bytes) -> bytes:
    return ustar.header(name, len(data)) + data + bytes(ustar.padding(len(data)))


def _raw(name: str, **changes: object) -> bytes:
    member = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(member, key, value)
    return member.tobuf(tarfile.USTAR_FORMAT)


def _cases(members: list[bytes]) -> dict[str, tuple[list[bytes], str]]:
    first = members[0]
    return {
        "symlink": ([_raw("project/kutter.lock", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
                    "has a symlink in it: 'project/kutter.lock'"),
        "hard link": ([_raw("x", type=tarfile.LNKTYPE, linkname="y")],
                      "has a hard link in it: 'x'"),
        "device": ([_raw("x", type=tarfile.CHRTYPE)], "has a device in it: 'x'"),
        "absolute": ([_member("/etc/passwd", b"x")],
                     "has a member whose path '/etc/passwd' is absolute"),
        "parent": ([_member("project/../../x", b"x")], "has a member whose path 'project/../../x' "
                   "leaves its directory with '..'"),
        "surplus": ([_member("blobs/more", b"x")],
                    "has 'blobs/more' in it, which the manifest does not name"),
        "twice": ([first, *members[:1]], "has project/kutter.lock twice"),
        "order": ([members[1], first, *members[2:]], "has project/kutter.root.json out of order"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "case", ["symlink", "hard link", "device", "absolute", "parent", "surplus", "twice", "order"]
)
def test_hostile_members_are_refused(near: Near, far: Far, case: str) -> None:
    (path,) = near.create().paths
    with Volume(path) as volume:
        head, members = _head(volume, volume.head.extra), _rest(volume)
    evil, reason = _cases(members)[case]
    path.write_bytes(b"".join([*head, *evil, *members]) + ustar.END)
    with pytest.raises(HashMismatchError) as caught:
        far.take([path])
    assert f"{path} {reason}, where project/kutter." in caught.value.details[0]
    assert far.is_empty()
    path.write_bytes(b"".join([*head, *members, *evil[:1]]) + ustar.END)
    with pytest.raises(HashMismatchError) as caught:
        far.take([path])
    assert caught.value.details[0].endswith("where the end belongs")
    assert far.is_empty()


def test_a_delta_needs_its_base(near: Near, far: Far, tmp_path: Path) -> None:
    first = near.create("one.tar")
    later = Near(near.directory, files={**near.files, "q/q.tar": b"new" * 999})
    second = later.create("two.tar", base=base_of(first.bundle))
    last = Near(near.directory, files={**later.files, "r/r.tar": b"newer" * 999})
    third = last.create("three.tar", base=base_of(second.bundle))
    assert [blob.name for blob in third.bundle.blobs if blob.carried] == ["r/r.tar"]
    with pytest.raises(BundleBaseError) as caught:
        far.take(third.paths)
    assert far.is_empty()
    assert caught.value.reason == (
        "this is a delta, and its base is not here: 9 of its 9 blobs are missing"
    )
    assert caught.value.details[0] == f"base: content {second.bundle.content}"
    far.take(first.paths)
    with pytest.raises(BundleBaseError) as caught:
        far.take(third.paths)
    assert caught.value.details[1:] == (f"missing: q/q.tar ({Digest.of(later.files['q/q.tar'])})",)
    far.take(second.paths)
    far.take(third.paths)
    assert far.holds(last)


def test_a_delta_is_the_changed_blobs_and_one_per_cent(near: Near) -> None:
    near.files = some_files(count=40, size=200_000)
    near.__post_init__()
    first = near.create("one.tar")
    new = os.urandom(8_000_000)
    later = Near(near.directory, files={**near.files, "p1/p1.tar": new})
    second = later.create("two.tar", base=base_of(first.bundle))
    assert second.paths[0].stat().st_size <= 1.01 * len(new)


def test_a_full_disk_is_found_before(near: Near, far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    created = near.create()
    monkeypatch.setattr("kutterlock.bundle.staging.free_bytes", lambda _: 1 << 20)
    with pytest.raises(NoSpaceError) as caught:
        far.take(created.paths)
    size = sum(piece.size for pieces in created.bundle.pieces() for piece in pieces)
    assert caught.value.as_text() == (
        f"error: {far.store.root}: {size} bytes are to come, 1048576 more have to stay free, "
        f"and 1048576 are free\n  missing: {size} bytes\n"
        "hint: free some space, or name another disk: --store, --output, KUTTER_CACHE"
    )
    assert far.is_empty()


def test_stale_volumes_go_and_other_files_stay(near: Near) -> None:
    paths = volumes(near)
    other = paths[0].with_name("b.999.tar")
    other.write_bytes(b"somebody's")
    (created,) = near.create().paths
    assert sorted(created.parent.iterdir()) == sorted([created, other])


def test_files_somebody_changed_are_not_replaced(near: Near, far: Far) -> None:
    created = near.create()
    far.take(created.paths)
    (far.project / "kutter.toml").write_text("mine")
    (near.project / "kutter.toml").write_text("theirs, and newer")
    (near.project / "overlays/demo/bin/link").unlink()
    newer = near.create()
    with pytest.raises(UsageError) as caught:
        far.take(newer.paths)
    assert caught.value.details == ("kutter.toml",)
    far.take(newer.paths, replace=True)
    assert (far.project / "kutter.toml").read_text() == "theirs, and newer"
    assert not (far.project / "overlays/demo/bin/link").is_symlink()


def test_what_was_corrupted_while_it_waited_is_taken_again(near: Near, far: Far) -> None:
    paths = volumes(near)
    with pytest.raises(VolumeMissingError):
        far.take(paths[:-1])
    staged = [path for path in far.store.root.glob("incoming/*/*/*") if path.stat().st_size]
    assert staged
    for path in staged:
        path.chmod(0o600)
        flip(path, 0)
    far.take(paths)
    assert far.holds(near)


def test_a_blob_that_changed_in_the_near_store_is_not_bundled(near: Near) -> None:
    blob = near.store.path(Digest.of(near.files["p2/p2.tar"]))
    blob.chmod(0o600)
    flip(blob, 5)
    with pytest.raises(HashMismatchError) as caught:
        near.create()
    assert caught.value.reason == f"blobs/{blob.name} changed while it was bundled"
    assert list((near.directory / "out").iterdir()) == []


def test_what_is_no_bundle_is_said_so(far: Far, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(ustar.header("README", 0) + ustar.END)
    with pytest.raises(KutterError) as caught:
        far.take([path])
    assert caught.value.reason == (
        f"{path} is no volume of a bundle: it has 'README' where bundle.json belongs"
    )


def test_a_wrong_base_is_named(near: Near, far: Far, tmp_path: Path) -> None:
    wrong = Near(tmp_path / "wrong", files={"p0/p0.tar": near.files["p0/p0.tar"]})
    far.take(wrong.create().paths)
    before = list(far.store.blobs())
    first = near.create("one.tar")
    later = Near(near.directory, files={**near.files, "q/q.tar": b"new" * 999})
    second = later.create("two.tar", base=base_of(first.bundle))
    with pytest.raises(BundleBaseError) as caught:
        far.take(second.paths, replace=True)
    assert caught.value.reason == (
        "this is a delta, and its base is not here: 4 of its 8 blobs are missing"
    )
    assert list(far.store.blobs()) == before


def test_a_symlink_that_leaves_the_project_is_refused(
    near: Near, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kutterlock.adapters.disk.files._link", _any_link)
    link = near.project / "overlays/demo/out"
    link.symlink_to("../../../elsewhere")
    with pytest.raises(UntrustedError) as caught:
        far.take(near.create().paths)
    assert caught.value.reason == (
        "overlays/demo/out is a symlink that leaves the project (to ../../../elsewhere)"
    )
    assert far.is_empty()


def _any_link(path: Path, _: Path, name: str) -> TreeEntry:
    return TreeEntry(name, "link", Digest.of(os.fsencode(path.readlink())).hex)


def test_a_symlink_in_the_way_is_not_followed(near: Near, far: Far, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    far.project.mkdir(parents=True)
    (far.project / "overlays").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KutterError) as caught:
        far.take(near.create().paths)
    assert "leads out of" in caught.value.reason
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not list(far.store.blobs())


def test_two_writers_of_one_bundle_do_not_mix(near: Near) -> None:
    target = near.directory / "out/b.tar"
    target.parent.mkdir()
    with (target.parent / ".unverified-b.tar").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(KutterError) as caught:
            near.create()
    assert caught.value.reason == f"another kutterlock is writing {target}"
    assert not target.exists()


def test_a_bundle_that_lacks_what_its_lock_names_is_refused(near: Near, far: Far) -> None:

    from kutterlock.bundle.enough import check_enough

    bundle = near.create().bundle
    lacking = bundle._replace(blobs=bundle.blobs[1:])
    with pytest.raises(MissingInputError) as caught:
        check_enough(lock_of(near.files, BASE), lacking)
    assert caught.value.reason == "the bundle lacks 1 blob that its own lock names"
    assert len(caught.value.details) == 1


def test_what_a_kill_left_in_the_staging_area_is_no_obstacle(near: Near, far: Far) -> None:
    paths = volumes(near)
    with pytest.raises(VolumeMissingError):
        far.take(paths[:1])
    (place,) = (far.store.root / "incoming").iterdir()
    for path in (place / ".unverified-1", place / "whole/.unverified-2"):
        path.write_bytes(b"half")
    far.take(paths)
    assert far.holds(near)
    assert list((far.store.root / "incoming").iterdir()) == []
