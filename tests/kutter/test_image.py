"""The disk image, by the real tools from stand-ins for what a build makes; its loader boots."""

import json
import os
from pathlib import Path

import pytest

from kutterlock.adapters.process import check, run, watch
from kutterlock.model.encoding.iso9660 import Volume, volume_head
from tests.support.kutter import COMMON, PATH, ROOTFS, defconfig, program_or_reason

pytestmark = pytest.mark.integration

EPOCH = "1784143200"
PREFIX = "6B757474-6572-4F53-8000-0000000000"
GRUB = Path("/usr/lib/grub/i386-pc")
EFI = Path("/usr/lib/grub/x86_64-efi")
OVMF = Path("/usr/share/OVMF")
MODULES = defconfig("pc-x86_64")["BR2_TARGET_GRUB2_BUILTIN_MODULES_PC"].split()


def needed(*names: str) -> None:
    for name in names:
        found = program_or_reason(name)
        if isinstance(found, str):
            pytest.skip(found)


def call(*argv: str, environment: dict[str, str] | None = None) -> str:
    variables = {"PATH": PATH, "LC_ALL": "C", **(environment or {})}
    return check(run(argv, variables), argv, variables).decode()


class Images:
    """Buildroot's images folder, as it is when post-image.sh is called."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.disk = place / "disk.img"
        self.firmware = "bios"
        (place / "efi-part/EFI/BOOT").mkdir(parents=True)
        for name in ("efi-part/EFI/BOOT/bootx64.efi", "bzImage", "rootfs.squashfs"):
            (place / name).write_bytes(b"stand-in for " + name.encode())
        genimage = place / "genimage"
        genimage.write_text(
            "#!/bin/sh\nset -e\n"
            f"rm -rf {place}/tmp {place}/empty; mkdir {place}/empty\n"
            f"genimage --rootpath {place}/empty --tmppath {place}/tmp "
            f'--inputpath {place} --outputpath {place} --config "$2"\n'
        )
        genimage.chmod(0o755)

    def bios(self) -> None:
        """Add what GRUB makes for a BIOS."""
        (self.place / "boot.img").write_bytes((GRUB / "boot.img").read_bytes())
        call(
            "grub-mkimage", "-d", str(GRUB), "-O", "i386-pc", "-p", "(hd0,gpt2)/boot/grub",
            "-o", str(self.place / "grub.img"), *MODULES,
        )  # fmt: skip

    def uefi(self) -> None:
        """Add what GRUB makes for a UEFI, and a copy of the firmware's variables."""
        if not (OVMF / "OVMF_CODE.fd").is_file() or not EFI.is_dir():
            pytest.skip("OVMF or GRUB's modules for it are not on this machine")
        modules = defconfig("pc-x86_64")["BR2_TARGET_GRUB2_BUILTIN_MODULES_EFI"].split()
        call(
            "grub-mkimage", "-d", str(EFI), "-O", "x86_64-efi", "-p", "/EFI/BOOT",
            "-o", str(self.place / "efi-part/EFI/BOOT/bootx64.efi"), *modules,
        )  # fmt: skip
        (self.place / "vars.fd").write_bytes((OVMF / "OVMF_VARS.fd").read_bytes())

    def flash(self) -> list[str]:
        """Return what gives QEMU the firmware that was asked for."""
        if self.firmware == "bios":
            return []
        code = f"if=pflash,format=raw,readonly=on,file={OVMF}/OVMF_CODE.fd"
        return ["-drive", code, "-drive", f"if=pflash,format=raw,file={self.place}/vars.fd"]

    def make(self, board: str) -> None:
        """Run post-image.sh."""
        environment = {
            "SOURCE_DATE_EPOCH": EPOCH,
            "GENIMAGE": str(self.place / "genimage"),
            "GRUB_EDITENV": "grub-editenv",
            "FAKEROOT": "fakeroot",
            "MKE2FS": "mke2fs",
            "KUTTER_IMAGES": str(self.place / "images.tar"),
            "KUTTER_VOLUME": str(self.place / "images.iso"),
        }
        script = str(COMMON / "post-image.sh")
        call("sh", script, str(self.place), board, environment=environment)

    def partitions(self) -> list[tuple[str, str, int]]:
        """Return name, last two digits of the identity, and first sector of each partition."""
        table = json.loads(call("sfdisk", "--json", str(self.disk)))["partitiontable"]
        assert table["id"] == f"{PREFIX}01"
        assert all(part["uuid"].startswith(PREFIX) for part in table["partitions"])
        return [(part["name"], part["uuid"][-2:], part["start"]) for part in table["partitions"]]


@pytest.fixture
def images(tmp_path: Path) -> Images:
    needed("genimage", "mcopy", "mkdosfs", "mke2fs", "fakeroot", "sfdisk", "grub-editenv")
    return Images(tmp_path)


def test_the_layout_has_two_roots_and_fixed_identities(images: Images) -> None:
    images.make("qemu-aarch64")
    assert images.partitions() == [
        ("boot", "E1", 2048),
        ("config", "C0", 526336),
        ("root-a", "0A", 559104),
        ("root-b", "0B", 2656256),
        ("data", "DA", 4753408),
    ]


def test_a_pc_has_a_partition_for_its_bios_too(images: Images) -> None:
    needed("grub-mkimage")
    images.bios()
    images.make("pc-x86_64")
    assert images.partitions()[:2] == [("bios", "B1", 2048), ("boot", "E1", 4096)]
    with images.disk.open("rb") as disk:
        assert disk.read(440) == (images.place / "mbr.img").read_bytes()


