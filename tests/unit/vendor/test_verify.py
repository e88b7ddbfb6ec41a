from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.errors import HashMismatchError, MissingInputError
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Silence
from kutterlock.vendor.verify import Fault, VerifyReport, verify_blobs, verify_view
from tests.support.network import KeptProgress

A, B = b"a" * 3_000_000, b"b" * 10
DIGEST_A, DIGEST_B = Digest.of(A), Digest.of(B, "sha512")
NAMES = {DIGEST_A: "a.tar", DIGEST_B: "b.tar"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.add_bytes(A)
    store.add_bytes(B, "sha512")
    return store


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_right_blobs_are_counted(store: Store) -> None:
    progress = KeptProgress()
    report = verify_blobs(store, NAMES, progress)
    assert report == VerifyReport(right=2, size=len(A) + len(B))
    assert report.error("closure", "hint") is None
    amounts = [fact[1] for fact in progress.said if fact[0] == "advance"]
    assert sum(a for a in amounts if isinstance(a, int)) == len(A) + len(B)
    assert progress.said[0] == ("start", "verifying", len(A) + len(B), "bytes")
    assert progress.said[-1] == ("done", "")


def test_one_flipped_bit_is_found_and_named(store: Store) -> None:
    spoil(store.path(DIGEST_A))
    found = Digest.of(store.path(DIGEST_A).read_bytes())
    report = verify_blobs(store, NAMES, Silence())
    assert report.corrupted == (Fault(name="a.tar", expected=DIGEST_A, found=str(found)),)
    assert (report.right, report.size) == (1, len(B))
    error = report.error("closure", "the hint")
    assert isinstance(error, HashMismatchError)
    assert error.reason == "closure: 1 corrupted"
    assert error.details == (f"corrupted: a.tar: expected {DIGEST_A}, got {found}",)
    assert error.hint == "the hint"
    assert report.remedy == (  # `vendor` alone would take the blob for one that is there
        "run `kutterlock store check --repair`, then `kutterlock vendor` or "
        "`kutterlock bundle import`"
    )


def test_what_is_missing_is_named(store: Store) -> None:
    store.remove(DIGEST_A)
    report = verify_blobs(store, NAMES, Silence())
    error = report.error("closure", report.remedy)
    assert isinstance(error, MissingInputError)
    assert error.reason == "closure: 1 missing"
    assert error.details == ("missing: a.tar",)
    assert error.hint == (
        "run `kutterlock vendor` where there is a network or with --mirror DIR, "
        "or import a bundle that has what is missing"
    )


def test_a_directory_in_the_place_of_a_blob_is_a_missing_one(store: Store) -> None:
    store.remove(DIGEST_A)
    store.locate(DIGEST_A).mkdir()
    assert verify_blobs(store, NAMES, Silence()).missing == ("a.tar",)


def test_nothing_to_verify_is_right(tmp_path: Path) -> None:
    assert verify_blobs(Store(tmp_path), {}, Silence()) == VerifyReport(right=0, size=0)


@pytest.fixture
def view(tmp_path: Path) -> Path:
    view = tmp_path / "dl"
    (view / "a").mkdir(parents=True)
    (view / "a" / "a.tar").write_bytes(A)
    (view / "a" / ".lock").write_bytes(b"")
    (view / "b.tar").write_bytes(B)
    return view


EXPECTED = {"a/a.tar": DIGEST_A, "b.tar": DIGEST_B}


def test_a_right_view_may_hold_buildroots_empty_lock_files(view: Path) -> None:
    assert verify_view(view, EXPECTED, Silence()) == VerifyReport(right=2, size=len(A) + len(B))


def test_a_view_is_checked_for_missing_corrupted_and_surplus(view: Path) -> None:
    (view / "b.tar").unlink()
    spoil(view / "a" / "a.tar")
    (view / "a" / ".lock").write_bytes(b"something")
    (view / "a" / "link").symlink_to("a.tar")
    (view / "empty").mkdir()
    report = verify_view(view, EXPECTED, Silence())
    error = report.error("view", "the hint")
    assert isinstance(error, HashMismatchError)
    assert error.reason == "view: 1 corrupted, 2 surplus, 1 missing"
    found = Digest.of((view / "a" / "a.tar").read_bytes())
    assert error.details == (
        f"corrupted: a/a.tar: expected {DIGEST_A}, got {found}",
        "surplus: a/.lock",
        "surplus: a/link",
        "missing: b.tar",
    )


def test_a_surplus_file_alone_fails_a_view(view: Path) -> None:
    (view / "extra").write_bytes(b"")
    error = verify_view(view, EXPECTED, Silence()).error("view", "the hint")
    assert isinstance(error, HashMismatchError)
    assert error.reason == "view: 1 surplus"
