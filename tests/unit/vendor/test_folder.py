from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.model.digest import Digest
from kutterlock.vendor.folder import candidates
from kutterlock.vendor.wants import Want

DATA = b"data"
WANT = Want(
    digest=Digest.of(DATA),
    name="hello/hello-1.0.tar.gz",
    urls=("https://example.org/pub/a/v1%2b2.tar.gz?token=1",),
)


@pytest.mark.parametrize(
    "place",
    [
        "hello/hello-1.0.tar.gz",
        "hello-1.0.tar.gz",
        "example.org/pub/a/v1+2.tar.gz",
        "pub/a/v1+2.tar.gz",
        "a/v1+2.tar.gz",
        "v1+2.tar.gz",
    ],
)
def test_a_file_is_found_under_each_of_its_names(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(DATA)
    assert list(candidates(tmp_path, WANT)) == [path]


def test_the_likeliest_comes_first(tmp_path: Path) -> None:
    (tmp_path / "v1+2.tar.gz").write_bytes(DATA)
    (tmp_path / "hello-1.0.tar.gz").write_bytes(DATA)
    found = [path.name for path in candidates(tmp_path, WANT)]
    assert found == ["hello-1.0.tar.gz", "v1+2.tar.gz"]


def test_a_folder_may_be_a_store(tmp_path: Path) -> None:
    Store(tmp_path).add_bytes(DATA)
    assert list(candidates(tmp_path, WANT)) == [Store(tmp_path).path(WANT.digest)]


def test_a_name_that_leaves_the_folder_proposes_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(DATA)
    folder = tmp_path / "folder"
    folder.mkdir()
    want = Want(digest=WANT.digest, name="../secret", urls=("https://h.example/%2e%2e/secret",))
    assert list(candidates(folder, want)) == []


def test_directories_and_pipes_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "hello-1.0.tar.gz").mkdir()
    assert list(candidates(tmp_path, WANT)) == []


def test_an_oci_layout_is_a_folder_too(tmp_path: Path) -> None:
    digest = Digest.of(b"layer")
    path = tmp_path / "blobs/sha256" / digest.hex
    path.parent.mkdir(parents=True)
    path.write_bytes(b"layer")
    want = Want(digest=digest, name="quay.io/a:v1 linux/amd64 layer", size=5)
    assert list(candidates(tmp_path, want)) == [path]
