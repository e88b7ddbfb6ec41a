"""A node in QEMU, as its owner has it: a larger disk, a KUTTER volume, a cable, an SSH key.

The disk of the output is never written: each machine has a copy. What goes over the cable is
recorded whole.
"""

import contextlib
import shlex
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kutterlock.adapters.process import Finished, find_program, run
from tests.support.kutter import PATH
from tests.support.programs import Running, free_port, running

PATIENCE = 900.0
"""Seconds for a boot: emulated, on a machine that others use."""

GUEST = "52:54:00:6b:75:74"


def program(name: str) -> str:
    """Return where a program is; skip the test where it is not."""
    found = find_program(name, PATH)
    if found is None:
        pytest.skip(f"{name} is not on this machine")
    return str(found)


def must(*argv: str) -> str:
    """Run a program of the host and return what it said."""
    done = subprocess.run(
        [program(argv[0]), *argv[1:]], capture_output=True, text=True, check=False,
        env={"PATH": PATH, "LC_ALL": "C"},
    )  # fmt: skip
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


@dataclass
class Node(Running):
    """A machine that runs while this is entered: arm64 where `built` has a firmware for it."""

    built: Path
    place: Path
    volume: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        self.console = self.place / "console"
        self.capture = self.place / "capture.pcap"
        self.own = self.place / "disk.img"
        self.key = self.place / "key"
        if not self.key.exists():
            must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))

    def start(self, stack: contextlib.ExitStack) -> None:
        self.port = free_port()
        if not self.own.exists():
            must("cp", "--sparse=always", str(self.built / "disk.img"), str(self.own))
            must("truncate", "-s", "8G", str(self.own))
            self._make_volume()
        self._process = stack.enter_context(running(self._argv(), self.console))

    def _argv(self) -> list[str]:
        return [
            *self._system(), "-m", "2G", "-smp", "2", "-nodefaults", "-no-user-config",
            "-display", "none", "-serial", "stdio", "-monitor", "none",
            "-drive", f"file={self.own},format=raw,if=virtio",
            "-drive", f"file={self.place}/volume,format=raw,if=virtio,readonly=on",
            "-netdev", f"user,id=cable,hostfwd=tcp:127.0.0.1:{self.port}-:22",
            "-device", f"virtio-net-pci,netdev=cable,mac={GUEST}",
            "-object", f"filter-dump,id=dump,netdev=cable,file={self.capture}",
        ]  # fmt: skip

    def _system(self) -> list[str]:
        firmware = self.built / "u-boot.bin"
        if not firmware.exists():
            return [program("qemu-system-x86_64"), "-machine", "pc,accel=tcg", "-cpu", "max"]
        return [
            program("qemu-system-aarch64"), "-machine", "virt,accel=tcg", "-cpu", "cortex-a72",
            "-bios", str(firmware),
        ]  # fmt: skip

    def _make_volume(self) -> None:
        volume = self.place / "volume"
        volume.write_bytes(bytes(4 << 20))
        must("mkfs.vfat", "-n", "KUTTER", str(volume))
        files = {"authorized_keys": (self.place / "key.pub").read_text(), **self.volume}
        for name, text in files.items():
            (self.place / "one").write_text(text)
            must("mcopy", "-i", str(volume), str(self.place / "one"), f"::{name}")

    @property
    def said(self) -> str:
        """What the console showed."""
        return self.console.read_text(errors="replace")

    def ssh(self, command: str, *, patience: float = 120, given: bytes = b"") -> Finished:
        """Run a command on the node as root; status 255 when nobody answers."""
        argv = [program("ssh"), *self._options(), "-p", str(self.port), "root@127.0.0.1", command]
        return run(argv, {"PATH": PATH}, timeout=patience, stdin=given)

    def tell(self, command: str, *, patience: float = 120) -> str:
        """Run a command on the node and return what it said; it must succeed."""
        done = self.ssh(command, patience=patience)
        assert done.status == 0, f"{command}: {done.output!r} {done.errors!r}"
        return done.output.decode().strip()

    def put(self, file: Path, place: str) -> None:
        """Bring a file to the node."""
        options = " ".join(map(shlex.quote, self._options()))
        command = f"{program('ssh')} {options} -p {self.port} root@127.0.0.1 'cat >{place}' <{file}"
        done = run(["/bin/sh", "-c", command], {"PATH": PATH}, timeout=PATIENCE)
        assert done.status == 0, done.errors.decode()

    def up(self) -> float:
        """Wait until this boot is finished and sshd answers; return the seconds it took."""
        started = time.monotonic()
        while time.monotonic() - started < PATIENCE:
            assert self._process.poll() is None, self.said[-4000:]
            done = self.ssh("systemctl is-system-running --wait", patience=PATIENCE)
            if done.status != 255:
                return time.monotonic() - started
            time.sleep(2)
        raise AssertionError(f"sshd did not answer; the console:\n{self.said[-4000:]}")

    def reboot(self) -> float:
        """Reboot from within, and wait until the node is up again."""
        boot = self.tell("cat /proc/sys/kernel/random/boot_id")
        with contextlib.suppress(TimeoutError):
            self.ssh("systemctl reboot")
        started = time.monotonic()
        while time.monotonic() - started < PATIENCE:
            done = self.ssh("cat /proc/sys/kernel/random/boot_id", patience=60)
            if done.status == 0 and done.output.decode().strip() != boot:
                self.up()
                return time.monotonic() - started
            time.sleep(2)
        raise AssertionError(f"the node did not come back; the console:\n{self.said[-4000:]}")

    def _options(self) -> list[str]:
        return [
            "-i", str(self.key), "-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes",
            "-o", f"UserKnownHostsFile={self.place}/known_hosts", "-o", "ConnectTimeout=10",
            "-o", "LogLevel=ERROR", "-F", "none",
        ]  # fmt: skip
