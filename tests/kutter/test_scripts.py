"""What runs on a node: each script, with stand-ins for the programs that need a real one."""

from pathlib import Path

import pytest

from tests.support.kutter import ROOTFS, Node

pytestmark = pytest.mark.integration

NOBODY = "Nobody can log in yet"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(root=tmp_path)


class TestBanner:
    def shown(self, node: Node) -> str:
        environment = {
            "KUTTER_CONFIG": f"{node.root}/config",
            "KUTTER_KUBERNETES": f"{node.root}/kubernetes",
            "KUTTER_RUN": f"{node.root}/run",
        }
        done = node.run("usr/lib/kutter/banner", environment=environment)
        assert done.status == 0, done.errors
        return (node.root / "run/issue.d/kutter.issue").read_text()

    def test_a_node_that_nobody_configured_says_how_to_get_in(self, node: Node) -> None:
        assert self.shown(node) == (
            "\nThis node is \\n, at \\4 \\6\n"
            "Nobody can log in yet: put a file authorized_keys on a volume labelled KUTTER, "
            "and reboot.\n\n"
        )

    @pytest.mark.parametrize(
        ("files", "expected"),
        [
            ([], "Next:  ssh root@\\4 kubeadm init --config /etc/kubernetes/kubeadm.yaml"),
            (["config/join.yaml"], "Joining a cluster. See:  ssh root@\\4 journalctl -u"),
            (["kubernetes/kubelet.conf"], "A worker of a cluster."),
            (
                ["kubernetes/kubelet.conf", "kubernetes/admin.conf"],
                "A control plane. Next:  ssh root@\\4 kubectl get nodes",
            ),
        ],
    )
    def test_it_names_the_next_command(self, node: Node, files: list[str], expected: str) -> None:
        for name in ["config/authorized_keys", *files]:
            node.write(name, "x\n")
        shown = self.shown(node)
        assert expected in shown
        assert NOBODY not in shown


class TestIdentity:
    ID = "0123456789abcdef0123456789abcdef"

    def run(self, node: Node) -> None:
        node.write("machine-id", self.ID + "\n")
        kernel = node.write("hostname", "kutter")
        environment = {
            "KUTTER_BOOT": f"{node.root}/boot",
            "KUTTER_CONFIG": f"{node.root}/config",
            "KUTTER_KERNEL": str(kernel),
            "KUTTER_LIB": f"{ROOTFS}/usr/lib/kutter",
            "KUTTER_RUN": str(node.root),
            "KUTTER_MACHINE_ID": f"{node.root}/machine-id",
        }
        done = node.run("usr/lib/kutter/node", environment=environment)
        assert done.status == 0, done.errors

    def test_a_known_id_is_not_written_again(self, node: Node) -> None:
        node.program("grub-editenv", f"echo slot=a; echo machine_id={self.ID}")
        self.run(node)
        assert node.calls == [f"grub-editenv {node.root}/boot/grub/grubenv list"]
        assert (node.root / "hostname").read_text() == "kutter-01234567\n"

    def test_a_new_id_is_told_to_the_boot_loader(self, node: Node) -> None:
        for name in ("grub-editenv", "mount", "sync"):
            node.program(name)
        self.run(node)
        place = f"{node.root}/boot/grub/grubenv"
        assert node.calls == [
            f"grub-editenv {place} list",
            f"mount -o remount,rw {node.root}/boot",
            f"grub-editenv {place} set machine_id={self.ID}",
            f"sync -f {node.root}/boot",
            f"mount -o remount,ro {node.root}/boot",
        ]

    def test_the_name_of_the_volume_counts(self, node: Node) -> None:
        node.program("grub-editenv", f"echo machine_id={self.ID}")
        node.write("config/hostname", "control-1 \n")
        self.run(node)
        assert (node.root / "hostname").read_text() == "control-1\n"


