"""The overlay on the real Buildroot: its own linter, every board's closure, the source switch."""

import shutil
from pathlib import Path

import pytest

from kutterlock.adapters.process import run
from kutterlock.adapters.tomlfile import read_lock, read_manifest
from kutterlock.build.inputs import copy_overlays
from kutterlock.build.recipe import Versions
from kutterlock.catalog.reader import load_catalog
from kutterlock.model.arch import RELEASE_ARCH
from kutterlock.model.lock import Lock
from kutterlock.model.manifest import BoardRequest
from kutterlock.resolve.closure import BoardClosure, Pins, evaluate_board
from kutterlock.resolve.evaluation import Question
from tests.kutter.test_docker import BOARDS as DOCKER_BOARDS
from tests.kutter.test_docker import manifest_with_docker
from tests.support.kutter import BOARDS, OVERLAY, PATH, PROJECT
from tests.support.real import RealTree, real_tree

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def lock() -> Lock:
    return read_lock(PROJECT / "kutter.lock")


@pytest.fixture(scope="module")
def tree(lock: Lock, tmp_path_factory: pytest.TempPathFactory) -> RealTree:
    found = real_tree(lock.inputs["buildroot"].version, tmp_path_factory.mktemp("real"))
    if isinstance(found, str):
        pytest.skip(found)
    return found


def board_of(name: str) -> BoardRequest:
    return read_manifest(PROJECT / "kutter.toml").boards[name]


def closure(
    tree: RealTree, lock: Lock, request: BoardRequest, work: Path, **more: str
) -> BoardClosure:
    """Evaluate a board of the overlays that are copied below `work`, with the locked versions."""
    board = request.name
    inputs = {name: pin.version for name, pin in lock.inputs.items()} | more
    catalog = load_catalog()
    releases = {name: catalog.release(name, version) for name, version in inputs.items()}
    versions = Versions(arch=request.arch, inputs=inputs, overrides={})
    question = Question(
        board=board, defconfig=request.defconfig, versions=versions, buildroot=tree.digest,
        overlays=copy_overlays(work, request.overlays, work / "copies"),
        environment="this machine", kind="host", epoch=lock.source_date_epoch,
    )  # fmt: skip
    files = {name: release.files for name, release in releases.items() if release}
    pins = Pins(versions=versions, packages={}, release_files=files)
    return evaluate_board(question, pins, tree.bench())


@pytest.mark.parametrize("board", BOARDS)
def test_every_line_is_honoured_and_the_closure_is_the_locked_one(
    tree: RealTree, lock: Lock, board: str, tmp_path: Path
) -> None:
    shutil.copytree(OVERLAY, tmp_path / "overlays/kutter")
    found = closure(tree, lock, board_of(board), tmp_path)
    locked = {
        lock.sources[key].path: lock.sources[key].digest for key in lock.boards[board].sources
    }
    digests = {source.path: source.digest for source in found.sources}
    assert locked.items() <= digests.items()


def test_the_runtime_can_be_built_from_source(tree: RealTree, lock: Lock, tmp_path: Path) -> None:
    copy = tmp_path / "overlays/kutter"
    shutil.copytree(OVERLAY, copy)
    config = copy / "configs/kutter_pc_x86_64_defconfig"
    text = config.read_text()
    config.write_text(text.replace("KUTTER_RUNTIME_RELEASED", "KUTTER_RUNTIME_BUILT"))
    found = closure(tree, lock, board_of("pc-x86_64"), tmp_path)
    catalog = load_catalog()
    digests = {str(source.path): source.digest for source in found.sources}
    assert not [path for path in digests if "containerd-bin" in path or "runc-bin" in path]
    for name in ("containerd", "runc"):
        version = lock.inputs[name].version
        release = catalog.release(name, version)
        source = release.file("source") if release else None
        assert source is not None
        assert digests[f"{name}/{name}-{version}-go2.tar.gz"] == source.digest
    assert any(path.startswith(("go-bin/", "go/")) for path in digests)


@pytest.mark.parametrize("name", DOCKER_BOARDS)
def test_every_line_of_a_board_with_docker_is_honoured(
    tree: RealTree, lock: Lock, name: str, tmp_path: Path
) -> None:
    shutil.copytree(PROJECT / "overlays", tmp_path / "overlays")
    request = manifest_with_docker(tmp_path).boards[name]
    release = load_catalog().releases("cri-dockerd")
    chosen = next(item for item in release if item.files[0].digest)
    found = closure(tree, lock, request, tmp_path, **{"cri-dockerd": str(chosen.version)})
    digests = {str(source.path): source.digest for source in found.sources}
    binary = chosen.file("binary", RELEASE_ARCH[request.arch])
    assert binary is not None
    assert digests[f"cri-dockerd/{binary.name}"] == binary.digest
    assert not [path for path in digests if "containerd-bin" in path or "runc-bin" in path]
    assert {"docker-engine", "docker-cli", "containerd", "runc", "cri-dockerd"} <= {
        path.partition("/")[0] for path in digests
    }
    assert found.packages["containerd"] == lock.inputs["containerd"].version
    assert found.packages["cri-dockerd"] == str(chosen.version)


def test_buildroots_own_linter_finds_nothing(tree: RealTree) -> None:
    place = tree.bench().tree()
    python = run(["python3", "-c", "import flake8, magic"], {"PATH": PATH})
    if python.status:
        pytest.skip("check-package needs flake8 and python-magic for the machine's python3")
    files = [str(path) for path in sorted((PROJECT / "overlays").rglob("*")) if path.is_file()]
    argv = ["python3", str(place / "utils/check-package"), "-b", *files]
    done = run(argv, {"PATH": PATH, "LC_ALL": "C.UTF-8"}, directory=place)
    assert (done.status, done.output.decode()) == (0, "")
    assert done.errors.decode().splitlines()[-1] == "0 warnings generated"
