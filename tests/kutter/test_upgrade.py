"""Upgrading a node: the other slot is written, tried, and kept or left."""

from pathlib import Path

import pytest

from kutterlock.adapters.process import Finished, check, run
from tests.support.kutter import PATH, ROOTFS, Node, program_or_reason

pytestmark = pytest.mark.integration

SLOTS = "dev/6b757474-6572-4f53-8000-00000000000"
IMAGE = b"hsqs" + b"root image of a new release" * 100


class Disk:
    """A node with two slots, started from `a`, and a boot partition with a real grubenv."""

    def __init__(self, root: Path) -> None:
        self.node = Node(root=root)
        for slot in "ab":
            self.node.write(f"{SLOTS}{slot}", "\0" * 8192)
        self.node.write("new/usr/lib/kutter/boot/linux", "new kernel")
        self.node.write("boot/kutter/a/linux", "old kernel")
        self.start("a")
        self.node.write("boot/grub/.keep", "")
        self.editenv("create")
        self.editenv("set", "slot=a")
        self.node.program("mount", f'[ "$1" != -t ] || cp -R {root}/new/. "$6/"')
        self.node.program("umount", 'rm -rf "$1/usr"')
        self.node.program("blockdev", 'stat -c %s "$2"')
        self.image = root / "rootfs.squashfs"
        self.image.write_bytes(IMAGE)

    @property
    def grubenv(self) -> str:
        return f"{self.node.root}/boot/grub/grubenv"

    def editenv(self, *arguments: str) -> str:
        argv = ["grub-editenv", self.grubenv, *arguments]
        return check(run(argv, {"PATH": PATH}), argv, {"PATH": PATH}).decode()

    def start(self, slot: str) -> None:
        self.node.write("cmdline", f"ro kutter.slot={slot} kutter.trial=0\n")

    def upgrade(self, *arguments: str) -> Finished:
        root = self.node.root
        environment = {
            "KUTTER_BOOT": f"{root}/boot",
            "KUTTER_CMDLINE": f"{root}/cmdline",
            "KUTTER_DROP": f"{root}/drop",
            "KUTTER_LIB": f"{ROOTFS}/usr/lib/kutter",
            "KUTTER_PARTITIONS": f"{root}/dev",
            "KUTTER_RUN": str(root),
        }
        return self.node.run("usr/bin/kutter-upgrade", *arguments, environment=environment)

    def slot(self, name: str) -> bytes:
        return (self.node.root / f"{SLOTS}{name}").read_bytes()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    found = program_or_reason("grub-editenv")
    if isinstance(found, str):
        pytest.skip(found)
    return Disk(tmp_path)


def test_an_upgrade_is_tried_and_nothing_of_the_running_slot_is_touched(disk: Disk) -> None:
    done = disk.upgrade("write", str(disk.image))
    assert done.status == 0, done.errors
    assert disk.slot("b").startswith(IMAGE)
    assert disk.slot("a") == b"\0" * 8192
    boot = disk.node.root / "boot/kutter"
    assert (boot / "b/linux").read_text() == "new kernel"
    assert (boot / "a/linux").read_text() == "old kernel"
    assert disk.editenv("list") == "slot=a\ntrial=b\n"


def test_a_trial_that_is_well_is_kept(disk: Disk) -> None:
    disk.editenv("set", "trial=b", "tried=1")
    disk.start("b")
    assert disk.upgrade("confirm").status == 0
    assert disk.editenv("list") == "slot=b\n"


def test_an_image_of_another_hash_is_refused(disk: Disk) -> None:
    done = disk.upgrade("write", str(disk.image), "0" * 64)
    assert done.status == 1
    assert done.errors.startswith(f"kutter-upgrade: {disk.image}: sha256 is ".encode())
    assert disk.slot("b") == b"\0" * 8192
    assert disk.editenv("list") == "slot=a\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"not a root image", "not a root image (rootfs.squashfs)"),
        (b"hsqs" + b"x" * 8192, "larger than slot b"),
    ],
)
def test_what_cannot_be_a_root_is_refused(disk: Disk, data: bytes, reason: str) -> None:
    disk.image.write_bytes(data)
    done = disk.upgrade("write", str(disk.image))
    assert done.errors.decode() == f"kutter-upgrade: {disk.image}: {reason}\n"
    assert disk.slot("b") == b"\0" * 8192


def test_a_slot_that_was_written_wrong_is_never_tried(disk: Disk) -> None:
    disk.node.program("dd")
    done = disk.upgrade("write", str(disk.image))
    assert done.errors == b"kutter-upgrade: slot b does not read as it was written\n"
    assert disk.editenv("list") == "slot=a\n"
    assert not (disk.node.root / "boot/kutter/b").exists()


def test_one_can_go_back_to_a_slot_that_holds_something(disk: Disk) -> None:
    assert disk.upgrade("back").errors == b"kutter-upgrade: slot b is empty\n"
    disk.node.write(f"{SLOTS}b", "hsqs and so on")
    assert disk.upgrade("back").status == 0
    assert disk.editenv("list") == "slot=b\n"


def test_status_says_what_failed(disk: Disk) -> None:
    disk.editenv("set", "failed=b")
    assert disk.upgrade("status").output == b"running: a\nkept: a\nfailed its trial: b\n"
