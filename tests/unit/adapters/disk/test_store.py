"""The store: whole or not at all, read-only, each blob once."""

import os
import threading
from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import hash_file
from kutterlock.adapters.disk.store import Store, blob_path
from kutterlock.errors import HashMismatchError, KutterError, MissingInputError
from kutterlock.model.digest import Digest

DATA = b"kutter " * 1000
DIGEST = Digest.of(DATA)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def content(store: Store, digest: Digest) -> bytes:
    with store.open(digest) as file:
        return file.read()


def names_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_blob_lies_under_its_digest_and_is_read_only(store: Store) -> None:
    assert store.add_bytes(DATA) == DIGEST
    path = store.root / "sha256" / DIGEST.hex[:2] / DIGEST.hex
    assert store.path(DIGEST) == path
    assert path.stat().st_mode & 0o7777 == 0o444
    assert content(store, DIGEST) == DATA
    assert store.size(DIGEST) == len(DATA)
    assert names_below(store.root) == [str(path.relative_to(store.root))]


def test_sha512_has_a_place_of_its_own(store: Store) -> None:
    digest = store.add_bytes(DATA, "sha512")
    assert store.path(digest).parent.parent.name == "sha512"
    assert list(store.blobs()) == [digest]


def test_an_absent_store_is_an_empty_one(store: Store) -> None:
    assert not store.has(DIGEST)
    assert list(store.blobs()) == []
    assert store.partials() == {}
    assert store.roots() == {}
    assert not store.root.exists()


def test_asking_for_an_absent_blob_says_what_to_do(store: Store) -> None:
    with pytest.raises(MissingInputError) as caught:
        store.path(DIGEST)
    assert caught.value.reason == f"{DIGEST} is not in the store {store.root}"
    assert caught.value.hint == (
        "run `kutterlock vendor` where there is a network or with --mirror DIR, or import a bundle "
        "that has what is missing"
    )


def test_a_file_is_copied_not_linked(store: Store, tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(DATA)
    store.add_file(original, DIGEST)
    assert store.path(DIGEST).stat().st_nlink == 1
    original.write_bytes(b"changed")
    assert hash_file(store.path(DIGEST)) == DIGEST


def test_a_wrong_file_is_refused_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"not it")
    with pytest.raises(HashMismatchError) as caught:
        store.add_file(wrong, DIGEST)
    assert caught.value.reason == f"{wrong}: the bytes are not the ones that were pinned"
    assert caught.value.details == (
        f"expected {DIGEST}",
        f"got      {Digest.of(b'not it')}",
        "after    6 bytes",
    )
    assert names_below(store.root) == []


@pytest.mark.parametrize("kind", ["fifo", "directory"])
def test_what_is_not_a_regular_file_is_refused_at_once(
    store: Store, tmp_path: Path, kind: str
) -> None:
    odd = tmp_path / "odd"
    os.mkfifo(odd) if kind == "fifo" else odd.mkdir()
    with pytest.raises(KutterError) as caught:
        store.add_file(odd, DIGEST)
    assert caught.value.reason == f"{odd} is not a regular file"


@pytest.mark.parametrize("kind", ["fifo", "directory"])
def test_what_stands_where_a_blob_belongs_is_neither_a_blob_nor_waited_for(
    store: Store, kind: str
) -> None:
    final = store.locate(DIGEST)
    final.parent.mkdir(parents=True)
    os.mkfifo(final) if kind == "fifo" else final.mkdir()
    assert not store.has(DIGEST)
    with pytest.raises(KutterError) as caught:
        store.add_bytes(DATA)
    assert caught.value.as_text() == (
        f"error: {final} is not a regular file, and stands where a blob belongs\n"
        "hint: remove it, and run the same command again"
    )
    final.unlink() if kind == "fifo" else final.rmdir()
    store.add_bytes(DATA)
    store.verify(DIGEST)


def test_a_partial_is_gone_on_with(store: Store) -> None:
    with store.receive(DIGEST) as sink:
        sink.write(DATA[:100])
    assert not store.has(DIGEST)
    with store.receive(DIGEST) as sink:
        assert sink.resume_offset == 100
        sink.write(DATA[100:])
        sink.commit()
        assert sink.is_done
    assert content(store, DIGEST) == DATA


