"""Kutter OS boots: what `make check-boot` built of examples/stand-in..., in QEMU, from end to end.

KUTTER_TEST_BOOT names the folder that `kutterlock build` left its files in. One node goes through
all of it, in the order of this file: emulated, a boot takes minutes.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.model.digest import Digest
from tests.support.capture import packets
from tests.support.machine import GUEST, Node, must
from tests.support.stand_in import IMAGES

BUILT = os.environ.get("KUTTER_TEST_BOOT", "")

pytestmark = [
    pytest.mark.boot,
    pytest.mark.real,
    pytest.mark.skipif(not BUILT, reason="KUTTER_TEST_BOOT names no built output"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("KUTTER_TEST_BOOT_KEEP")
    return Path(kept) if kept else tmp_path_factory.mktemp("node")


@pytest.fixture(scope="module")
def node(place: Path) -> Iterator[Node]:
    volume = {"hostname": "stand-in-1\r\n", "join.yaml": "kind: JoinConfiguration\n"}
    with Node(Path(BUILT), place, volume) as node:
        took = node.up()
        print(f"first boot: sshd and all units after {took:.0f} s")
        yield node


def stamp(node: Node, unit: str, field: str) -> int:
    return int(node.tell(f"systemctl show -P {field} {unit}"))


def well(node: Node) -> None:
    """No unit has failed, and the boot is over."""
    failed = node.tell("systemctl --failed --plain --no-legend")
    assert failed == "", failed
    assert node.tell("systemctl is-system-running") == "running"


class TestFirstBoot:
    def test_it_reaches_multi_user_and_no_unit_has_failed(self, node: Node) -> None:
        well(node)
        assert node.tell("systemctl is-active multi-user.target") == "active"
        assert node.tell("cat /proc/1/comm") == "systemd"

    def test_the_console_says_who_it_is_and_what_to_type(self, node: Node) -> None:
        assert "This node is stand-in-1, at 10.0.2.15" in node.said
        assert "Joining a cluster. See:  ssh root@10.0.2.15 journalctl -u kutter-join" in node.said

    def test_nothing_writes_to_the_root_and_state_is_on_data(self, node: Node) -> None:
        mounts = json.loads(node.tell("findmnt --json --list --output TARGET,FSTYPE,OPTIONS"))
        found = {m["target"]: m for m in mounts["filesystems"]}
        assert found["/"]["fstype"] == "squashfs"
        assert "ro" in found["/"]["options"].split(",")
        for target in ("/data", "/var", "/root", "/etc/kubernetes", "/etc/cni/net.d"):
            assert found[target]["fstype"] == "ext4"
            assert "rw" in found[target]["options"].split(",")

    def test_the_data_partition_has_grown_to_the_end_of_the_disk(self, node: Node) -> None:
        assert int(node.tell("df -P -m /data | awk 'NR == 2 { print $2 }'")) > 5000

    def test_containerd_answers_over_cri(self, node: Node) -> None:
        assert node.tell("crictl version").startswith("containerd\n")
        ready = node.tell("crictl info").split()
        assert ready[ready.index("RuntimeReady") + 1] == "true"

    def test_the_images_are_there_under_their_names(self, node: Node) -> None:
        assert sorted(node.tell("crictl images").split()) == sorted(IMAGES)

    def test_the_images_were_there_before_the_kubelet_started(self, node: Node) -> None:
        imported = stamp(node, "kutter-images.service", "ActiveEnterTimestampMonotonic")
        started = stamp(node, "kubelet.service", "ExecMainStartTimestampMonotonic")
        assert 0 < imported < started
        said = node.tell("journalctl -b -u kubelet -o cat")
        assert f"kubelet stand-in: {len(IMAGES)} images are there" in said

    def test_what_the_lock_says_is_on_the_node(self, node: Node) -> None:
        kubeadm = node.tell("cat /etc/kubernetes/kubeadm.yaml")
        assert "kubernetesVersion: v1.36.2" in kubeadm
        assert "registry.k8s.io/pause:3.10.2" in node.tell("containerd config dump")
        assert "(nf_tables)" in node.tell("iptables --version")
        assert node.tell("sysctl -n net.ipv4.ip_forward") == "1"
        assert node.tell("kubectl version --client").startswith("Client Version: v1.36.4")

    def test_the_clock_is_not_before_the_source_date_epoch(self, node: Node) -> None:
        assert int(node.tell("date +%s")) >= int(node.tell("stat -c %Y /usr/lib/clock-epoch"))

    def test_nobody_was_called(self, node: Node) -> None:
        sent = list(packets(node.capture, GUEST))
        print("sent:", dict(Counter(packet.kind for packet in sent)))
        assert [packet for packet in sent if packet.opens] == []
        assert "DHCP" in {packet.kind for packet in sent}


def test_a_second_boot_is_clean_and_the_same_node(node: Node) -> None:
    asked = "cat /etc/machine-id; ssh-keygen -lf /var/lib/kutter/ssh/ssh_host_ed25519_key.pub"
    before = node.tell(asked)
    clock = int(node.tell("date +%s"))
    print(f"second boot: {node.reboot():.0f} s")
    well(node)
    assert node.tell(asked) == before
    assert node.tell("cat /proc/sys/kernel/hostname") == "stand-in-1"
    assert int(node.tell("date +%s")) >= clock
    assert "imported before" in node.tell("journalctl -b -u kutter-images -o cat")
    assert node.tell("systemctl is-active kubelet") == "active"
    assert [packet for packet in packets(node.capture, GUEST) if packet.opens] == []


def slots(node: Node) -> dict[str, str]:
    lines = node.tell("kutter-upgrade status").splitlines()
    return {key: value for key, _, value in (line.partition(": ") for line in lines)}


def test_an_upgrade_boots_the_other_root_and_is_kept(node: Node) -> None:
    assert slots(node) == {"running": "a", "kept": "a"}
    image = Path(BUILT) / "rootfs.squashfs"
    node.put(image, "/data/rootfs.squashfs")
    sha256 = Digest.of(image.read_bytes()).hex
    node.tell(f"kutter-upgrade write /data/rootfs.squashfs {sha256}", patience=600)
    assert slots(node) == {"running": "a", "kept": "a", "on trial": "b"}
    print(f"upgraded boot: {node.reboot():.0f} s")
    well(node)
    assert slots(node) == {"running": "b", "kept": "b"}
    assert sorted(node.tell("crictl images").split()) == sorted(IMAGES)


def test_a_broken_root_falls_back_to_the_one_before(node: Node, place: Path) -> None:
    tree = place / "broken"
    (tree / "usr/lib/kutter/boot").mkdir(parents=True)
    must("unsquashfs", "-q", "-f", "-d", str(place / "whole"),
         str(Path(BUILT) / "rootfs.squashfs"), "usr/lib/kutter/boot/linux")  # fmt: skip
    (place / "whole/usr/lib/kutter/boot/linux").rename(tree / "usr/lib/kutter/boot/linux")
    must("mksquashfs", str(tree), str(place / "broken.squashfs"), "-quiet", "-no-progress")
    node.put(place / "broken.squashfs", "/data/broken.squashfs")
    node.tell("kutter-upgrade write /data/broken.squashfs", patience=600)
    assert slots(node)["on trial"] == "a"
    print(f"fallen back: {node.reboot():.0f} s")
    assert "Kutter OS, slot a" in node.said.rpartition("Kutter OS, slot b")[0]
    assert slots(node) == {"running": "b", "kept": "b", "failed its trial": "a"}
    well(node)


def test_nobody_was_called_all_along(node: Node) -> None:
    sent = list(packets(node.capture, GUEST))
    print("sent:", dict(Counter(packet.kind for packet in sent)))
    assert [packet for packet in sent if packet.opens] == []