class TestConfiguration:
    def run(self, node: Node, *arguments: str) -> None:
        environment = {"KUTTER_CONFIG": f"{node.root}/config", "KUTTER_RUN": f"{node.root}/run"}
        done = node.run("usr/lib/kutter/config", *arguments, environment=environment)
        assert done.status == 0, done.errors

    def volumes(self, node: Node, files: dict[str, dict[str, str]], own: str = "") -> None:
        """Devices by name with their files; mounting is copying."""
        for device, contents in files.items():
            for name, text in contents.items():
                node.write(f"{device}/{name}", text)
            (node.root / device).mkdir(exist_ok=True)
        listed = "\n".join(f"echo {node.root}/{device}" for device in files)
        node.program("udevadm")
        node.program(
            "blkid",
            f'if [ "$1" = -t ]; then\n{listed}\n'
            f'elif [ "$6" = "{node.root}/{own}" ]; then\n'
            "echo 6b757474-6572-4f53-8000-0000000000c0\nfi",
        )
        node.program("mount", 'cp -R "$3/." "$4/"')
        node.program("umount", 'rm -rf "$1"; mkdir -p "$1"')

    def test_nothing_there_leaves_no_configuration(self, node: Node) -> None:
        self.volumes(node, {"sda3": {"README.txt": "x"}}, own="sda3")
        self.run(node)
        assert not (node.root / "config").exists()

    def test_everything_known_is_taken_and_handed_out(self, node: Node) -> None:
        self.volumes(
            node,
            {
                "sr0": {
                    "authorized_keys": "ssh-ed25519 AAAA me\r\n",
                    "hostname": "one\r\n",
                    "ntp": "10.0.0.1\n10.0.0.2\n",
                    "network/10-static.network": "[Match]\nName=en*\n",
                    "evil.sh": "exit 1\n",
                }
            },
        )
        self.run(node)
        config = node.root / "config"
        assert sorted(path.name for path in config.rglob("*") if path.is_file()) == [
            "10-static.network", "authorized_keys", "hostname", "ntp",
        ]  # fmt: skip
        assert (config / "authorized_keys").read_text() == "ssh-ed25519 AAAA me\n"
        run = node.root / "run/systemd"
        assert (run / "network/10-static.network").read_text() == "[Match]\nName=en*\n"
        servers = (run / "timesyncd.conf.d/kutter.conf").read_text()
        assert servers == "[Time]\nNTP=10.0.0.1 10.0.0.2 \n"

    def test_an_attached_volume_goes_before_the_disks_own(self, node: Node) -> None:
        self.volumes(node, {"sda3": {"hostname": "own"}, "sr0": {"hostname": "iso"}}, own="sda3")
        self.run(node)
        assert (node.root / "config/hostname").read_text() == "iso"

    def test_only_the_first_boot_that_finds_anything_counts(self, node: Node) -> None:
        node.write("config/hostname", "first")
        self.volumes(node, {"sr0": {"hostname": "second"}})
        self.run(node)
        assert (node.root / "config/hostname").read_text() == "first"
        self.run(node, "--again")
        assert (node.root / "config/hostname").read_text() == "second"


class TestClock:
    def run(self, node: Node, verb: str) -> None:
        done = node.run("usr/lib/kutter/clock", verb, environment={"KUTTER_STATE": str(node.root)})
        assert done.status == 0, done.errors

    def test_it_is_put_forward_never_back(self, node: Node) -> None:
        node.program("date", 'if [ "$1" = +%s ]; then echo 1000; fi')
        node.program("stat", "echo 2000")
        node.write("clock", "")
        self.run(node, "restore")
        assert node.calls[-1] == "date -s @2000"
        node.program("stat", "echo 500")
        (node.root / "calls").unlink()
        self.run(node, "restore")
        assert node.calls == [f"stat -c %Y {node.root}/clock", "date +%s"]

    def test_saving_notes_the_time(self, node: Node) -> None:
        self.run(node, "save")
        assert (node.root / "clock").exists()