def test_fat_partitions_are_the_same_whenever_they_are_made(images: Images) -> None:
    images.make("qemu-aarch64")
    first = [(images.place / name).read_bytes() for name in ("boot.vfat", "config.vfat")]
    for path in images.place.glob("*.vfat"):
        path.unlink()
    images.make("qemu-aarch64")
    assert first == [(images.place / name).read_bytes() for name in ("boot.vfat", "config.vfat")]


def test_the_data_partition_brings_the_images_and_all_of_it_is_roots(images: Images) -> None:
    needed("debugfs")
    (images.place / "images.tar").write_bytes(b"x" * 3_000_000)
    images.make("qemu-aarch64")
    data = images.place / "data.ext4"
    assert data.stat().st_size == 259 << 20
    listed = call("debugfs", "-R", "ls -p /images", str(data)).split()
    (line,) = [line.split("/") for line in listed if "images.tar" in line]
    assert line[3:7] == ["0", "0", "images.tar", "3000000"]


def test_a_volume_of_images_becomes_a_partition_that_nothing_grows_over(images: Images) -> None:
    """Linux finds it by its label, as it finds an ISO that is attached."""
    needed("blkid", "systemd-repart")
    head = volume_head(Volume(label="KUTTER-IMG", name="IMAGES.TAR", size=4096, epoch=int(EPOCH)))
    (images.place / "images.iso").write_bytes(head + b"x" * 4096)
    images.make("qemu-aarch64")
    (name, identity, start) = images.partitions()[-2]
    assert (name, identity) == ("images", "C1")
    assert [name for name, _, _ in images.partitions()][-1] == "data"
    probe = ("blkid", "-p", "-O", str(start * 512), "-S", "51200", "-o", "export")
    told = call(*probe, str(images.disk)).splitlines()
    assert {"LABEL=KUTTER-IMG", "TYPE=iso9660"} <= set(told)
    os.truncate(images.disk, 6 << 30)
    call(
        "systemd-repart", "--dry-run=no", "--discard=no",
        f"--definitions={ROOTFS}/usr/lib/kutter/repart.d", str(images.disk),
    )  # fmt: skip
    with images.disk.open("rb") as disk:
        disk.seek(start * 512)
        assert disk.read(len(head)) == head


def test_the_data_partition_grows_to_the_end_of_a_larger_disk(images: Images) -> None:
    needed("systemd-repart")
    images.make("qemu-aarch64")
    os.truncate(images.disk, 8 << 30)
    before = images.partitions()
    definitions = ROOTFS / "usr/lib/kutter/repart.d"
    for _ in range(2):
        call(
            "systemd-repart", "--dry-run=no", "--discard=no", f"--definitions={definitions}",
            str(images.disk),
        )  # fmt: skip
        assert images.partitions() == before
        table = json.loads(call("sfdisk", "--json", str(images.disk)))["partitiontable"]
        last = table["partitions"][-1]
        assert 0 <= table["lastlba"] - (last["start"] + last["size"] - 1) < 2048


class TestLoader:
    """GRUB itself, started by each firmware; there is no kernel on the disk that it could load."""

    @pytest.fixture(params=["bios", "uefi"])
    def machine(self, images: Images, request: pytest.FixtureRequest) -> Images:
        needed("grub-mkimage", "qemu-system-x86_64")
        images.bios()
        images.firmware = request.param
        if request.param == "uefi":
            images.uefi()
        (images.place / "bzImage").unlink()
        images.make("pc-x86_64")
        return images

    def grubenv(self, machine: Images, *arguments: str) -> str:
        """Change the grubenv on the disk, and return it."""
        place, disk = machine.place / "grubenv", f"{machine.disk}@@2M"
        call("mcopy", "-o", "-i", disk, "::/grub/grubenv", str(place))
        if arguments:
            call("grub-editenv", str(place), *arguments)
            call("mcopy", "-o", "-i", disk, str(place), "::/grub/grubenv")
        return call("grub-editenv", str(place), "list")

    def boot(self, machine: Images) -> list[str]:
        """Start the disk and return the kernels that were tried, in order."""
        seen = bytearray()

        def read(chunk: bytes) -> bool:
            seen.extend(chunk)
            return seen.count(b"not found") >= 2

        argv = [
            "qemu-system-x86_64", "-machine", "pc,accel=tcg", "-m", "256", "-nodefaults",
            "-display", "none", "-serial", "stdio", "-no-reboot", "-nic", "none",
            "-drive", f"file={machine.disk},format=raw,if=virtio", *machine.flash(),
        ]  # fmt: skip
        watch(argv, {"PATH": PATH}, read, timeout=120)
        text = seen.decode("utf-8", "replace")
        return [part[0] for part in text.split("file `/kutter/")[1:]]

    def test_a_trial_is_booted_once(self, machine: Images) -> None:
        assert self.boot(machine) == ["a", "b"]
        assert self.grubenv(machine) == "slot=a\n"
        self.grubenv(machine, "set", "trial=b")
        assert self.boot(machine) == ["b", "a"]
        assert self.grubenv(machine) == "slot=a\ntrial=b\ntried=1\n"
        assert self.boot(machine) == ["a", "b"]
        assert self.grubenv(machine) == "slot=a\ntrial=\ntried=\nfailed=b\n"
