import os
import threading
from pathlib import Path

import pytest

from kutterlock.build import outputs
from kutterlock.errors import BuildError, HashMismatchError, KutterError
from kutterlock.model.derivation import Derivation, derive
from kutterlock.model.digest import Digest
from kutterlock.model.output import OutputManifest
from tests.support import samples
from tests.support.waiting import wait_until, waits_for_a_lock


def derivation() -> Derivation:
    lock = samples.lock()
    return derive(lock, lock.boards["pc"], argv=("make",), environment={"TZ": "UTC"}, texts={})


def make_output(root: Path, images: Path) -> Path:
    name = derivation().directory_name
    with outputs.staged(root, name) as staging:
        files = outputs.gather(images, ["disk.img"], staging / "files")
        manifest = OutputManifest(
            board="pc", derivation=derivation().digest, lock=Digest.of(b"lock"), pure=True,
            files=files,
        )  # fmt: skip
        outputs.write_documents(staging, derivation(), manifest)
    return root / name


@pytest.fixture
def images(tmp_path: Path) -> Path:
    directory = tmp_path / "images"
    directory.mkdir()
    (directory / "disk.img").write_bytes(b"disk")
    return directory


def test_an_output_is_found_again_and_verifies(tmp_path: Path, images: Path) -> None:
    directory = make_output(tmp_path / "out", images)
    found = outputs.find_output(tmp_path / "out", derivation())
    assert found is not None
    assert [str(file.path) for file in found.files] == ["disk.img"]
    assert outputs.verify_output(directory) == found


@pytest.mark.parametrize(
    "record", ["", "[", "[" * 100_000, "[]", "null", "{}", '{"unsigned": 0}', '{"unsigned": false}']
)
def test_whatever_a_record_says_an_output_is_a_development_build_unless_it_denies_it(
    record: str, tmp_path: Path
) -> None:
    (tmp_path / "build.json").write_text(record)
    assert outputs.is_development_build(tmp_path) == (record != '{"unsigned": false}')
    assert (outputs.read_record(tmp_path) is None) == (not record.startswith("{"))


def test_an_output_without_a_record_is_a_development_build(tmp_path: Path) -> None:
    assert outputs.is_development_build(tmp_path)


def test_an_output_with_a_file_gone_is_none(tmp_path: Path, images: Path) -> None:
    directory = make_output(tmp_path / "out", images)
    (directory / "files/disk.img").unlink()
    assert outputs.find_output(tmp_path / "out", derivation()) is None


def test_verify_names_wrong_missing_and_surplus_files(tmp_path: Path, images: Path) -> None:
    directory = make_output(tmp_path / "out", images)
    (directory / "files/disk.img").write_bytes(b"dusk")
    (directory / "files/extra").write_bytes(b"")
    with pytest.raises(HashMismatchError) as caught:
        outputs.verify_output(directory)
    assert caught.value.details == (
        f"disk.img: expected {Digest.of(b'disk')}, found {Digest.of(b'dusk')}",
        "extra: not in the manifest",
    )


def test_a_failure_leaves_nothing_behind(tmp_path: Path, images: Path) -> None:
    with (
        pytest.raises(BuildError) as caught,
        outputs.staged(tmp_path / "out", "name") as staging,
    ):
        outputs.gather(images, ["disk.img", "images.tar"], staging / "files")
    assert caught.value.details == ("images.tar",)
    assert list((tmp_path / "out").iterdir()) == []


def test_without_names_every_file_is_kept(tmp_path: Path, images: Path) -> None:
    (images / "sub").mkdir()
    (images / "sub/kernel").write_bytes(b"k")
    (images / "link").symlink_to("disk.img")
    files = outputs.gather(images, [], tmp_path / "kept")
    assert [str(file.path) for file in files] == ["disk.img", "sub/kernel"]


def test_a_second_build_waits_for_the_first(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with outputs.held(tmp_path, derivation()) as waited:
            order.append(f"second waited {waited}")

    with outputs.held(tmp_path, derivation()) as waited:
        thread = threading.Thread(target=second)
        thread.start()
        wait_until(lambda: waits_for_a_lock(os.getpid()))
        order.append(f"first waited {waited}")
    thread.join()
    assert order == ["first waited False", "second waited True"]


def test_a_directory_that_is_no_output_is_named(tmp_path: Path) -> None:
    with pytest.raises(KutterError) as caught:
        outputs.read_output(tmp_path)
    assert caught.value.reason == (
        f"{tmp_path} is not an output: manifest.json cannot be read (No such file or directory)"
    )


def test_the_digest_depends_on_what_goes_in_only() -> None:
    lock = samples.lock()
    again = derive(
        lock, lock.boards["pc"], argv=("make",), environment={"TZ": "UTC"}, texts={"/k": b"x"}
    )
    assert derivation().digest == derivation().digest
    assert again.digest != derivation().digest
    assert derivation().directory_name == f"{derivation().digest.hex[:32]}-pc"