class TestHostKeys:
    def test_a_broken_key_is_made_anew_and_a_good_one_stays(self, node: Node) -> None:
        node.write("ssh/ssh_host_ed25519_key", "good\n")
        node.write("ssh/ssh_host_rsa_key", "")
        node.program(
            "ssh-keygen",
            'if [ "$1" = -y ]; then grep -q good "$3"; exit; fi\n'
            'for last; do :; done; echo good >"$last"',
        )
        done = node.run("usr/lib/kutter/ssh-keys", environment={"KUTTER_STATE": str(node.root)})
        assert done.status == 0, done.errors
        made = [call for call in node.calls if " -q " in call]
        assert made == [
            f"ssh-keygen -q -t rsa -N  -C  -f {node.root}/ssh/ssh_host_rsa_key",
        ]


class TestImages:
    def run(self, node: Node) -> tuple[int, str]:
        environment = {
            "KUTTER_DATA": str(node.root),
            "KUTTER_LIB": str(ROOTFS / "usr/lib/kutter"),
            "KUTTER_RUN": f"{node.root}/run",
            "KUTTER_STATE": f"{node.root}/state",
        }
        node.program("udevadm")
        done = node.run("usr/lib/kutter/images", environment=environment)
        return done.status, done.errors.decode()

    def imported(self, node: Node) -> list[str]:
        calls = [call for call in node.calls if call.startswith("ctr ")]
        return [call.rpartition("/")[2] for call in calls]

    def test_each_archive_is_imported_once(self, node: Node) -> None:
        node.program("blkid")
        node.program("ctr")
        node.write("images/images.tar", "one")
        assert self.run(node) == (0, "")
        node.write("images/more.tar", "two")
        assert self.run(node) == (0, "")
        assert self.imported(node) == ["images.tar", "more.tar"]
        (first, *_) = [call for call in node.calls if call.startswith("ctr ")]
        place = f"{node.root}/images/images.tar"
        assert first == f"ctr --namespace k8s.io images import --local {place}"

    def test_a_broken_one_is_named_stops_no_other_and_is_tried_again(self, node: Node) -> None:
        node.program("blkid")
        node.program("ctr", "case $* in *broken.tar) exit 1 ;; esac")
        node.write("images/broken.tar", "one")
        node.write("images/good.tar", "two")
        reason = f"{node.root}/images/broken.tar: cannot be imported\n"
        assert self.run(node) == (1, reason)
        assert self.run(node) == (1, reason)
        assert self.imported(node) == ["broken.tar", "good.tar", "broken.tar"]

    def volumes(self, node: Node, *names: str) -> None:
        node.program("blkid", "".join(f"echo {node.root}/{name}\n" for name in names))
        node.program("mount", 'cp -R "$3/." "$4/"')
        node.program("umount", 'rm -rf "$1"/*')
        node.program("ctr")

    def test_a_volume_of_images_is_read(self, node: Node) -> None:
        node.write("sr0/upgrade.tar", "three")
        self.volumes(node, "sr0")
        assert self.run(node) == (0, "")
        assert self.imported(node) == ["upgrade.tar"]

    def test_a_partition_and_an_iso_are_both_read(self, node: Node) -> None:
        """The one that the disk image came with, and the one that an upgrade brought."""
        node.write("vda7/images.tar", "three")
        node.write("sr0/images.tar", "four")
        self.volumes(node, "vda7", "sr0")
        assert self.run(node) == (0, "")
        assert self.imported(node) == ["images.tar", "images.tar"]
        assert len(list((node.root / "state/images").iterdir())) == 2

    def test_a_volume_that_cannot_be_mounted_stops_no_other(self, node: Node) -> None:
        node.write("sr1/images.tar", "five")
        self.volumes(node, "sr0", "sr1")
        assert self.run(node)[0] == 0
        assert self.imported(node) == ["images.tar"]
