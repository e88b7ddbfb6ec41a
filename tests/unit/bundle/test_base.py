"""What is there already: the base of a delta, its files and tools, hashed before it counts."""

import os
import shutil
from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import write_lock
from kutterlock.bundle.contents import held_by, inventory
from kutterlock.bundle.create import Created, CreateRequest, create
from kutterlock.bundle.staging import begun
from kutterlock.bundle.wheels import tool_at
from kutterlock.errors import BundleBaseError, LockError, VolumeMissingError
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Silence
from kutterlock.vendor.gc import collect, find_garbage
from tests.support import signing
from tests.support.bundles import BASE, Far, Near, base_of, some_files
from tests.support.projects import lock_of


@pytest.fixture
def near(tmp_path: Path) -> Near:
    return Near(tmp_path / "near")


@pytest.fixture
def far(tmp_path: Path) -> Far:
    return Far(tmp_path / "far")


def with_tools(near: Near, name: str, base: Created | None = None) -> Created:
    """Make a bundle that carries two wheels."""
    tools = near.directory / "tools"
    tools.mkdir(exist_ok=True)
    for wheel in ("a-1-py3-none-any.whl", "b-1-py3-none-any.whl"):
        if not (tools / wheel).exists():
            (tools / wheel).write_bytes(wheel.encode() * 100)
    request = CreateRequest(
        project=near.project, lock=lock_of(near.files, BASE), signers=near.signers,
        base=base_of(base.bundle) if base else None,
        tools=tuple(tool_at(path) for path in sorted(tools.iterdir())),
    )  # fmt: skip
    return create(request, near.store, near.directory / name, Silence())


def spoil(far: Far, digest: Digest) -> None:
    """Change a byte of a blob, as a bad disk does."""
    path = far.store.path(digest)
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def wheel_of(created: Created, name: str) -> Digest:
    (found,) = (tool.digest for tool in created.bundle.tools if tool.name.startswith(name))
    return found


def test_a_delta_leaves_out_files_and_tools_that_did_not_change(near: Near, far: Far) -> None:
    first = with_tools(near, "one.tar")
    far.take(first.paths)
    (near.project / "overlays/demo/bin/run").write_text("#!/bin/sh\ntrue\n")
    (near.directory / "tools/b-1-py3-none-any.whl").write_bytes(b"b, changed")
    second = with_tools(near, "two.tar", first)
    names = [piece.name for piece in second.bundle.wholes()]
    assert names == [
        "project/kutter.lock", "project/kutter.root.json", "project/kutter.toml",
        "project/overlays/demo/bin/run", "tools/b-1-py3-none-any.whl",
    ]  # fmt: skip
    far.take(second.paths)
    assert far.holds(near)
    assert (far.project / "overlays/demo/bin/run").read_text() == "#!/bin/sh\ntrue\n"
    elsewhere = Far(far.directory)
    shutil.rmtree(far.project)
    elsewhere.take(second.paths)  # files that did not cross come out of the store
    assert (far.project / "overlays/demo/bin/link").readlink() == Path("run")
    assert (far.project / "patches/a b.patch").read_text() == "--- a\n+++ b\n"


def test_a_base_that_rotted_is_named_and_nothing_begins(near: Near, far: Far) -> None:
    first = with_tools(near, "one.tar")
    far.take(first.paths)
    later = Near(near.directory, files={**near.files, "q/q.tar": b"new" * 999})
    second = with_tools(later, "two.tar", first)
    blob = Digest.of(near.files["p1/p1.tar"])
    spoil(far, blob)
    far.store.remove(wheel_of(first, "a"))
    with pytest.raises(BundleBaseError) as caught:
        far.take(second.paths)
    assert caught.value.reason == (
        "this is a delta, and its base is not here: 1 of its 10 blobs are missing, 1 are corrupted"
    )
    assert caught.value.details == (
        f"base: content {first.bundle.content}",
        f"corrupted: p1/p1.tar ({blob})",
        f"missing: a-1-py3-none-any.whl ({wheel_of(first, 'a')})",
    )
    assert caught.value.hint == (
        "import the bundles before it first, or send `kutterlock bundle inventory` across and have "
        "a delta made with --since INVENTORY"
    )
    assert begun(far.store) == []
    assert not far.store.has(Digest.of(later.files["q/q.tar"]))


def test_a_rotten_blob_that_a_bundle_carries_is_replaced(near: Near, far: Far) -> None:
    created = near.create()
    far.take(created.paths)
    spoil(far, Digest.of(near.files["p3/p3.tar"]))
    taken = far.take(created.paths)
    assert taken.fresh == 1
    assert far.holds(near)


