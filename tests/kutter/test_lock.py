"""The real lock: current, portable, and the only place that has a version or a hash."""

import re

import pytest

from kutterlock.adapters.tomlfile import read_lock, read_manifest
from kutterlock.model.lock import Lock
from kutterlock.resolve.staleness import require_current
from tests.support.kutter import BOARDS, OVERLAY, PROJECT


@pytest.fixture(scope="module")
def lock() -> Lock:
    return read_lock(PROJECT / "kutter.lock")


def test_it_says_what_the_manifest_and_the_overlay_say(lock: Lock) -> None:
    require_current(read_manifest(PROJECT / "kutter.toml"), lock, PROJECT)


def test_it_covers_every_board_with_everything(lock: Lock) -> None:
    assert set(lock.boards) == set(BOARDS)
    assert lock.environment.is_pure
    assert len(lock.environment.packages) > 100
    for board in lock.boards.values():
        programs = {lock.sources[key].path for key in board.sources}
        assert {"kubernetes/kubeadm", "kubernetes/kubelet", "kubernetes/kubectl"} <= programs
        assert any(reference.startswith("registry.k8s.io/pause:") for reference in board.images)
        assert any("flannel" in reference for reference in board.images)


def test_boards_of_two_architectures_take_different_programs(lock: Lock) -> None:
    taken = {
        name: {key for key in board.sources if key.startswith("kubernetes/")}
        for name, board in lock.boards.items()
    }
    assert taken["rpi4-aarch64"] == taken["qemu-aarch64"]
    assert not taken["pc-x86_64"] & taken["rpi4-aarch64"]


def test_it_names_nothing_of_the_machine_that_wrote_it() -> None:
    text = (PROJECT / "kutter.lock").read_text()
    hosts = set(re.findall(r"https?://([^/\"]+)", text))
    assert not {host for host in hosts if host.endswith("debian.org")} - {"snapshot.debian.org"}
    assert not re.search(r'"(/|file:)', text)


def test_versions_and_hashes_stand_in_no_other_place(lock: Lock) -> None:
    inputs = ("kubernetes", "containerd", "runc", "cni-plugins", "cri-tools", "flannel")
    versions = {lock.inputs[name].version for name in inputs}
    for path in OVERLAY.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not {version for version in versions if version in text}, path
            assert not re.search(r"\b[0-9a-f]{64}\b", text), path
