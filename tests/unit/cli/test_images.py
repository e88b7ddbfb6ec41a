"""`images` as a user meets it: texts, JSON and exit codes. No registry: images lie in the store."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main
from kutterlock.model.digest import Digest
from tests.support import samples
from tests.support.images import Blobs, add_image, pin

PAUSE = "registry.k8s.io/pause:3.10.2"
Run = Callable[..., int]


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


@pytest.fixture
def run(tmp_path: Path, blobs: Blobs) -> Run:
    image = add_image(blobs, "pause")
    write_lock(tmp_path / "kutter.lock", samples.lock_of([pin(PAUSE, image)]))
    places = ["--project", str(tmp_path), "--store", str(tmp_path / "store")]
    return lambda *words: main([*words, *places])


@pytest.fixture
def store(tmp_path: Path, blobs: Blobs, run: Run) -> Store:
    found = Store(tmp_path / "store")
    found.add_bytes(b"buildroot-2026.08.tar.gz")
    for data in blobs.data.values():
        found.add_bytes(data)
    return found


def test_list_says_what_is_pinned_and_why(
    run: Run, capsys: pytest.CaptureFixture[str], blobs: Blobs
) -> None:
    (index,) = (d for d, kind in blobs.documents.items() if "index" in kind)
    assert run("images", "list") == 0
    assert capsys.readouterr().out == (
        f" {PAUSE}  {index}  linux/amd64,linux/arm64  not vendored  kubeadm 1.36.2, on pc, pi\n"
    )


def test_list_tells_sizes_of_what_is_here(
    run: Run, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("images", "list", "--json") == 0
    (facts,) = json.loads(capsys.readouterr().out)["images"]
    everything = sum(store.size(d) for d in store.blobs())
    assert facts["vendored"] is True
    assert facts["bytes"] == everything - len(b"buildroot-2026.08.tar.gz")


def test_export_writes_an_archive_for_each_board(
    run: Run, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("images", "export", str(tmp_path / "out")) == 0
    archives = [tmp_path / "out" / f"{board}-images.tar" for board in ("pc", "pi")]
    assert capsys.readouterr().out == "".join(
        f" {path}  1 image  {Digest.of(path.read_bytes())}\n" for path in archives
    )
    assert archives[0].read_bytes() != archives[1].read_bytes()


def test_export_writes_a_layout(run: Run, store: Store, tmp_path: Path) -> None:
    words = ("images", "export", str(tmp_path / "out"), "--board", "pc", "--format", "directory")
    assert run(*words) == 0
    index = json.loads((tmp_path / "out/pc-images/index.json").read_text())
    names = [entry["annotations"] for entry in index["manifests"]]
    digest = index["manifests"][0]["digest"]
    assert names == [
        {
            "io.containerd.image.name": PAUSE,
            "kind": "dev.cosignproject.cosign/imageIndex",
            "org.opencontainers.image.ref.name": "3.10.2",
        },
        {"io.containerd.image.name": f"registry.k8s.io/pause@{digest}"},
    ]
    assert run(*words) == 2


def test_export_of_what_is_not_here_says_what_to_do(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], blobs: Blobs
) -> None:
    (index,) = (d for d, kind in blobs.documents.items() if "index" in kind)
    assert run("images", "export", str(tmp_path / "out")) == 7
    assert capsys.readouterr().err == (
        "error: not in the store: 1 part of the images\n"
        f"  {PAUSE} index ({index})\n"
        "hint: run `kutterlock vendor` where there is a network or with --mirror DIR, "
        "or import a bundle that has what is missing\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "x"], "error: `images list` takes nothing\n"),
        (["export"], "error: `images export` takes a directory\n"),
        (["push"], "error: `images push` takes a registry\n"),
        (
            ["push", "localhost:1", "--platform", "linux"],
            "error: --platform: platform 'linux' is not of the form linux/amd64\n",
        ),
        (
            ["list", "--image", "busybox"],
            "error: the lock does not pin busybox\n"
            "hint: `kutterlock images list` names those that it pins\n",
        ),
    ],
)
def test_wrong_words_are_refused(
    run: Run, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("images", *words) == 2
    assert capsys.readouterr().err == message


def test_verify_covers_the_blobs_of_images(
    run: Run, store: Store, capsys: pytest.CaptureFixture[str], blobs: Blobs
) -> None:
    assert run("verify", "--board", "pc") == 0
    assert " closure     6 files, " in capsys.readouterr().out
    layer = next(d for d in store.blobs() if store.path(d).read_bytes()[:2] == b"\x1f\x8b")
    store.remove(layer)
    assert run("verify") == 7
    assert f"missing: {PAUSE} linux/" in capsys.readouterr().err


def test_a_rotten_index_is_named_and_not_believed(
    run: Run, store: Store, capsys: pytest.CaptureFixture[str], blobs: Blobs
) -> None:
    (index,) = (d for d, kind in blobs.documents.items() if "index" in kind)
    path = store.path(Digest.parse(index))
    path.chmod(0o644)
    path.write_bytes(b"{}")
    assert run("verify") == 5
    assert f"corrupted: {PAUSE} index: expected {index}" in capsys.readouterr().err


def test_gc_keeps_what_an_image_consists_of(
    run: Run, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = store.add_bytes(b"nobody's")
    before = set(store.blobs())
    assert run("store", "gc") == 0
    assert before - set(store.blobs()) == {stray}


def test_vendor_offline_is_content_with_what_is_here(
    run: Run, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("vendor", "--offline", "--all-platforms") == 0
    assert capsys.readouterr().out == " closure     9 files: all present\n"


def test_a_platform_that_an_index_lacks_is_an_error(
    tmp_path: Path, run: Run, store: Store, capsys: pytest.CaptureFixture[str], blobs: Blobs
) -> None:
    image = add_image(blobs, "other", platforms=("linux/arm64",))
    for data in blobs.data.values():
        store.add_bytes(data)
    write_lock(tmp_path / "kutter.lock", samples.lock_of([pin("quay.io/other:v1", image)]))
    assert run("vendor", "--offline") == 4
    assert capsys.readouterr().err == (
        "error: image quay.io/other:v1 has nothing for linux/amd64\n"
        "  it is for linux/arm64\n"
        "hint: pin a tag that has it, or set images = false for the boards that need it\n"
    )


@pytest.mark.parametrize("target", ["http://127.0.0.1:5000", "127.0.0.1:5000/", "host:5000/A"])
def test_push_asks_for_a_registry_that_can_be_one(
    run: Run, store: Store, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("images", "push", target) == 2
    assert capsys.readouterr().err == (
        f"error: {target} is no registry to push to\n"
        "hint: write HOST[:PORT], or HOST[:PORT]/PATH; no https:// before it\n"
    )