def test_a_complete_partial_needs_no_bytes(store: Store) -> None:
    with store.receive(DIGEST) as sink:
        sink.write(DATA)
    with store.receive(DIGEST) as sink:
        assert sink.is_done
    store.verify(DIGEST)


def test_a_partial_made_read_only_by_a_kill_is_gone_on_with(store: Store) -> None:
    with store.receive(DIGEST) as sink:
        sink.write(DATA)
    (partial,) = store.partials()
    partial.chmod(0o444)
    with store.receive(DIGEST) as sink:
        assert sink.is_done
    assert store.path(DIGEST).stat().st_mode & 0o7777 == 0o444


def test_an_empty_partial_does_not_stay(store: Store) -> None:
    with store.receive(DIGEST):
        pass
    assert store.partials() == {}


def test_the_empty_blob_is_a_blob(store: Store) -> None:
    digest = store.add_bytes(b"")
    assert content(store, digest) == b""


def test_wrong_bytes_are_forgotten_at_commit(store: Store) -> None:
    with store.receive(DIGEST) as sink:
        sink.write(b"wrong")
        with pytest.raises(HashMismatchError) as caught:
            sink.commit()
        assert caught.value.reason == "the bytes are not the ones that were pinned"
        assert sink.resume_offset == 0
        sink.write(DATA)
        sink.commit()
    store.verify(DIGEST)


def test_more_bytes_than_the_limit_are_refused(store: Store) -> None:
    with store.receive(DIGEST, limit=10) as sink:
        sink.write(DATA[:10])
        with pytest.raises(HashMismatchError) as caught:
            sink.write(b"x")
    assert caught.value.reason == f"{DIGEST}: more than 10 bytes arrived"
    assert names_below(store.root) == []


def test_a_partial_beyond_the_limit_is_not_gone_on_with(store: Store) -> None:
    with store.receive(DIGEST) as sink:
        sink.write(DATA[:100])
    with store.receive(DIGEST, limit=10) as sink:
        assert sink.resume_offset == 0


def test_each_blob_is_written_by_one_at_a_time(store: Store) -> None:
    waited = threading.Event()
    seen: list[bool] = []

    def second() -> None:
        with store.receive(DIGEST, on_wait=waited.set) as sink:
            seen.append(sink.is_done)

    with store.receive(DIGEST) as sink:
        thread = threading.Thread(target=second)
        thread.start()
        assert waited.wait(10)
        sink.write(DATA)
        sink.commit()
    thread.join()
    assert seen == [True]
    assert names_below(store.root) == [str(store.path(DIGEST).relative_to(store.root))]


def test_a_waiter_takes_over_from_one_that_gave_up(store: Store) -> None:
    waited = threading.Event()
    offsets: list[int] = []

    def second() -> None:
        with store.receive(DIGEST, on_wait=waited.set) as sink:
            offsets.append(sink.resume_offset)
            sink.write(DATA[sink.resume_offset :])
            sink.commit()

    with store.receive(DIGEST) as sink:
        thread = threading.Thread(target=second)
        thread.start()
        assert waited.wait(10)
        sink.write(DATA[:10])
    thread.join()
    assert offsets == [10]
    store.verify(DIGEST)


def test_a_waiter_may_give_up(store: Store) -> None:
    def give_up() -> None:
        raise InterruptedError

    with (
        store.receive(DIGEST),
        pytest.raises(InterruptedError),
        store.receive(DIGEST, on_wait=give_up),
    ):
        raise AssertionError


def test_a_mirror_store_is_hashed_before_use(store: Store, tmp_path: Path) -> None:
    good, bad = Store(tmp_path / "good"), Store(tmp_path / "bad")
    good.add_bytes(DATA)
    bad.add_bytes(DATA)
    bad.path(DIGEST).chmod(0o644)
    bad.path(DIGEST).write_bytes(b"flipped")
    user = Store(store.root, mirrors=(tmp_path / "absent", bad.root, good.root))
    faults: list[str] = []
    with user.receive(DIGEST) as sink:
        user.add_from_mirrors(sink, lambda error: faults.append(error.reason))
        assert sink.is_done
    wrong = blob_path(bad.root, DIGEST)
    assert faults == [f"{wrong}: the bytes are not the ones that were pinned"]
    assert store.path(DIGEST).stat().st_nlink == 1
    store.verify(DIGEST)


