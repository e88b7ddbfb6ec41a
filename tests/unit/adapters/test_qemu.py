import dataclasses
from pathlib import Path

import pytest

from kutterlock.adapters.qemu import Machine, find_qemu, qemu_argv
from kutterlock.errors import KutterError
from kutterlock.model.manifest import BootRequest

FILES = Path("/out/files")


def machine(arch: str = "x86_64", **request: object) -> Machine:
    return Machine(request=BootRequest(**request), arch=arch, files=FILES)  # type: ignore[arg-type]


def test_a_kernel_and_its_initrd() -> None:
    wanted = machine(kernel="bzImage", initrd="rootfs.cpio.gz", memory="256M", cpus=1)
    assert qemu_argv("/usr/bin/qemu-system-x86_64", wanted) == [
        "/usr/bin/qemu-system-x86_64",
        "-machine", "pc,accel=tcg", "-cpu", "max", "-m", "256M", "-smp", "1",
        "-nodefaults", "-no-user-config", "-nic", "none", "-no-reboot",
        "-display", "none", "-serial", "stdio",
        "-kernel", "/out/files/bzImage", "-initrd", "/out/files/rootfs.cpio.gz",
        "-append", "console=ttyS0",
    ]  # fmt: skip


def test_a_disk_is_never_written_and_its_name_cannot_add_options() -> None:
    argv = qemu_argv("qemu", machine(disk="a,readonly=off.img", arguments=("-bios", "x")))
    assert argv[-4:] == [
        "-drive", "file=/out/files/a,,readonly=off.img,format=raw,if=virtio,snapshot=on",
        "-bios", "x",
    ]  # fmt: skip


def test_arm_with_kvm_and_its_own_command_line() -> None:
    wanted = dataclasses.replace(
        machine(arch="aarch64", kernel="Image", append="console=ttyAMA0 quiet"), kvm=True
    )
    argv = qemu_argv("qemu", wanted)
    assert argv[1:5] == ["-machine", "virt,accel=kvm", "-cpu", "host"]
    assert argv[-4:] == ["-kernel", "/out/files/Image", "-append", "console=ttyAMA0 quiet"]


def test_a_missing_qemu_is_named() -> None:
    with pytest.raises(KutterError) as caught:
        find_qemu("aarch64", "/nowhere")
    assert caught.value.reason == "qemu-system-aarch64 is not on this machine"
    assert caught.value.hint == (
        "install QEMU for this architecture (Debian: qemu-system-x86, qemu-system-arm)"
    )


def test_a_disk_that_a_firmware_of_the_output_starts() -> None:
    wanted = machine(disk="disk.img", firmware="u-boot.bin")
    argv = qemu_argv("qemu", wanted)
    assert argv[-4:] == [
        "-bios", "/out/files/u-boot.bin",
        "-drive", "file=/out/files/disk.img,format=raw,if=virtio,snapshot=on",
    ]  # fmt: skip
