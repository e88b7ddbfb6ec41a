"""QEMU: a machine that boots the files of an output, with a serial console and no network.

Emulation (TCG) unless asked: /dev/kvm exists on machines where it hangs the guest. The files are
never written (`snapshot`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters import process
from kutterlock.errors import KutterError
from kutterlock.model.manifest import BootRequest

SYSTEMS = {"x86_64": "qemu-system-x86_64", "aarch64": "qemu-system-aarch64"}
MACHINES = {"x86_64": "pc", "aarch64": "virt"}
CONSOLES = {"x86_64": "console=ttyS0", "aarch64": "console=ttyAMA0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What to boot: a request, the board's architecture, and the directory of the files."""

    request: BootRequest
    arch: str
    files: Path
    kvm: bool = False


def qemu_argv(program: str, machine: Machine) -> list[str]:
    """Return QEMU's command line."""
    request = machine.request
    accelerator, cpu = ("kvm", "host") if machine.kvm else ("tcg", "max")
    return [
        program,
        "-machine", f"{MACHINES[machine.arch]},accel={accelerator}", "-cpu", cpu,
        "-m", request.memory, "-smp", str(request.cpus),
        "-nodefaults", "-no-user-config", "-nic", "none", "-no-reboot",
        "-display", "none", "-serial", "stdio",
        *_firmware(machine),
        *_kernel(machine),
        *_disk(machine),
        *request.arguments,
    ]  # fmt: skip


def find_qemu(arch: str, search_path: str) -> str:
    """Return the path of QEMU for an architecture. Raises KutterError that says what to install."""
    found = process.find_program(SYSTEMS[arch], search_path)
    if found is None:
        raise KutterError(
            f"{SYSTEMS[arch]} is not on this machine",
            hint="install QEMU for this architecture (Debian: qemu-system-x86, qemu-system-arm)",
        )
    return str(found)


def run_qemu(argv: list[str], on_bytes: Callable[[bytes], bool], timeout: float) -> int | None:
    """Run until `on_bytes` says enough (None), the time is over (None), or QEMU ends (status)."""
    return process.watch(argv, {"LC_ALL": "C"}, on_bytes, timeout=timeout)


def _firmware(machine: Machine) -> list[str]:
    if not machine.request.firmware:
        return []
    return ["-bios", str(machine.files / machine.request.firmware)]


def _kernel(machine: Machine) -> list[str]:
    request = machine.request
    if not request.kernel:
        return []
    initrd = ["-initrd", str(machine.files / request.initrd)] if request.initrd else []
    append = request.append or CONSOLES[machine.arch]
    return ["-kernel", str(machine.files / request.kernel), *initrd, "-append", append]


def _disk(machine: Machine) -> list[str]:
    if not machine.request.disk:
        return []
    path = str(machine.files / machine.request.disk).replace(",", ",,")
    return ["-drive", f"file={path},format=raw,if=virtio,snapshot=on"]