def test_verify_finds_a_flipped_byte(store: Store) -> None:
    store.add_bytes(DATA)
    path = store.path(DIGEST)
    path.chmod(0o644)
    path.write_bytes(DATA[:-1] + b"!")
    with pytest.raises(HashMismatchError) as caught:
        store.verify(DIGEST)
    assert caught.value.reason == f"{path} is corrupted"
    assert caught.value.hint == (
        "run `kutterlock store check --repair`, then `kutterlock vendor` or "
        "`kutterlock bundle import`"
    )


def test_a_copy_shares_no_inode(store: Store, tmp_path: Path) -> None:
    store.add_bytes(DATA)
    store.copy_to(DIGEST, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == DATA
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o644
    assert store.path(DIGEST).stat().st_nlink == 1
    with pytest.raises(KutterError) as caught:
        store.copy_to(DIGEST, tmp_path / "copy")
    assert caught.value.reason == f"{tmp_path / 'copy'}: File exists"


def test_blobs_lists_only_blobs_in_their_place(store: Store) -> None:
    digests = sorted(store.add_bytes(bytes([number])) for number in range(20))
    (store.root / "sha256" / "00").mkdir(exist_ok=True)
    (store.root / "sha256" / "00" / digests[0].hex).write_bytes(b"in the wrong place")
    (store.root / "sha256" / "00" / "README").write_bytes(b"not a blob")
    assert list(store.blobs()) == digests


def test_a_removed_blob_is_gone(store: Store) -> None:
    store.add_bytes(DATA)
    store.remove(DIGEST)
    store.remove(DIGEST)
    assert not store.has(DIGEST)


def test_partials_are_listed_with_what_they_may_become(store: Store) -> None:
    with store.receive(DIGEST) as sink:
        sink.write(b"x")
    leftover = store.root / "sha256" / ".unverified-0123"
    leftover.parent.mkdir()
    leftover.write_bytes(b"")
    stray = store.root / "partial" / "stray"
    stray.write_bytes(b"")
    partial = store.root / "partial" / f"sha256-{DIGEST.hex}"
    assert store.partials() == {partial: DIGEST, leftover: None, stray: None}


def test_a_partial_in_use_is_not_removed(store: Store) -> None:
    with store.receive(DIGEST) as sink:
        sink.write(b"x")
        (partial,) = store.partials()
        assert not store.remove_partial(partial)
    assert store.remove_partial(partial)
    assert store.partials() == {}


def test_nobody_removes_from_a_store_in_use(store: Store) -> None:
    with store.in_use(), store.in_use():
        with pytest.raises(KutterError) as caught, store.exclusively():
            raise AssertionError
        assert caught.value.reason == f"another kutterlock is using the store {store.root}"
        assert caught.value.hint == "run this again when it is done"
    with store.exclusively():
        pass


def test_a_root_is_remembered_once(store: Store, tmp_path: Path) -> None:
    lock = tmp_path / "kutter.lock"
    store.add_root(lock)
    store.add_root(lock)
    assert list(store.roots().values()) == [lock]


def test_a_symlink_in_the_place_of_a_partial_is_not_followed(store: Store, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    partial = store.root / "partial" / f"sha256-{DIGEST.hex}"
    partial.parent.mkdir(parents=True)
    partial.symlink_to(victim)
    with pytest.raises(KutterError) as caught:
        store.add_bytes(DATA)
    assert caught.value.reason == f"{partial}: Too many levels of symbolic links"
    assert victim.read_bytes() == b"precious"


def test_a_root_half_written_is_a_leftover(store: Store, tmp_path: Path) -> None:
    store.add_root(tmp_path / "kutter.lock")
    leftover = store.root / "roots" / ".unverified-12"
    leftover.write_bytes(b"")
    assert list(store.roots().values()) == [tmp_path / "kutter.lock"]
    assert store.partials() == {leftover: None}
