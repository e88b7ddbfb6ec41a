import json
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.errors import LockError
from kutterlock.model.digest import Digest
from kutterlock.vendor.gc import collect, find_garbage, image_blobs
from tests.support import samples

LOCK = samples.lock()
NAMED = {*(pin.digest for pin in LOCK.sources.values()),
         *(package.digest for package in LOCK.environment.packages)}  # fmt: skip
CONTENT = {b"buildroot-2026.08.tar.gz", b"hello/hello-1.0.tar.gz", b"make"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    assert {store.add_bytes(data) for data in CONTENT} == NAMED
    return store


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "kutter.lock"
    write_lock(path, LOCK)
    return path


def test_what_a_root_names_stays(store: Store, lock: Path) -> None:
    store.add_root(lock)
    stray = store.add_bytes(b"stray")
    garbage = find_garbage(store)
    assert (garbage.blobs, garbage.size, garbage.kept) == ((stray,), 5, 3)
    collect(store, garbage)
    assert set(store.blobs()) == NAMED


def test_the_lock_of_this_project_counts_without_being_a_root(store: Store, lock: Path) -> None:
    assert find_garbage(store, [lock]).blobs == ()


def test_a_root_whose_lock_is_gone_is_forgotten(store: Store, lock: Path) -> None:
    store.add_root(lock)
    lock.unlink()
    garbage = find_garbage(store, [lock])
    assert set(garbage.blobs) == NAMED
    collect(store, garbage)
    assert list(store.blobs()) == []
    assert store.roots() == {}


def test_nothing_is_removed_while_a_root_cannot_be_read(store: Store, lock: Path) -> None:
    store.add_root(lock)
    lock.write_text("not [ toml")
    with pytest.raises(LockError) as caught:
        find_garbage(store)
    assert caught.value.reason == (
        f"{lock} cannot be read, so that nobody knows what it needs: nothing was removed"
    )
    assert caught.value.hint == (
        "take it back from version control, or remove it if it is of no use any more"
    )


def test_a_partial_stays_while_a_lock_wants_it(store: Store, lock: Path) -> None:
    wanted = Digest.of(b"make")
    store.remove(wanted)
    for digest in (wanted, Digest.of(b"stray")):
        with store.receive(digest) as sink:
            sink.write(b"12")
    leftover = store.root / "sha256" / ".unverified-12"
    leftover.write_bytes(b"123")
    garbage = find_garbage(store, [lock])
    assert garbage.size == 5
    collect(store, garbage)
    assert list(store.partials().values()) == [wanted]


def test_a_partial_that_is_being_written_stays(store: Store, lock: Path) -> None:
    with store.receive(Digest.of(b"stray")) as sink:
        sink.write(b"stra")
        collect(store, find_garbage(store, [lock]))
        sink.write(b"y")
        sink.commit()
    assert store.has(Digest.of(b"stray"))


def add_json(store: Store, value: object) -> Digest:
    return store.add_bytes(json.dumps(value).encode())


def test_an_image_keeps_everything_below_its_index(store: Store, lock: Path) -> None:
    layer, config = store.add_bytes(b"layer"), store.add_bytes(b"{}")
    manifest = add_json(
        store, {"config": {"digest": str(config)}, "layers": [{"digest": str(layer)}]}
    )
    absent = Digest.of(b"another platform")
    index = add_json(store, {"manifests": [{"digest": str(manifest)}, {"digest": str(absent)}]})
    (image,) = LOCK.images.values()
    images = {image.reference: image._replace(digest=index)}
    write_lock(lock, LOCK._replace(images=images))
    stray = store.add_bytes(b"stray")
    assert find_garbage(store, [lock]).blobs == (stray,)


@pytest.mark.parametrize(
    "hostile",
    [[], "text", {"manifests": 7}, {"layers": [1, {"digest": "sha256:zz"}, {}], "config": []}],
)
def test_a_strange_image_manifest_names_nothing_more(store: Store, hostile: object) -> None:
    digest = add_json(store, hostile)
    assert list(image_blobs(store, digest)) == [digest]


def test_an_index_that_is_named_twice_at_every_level_is_read_once(store: Store) -> None:
    """Sixty-four levels of two each would be more walks than anybody has time for."""
    chain = [store.add_bytes(b"{}")]
    for _ in range(64):
        entry = {"digest": str(chain[-1])}
        chain.append(store.add_bytes(json.dumps({"manifests": [entry, entry]}).encode()))
    assert sorted(image_blobs(store, chain[-1])) == sorted(chain)