def test_what_an_inventory_finds_rotten_crosses_again(near: Near, far: Far) -> None:
    far.take(near.create().paths)
    blob = Digest.of(near.files["p3/p3.tar"])
    spoil(far, blob)
    directory = far.store.locate(Digest.of(b"a directory in a blob's place"))
    directory.mkdir(parents=True)
    right, corrupted = inventory(far.store, Silence())
    directory.rmdir()
    assert corrupted == (blob,)
    delta = near.create("delta.tar", base=held_by(right))
    carried = [piece.name for piece in delta.bundle.wholes() if piece.name.startswith("blobs/")]
    assert carried == [f"blobs/{blob.hex}"]
    far.take(delta.paths)
    assert far.holds(near)


def test_what_was_lost_after_the_last_check_is_read_again(near: Near, far: Far) -> None:
    near.files = some_files(count=5, size=60_000)
    near.__post_init__()
    paths = near.create(limit=150_000).paths
    with pytest.raises(VolumeMissingError):
        far.take(paths[:-1])
    (place,) = (far.store.root / "incoming").iterdir()
    (place / "verified").touch()  # as a kill in the middle of the last step leaves it
    with pytest.raises(VolumeMissingError):
        far.take(paths[:-1])
    far.take(paths)
    assert far.holds(near)


def test_bytes_under_several_names_arrive_under_each(near: Near, far: Far) -> None:
    data = (near.project / "patches/a b.patch").read_bytes()
    near.files = {**near.files, "same/a.patch": data}
    near.__post_init__()
    near.store.add_bytes(data, "sha512")
    lock = lock_of(near.files, BASE)
    pin = lock.sources["same/a.patch"]
    by_sha512 = pin._replace(digest=Digest.of(data, "sha512"))
    lock = lock._replace(sources={**lock.sources, "same/a.patch": by_sha512})
    write_lock(near.project / "kutter.lock", lock)
    request = CreateRequest(project=near.project, lock=lock, signers=(signing.ALICE,))
    created = create(request, near.store, near.directory / "b.tar", Silence())
    far.take(created.paths)
    assert far.store.path(Digest.of(data)).read_bytes() == data
    assert far.store.path(Digest.of(data, "sha512")).read_bytes() == data
    assert (far.project / "patches/a b.patch").read_bytes() == data


def test_gc_keeps_what_an_import_brought(near: Near, far: Far) -> None:
    first = with_tools(near, "one.tar")
    far.take(first.paths)
    far.store.add_root(far.project / "kutter.lock")
    stray = far.store.add_bytes(b"of no use")
    garbage = find_garbage(far.store)
    assert garbage.blobs == (stray,)
    collect(far.store, garbage)
    assert far.holds(near)
    later = Near(near.directory, files={**near.files, "q/q.tar": b"new" * 999})
    far.take(with_tools(later, "two.tar", first).paths)
    assert far.holds(later)
    (far.project / "kutter.lock").unlink()
    assert set(find_garbage(far.store).blobs) == set(far.store.blobs())


def test_gc_keeps_what_an_unfinished_import_staged_and_needs(near: Near, far: Far) -> None:
    first = near.create("one.tar")
    far.take(first.paths)
    old = Digest.of((near.project / "kutter.lock").read_bytes())
    shutil.rmtree(far.project)  # nobody names the base any more, but for what is under way
    later = Near(near.directory, files={**near.files, "q/q.tar": os.urandom(400_000)})
    request = CreateRequest(
        project=later.project, lock=lock_of(later.files, BASE), signers=later.signers,
        base=base_of(first.bundle), limit=200_000,
    )  # fmt: skip
    second = create(request, later.store, near.directory / "two.tar", Silence())
    with pytest.raises(VolumeMissingError):
        far.take(second.paths[1:])
    garbage = find_garbage(far.store)
    assert (garbage.blobs, garbage.unfinished) == ((old,), 1)
    collect(far.store, garbage)
    far.take(second.paths[:1])
    assert far.holds(later)
    assert find_garbage(far.store).unfinished == 0


def test_gc_removes_nothing_while_it_cannot_read_a_record(near: Near, far: Far) -> None:
    far.take(near.create().paths)
    far.store.add_root(far.project / "kutter.lock")
    record = far.project / "kutter.bundle.json"
    record.write_text("{}")
    with pytest.raises(LockError) as caught:
        find_garbage(far.store)
    assert caught.value.reason == (
        f"{record} cannot be read, so that nobody knows what it needs: nothing was removed"
    )
