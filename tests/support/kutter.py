"""The overlay of Kutter OS, its scripts, and a way to run those with stand-in programs."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kutterlock.adapters.process import Finished, find_program, run

PROJECT = Path(__file__).parent.parent.parent
OVERLAY = PROJECT / "overlays/kutter"
COMMON = OVERLAY / "board/common"
ROOTFS = COMMON / "rootfs"
UNITS = ROOTFS / "usr/lib/systemd/system"
BOARDS = {"pc-x86_64": "x86_64", "rpi4-aarch64": "arm64", "qemu-aarch64": "arm64"}
PATH = ":".join(
    [
        os.environ.get("KUTTER_TEST_PROGRAMS", "/nonexistent"),
        os.environ.get("PATH", "/usr/bin:/bin"),
        "/usr/sbin:/sbin",
    ]
)
"""Programs of later suites first, then the machine's."""
NEEDED_ELSEWHERE = (
    "bin/kill", "sbin/agetty", "usr/bin/chmod", "usr/bin/containerd", "usr/bin/kubeadm",
    "usr/bin/kubelet", "usr/bin/mkdir", "usr/bin/systemctl", "usr/bin/systemd-repart",
    "usr/sbin/sshd", "usr/lib/systemd/systemd-networkd-wait-online",
)  # fmt: skip
"""Programs of units that other packages install."""


def defconfig(board: str) -> dict[str, str]:
    """Return the settings of a board's defconfig, without quotes."""
    text = (OVERLAY / "configs" / f"kutter_{board.replace('-', '_')}_defconfig").read_text()
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    return {key: value.strip('"') for key, value in pairs}


def kernel_files(board: str) -> list[Path]:
    """Return the kernel configuration of a board: its base, then the fragments in order."""
    settings = defconfig(board)
    names = [
        settings["BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE"],
        *settings["BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES"].split(),
    ]
    return [Path(name.replace("$(BR2_EXTERNAL_KUTTER_PATH)", str(OVERLAY))) for name in names]


def root_with_units(target: Path, *programs: str) -> Path | str:
    """Lay out the units of the overlay and of its packages beside systemd's own.

    `programs` are those that packages install. Returns a reason where there is no systemd.
    """
    installed = Path("/usr/lib/systemd/system")
    if not installed.is_dir():
        return "this machine has no systemd"
    shutil.copytree(ROOTFS, target, dirs_exist_ok=True)
    units = target / "usr/lib/systemd/system"
    shutil.copytree(installed, units, dirs_exist_ok=True, symlinks=True)
    shutil.copytree(UNITS, units, dirs_exist_ok=True)
    package = OVERLAY / "package/kubernetes"
    shutil.copy(package / "kubelet.service", units)
    (units / "kubelet.service.d").mkdir()
    shutil.copy(package / "10-kubeadm.conf", units / "kubelet.service.d")
    for name in (*NEEDED_ELSEWHERE, *programs):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
    return target


def verify_units(systemd_analyze: str, root: Path, *units: str) -> Finished:
    """Let systemd judge units below `root`."""
    argv = [systemd_analyze, "verify", f"--root={root}", "--man=no", *units]
    return run(argv, {"PATH": PATH, "LC_ALL": "C.UTF-8"})


@dataclass(frozen=True, kw_only=True)
class Node:
    """A folder that the node's scripts take for the node, with programs that only note calls."""

    root: Path
    programs: dict[str, str] = field(default_factory=dict)

    def program(self, name: str, body: str = "") -> None:
        """Put a stand-in on the path: it notes how it was called, then runs `body`."""
        place = self.root / "bin" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.root}/calls\n{body}\n')
        place.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """How the stand-ins were called, in order."""
        place = self.root / "calls"
        return place.read_text().splitlines() if place.exists() else []

    def write(self, name: str, text: str) -> Path:
        """Write a file below the folder."""
        place = self.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def run(self, script: str, *arguments: str, environment: Mapping[str, str]) -> Finished:
        """Run a script of the rootfs overlay with the stand-ins before all other programs."""
        argv = ["sh", str(ROOTFS / script), *arguments]
        return run(argv, {"PATH": f"{self.root}/bin:{PATH}", **environment}, timeout=30)


def program_or_reason(name: str) -> Path | str:
    """Return where a real program is, or why a test that needs it is skipped."""
    return find_program(name, PATH) or f"{name} is not on this machine"
