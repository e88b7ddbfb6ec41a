"""What the real lock tells the nodes: kubeadm, containerd and flannel name locked images only."""

import re

import pytest

from kutterlock.adapters.tomlfile import read_lock
from kutterlock.build.rendered import FLANNEL_SOURCE, flannel_source, rendered_texts
from kutterlock.model.lock import Lock
from tests.support.kutter import BOARDS, COMMON, PROJECT


@pytest.fixture(scope="module")
def lock() -> Lock:
    return read_lock(PROJECT / "kutter.lock")


def manifest(lock: Lock) -> str:
    """Stand in for flannel's manifest: it names the images that the lock has for it."""
    names = [name for name, pin in lock.images.items() if pin.needed_by.startswith("flannel")]
    assert len(names) == 2
    return "".join(f"        image: {name}\n" for name in names)


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_gets_what_the_build_installs(lock: Lock, board: str) -> None:
    source = flannel_source(lock, lock.boards[board])
    assert source is not None
    assert source.path == f"flannel-manifest/{FLANNEL_SOURCE}"
    texts = rendered_texts(lock, lock.boards[board], lambda _: manifest(lock))
    installed = set(re.findall(r'"\$rendered/([a-z.]+)"', (COMMON / "post-build.sh").read_text()))
    assert set(texts) == installed == {"kubeadm.yaml", "flannel.yml", "containerd.toml"}


def test_all_images_are_of_the_lock(lock: Lock) -> None:
    texts = rendered_texts(lock, lock.boards["pc-x86_64"], lambda _: manifest(lock))
    named = set(re.findall(r"sandbox = '([^']+)'", texts["containerd.toml"]))
    named |= {name.partition("@")[0] for name in re.findall(r"image: (\S+)", texts["flannel.yml"])}
    assert len(named) == 3
    assert named <= set(lock.images)
    digests = re.findall(r"@(sha256:[0-9a-f]{64})", texts["flannel.yml"])
    assert set(digests) <= {str(pin.digest) for pin in lock.images.values()}


def test_kubeadm_is_told_the_locked_version_and_images(lock: Lock) -> None:
    text = rendered_texts(lock, lock.boards["rpi4-aarch64"], lambda _: manifest(lock))[
        "kubeadm.yaml"
    ]
    version = lock.inputs["kubernetes"].version
    assert f"kubernetesVersion: v{version}\n" in text
    assert "cgroupDriver: systemd\n" in text
    places = re.findall(r"imageRepository: (\S+)\n\s+imageTag: (\S+)", text)
    components = {name.rpartition("/")[0] + ":" + name.rpartition(":")[2] for name in lock.images}
    assert {":".join(place) for place in places} <= components
    assert len(places) == 2
