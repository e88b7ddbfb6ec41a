"""Booting with a QEMU of our own on PATH, which records its argv and prints a console."""

from pathlib import Path

import pytest

from kutterlock.adapters.qemu import Machine
from kutterlock.build.boot import BootOptions, Console, boot
from kutterlock.errors import BootError
from kutterlock.model.manifest import BootRequest


def fake_qemu(tmp_path: Path, script: str) -> str:
    directory = tmp_path / "bin"
    directory.mkdir()
    program = directory / "qemu-system-x86_64"
    program.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\necho "$@" > {tmp_path}/argv\n{script}\n')
    program.chmod(0o755)
    return str(directory)


def machine(tmp_path: Path, **request: str) -> Machine:
    (tmp_path / "bzImage").touch()
    wanted = BootRequest(**(request or {"kernel": "bzImage"}))  # type: ignore[arg-type]
    return Machine(request=wanted, arch="x86_64", files=tmp_path)


def options(tmp_path: Path, search_path: str, timeout: float = 30) -> BootOptions:
    log = tmp_path / "logs/boot.log"
    return BootOptions(expect="login:", timeout=timeout, log=log, search_path=search_path)


def test_the_text_is_found_in_a_line_that_does_not_end(tmp_path: Path) -> None:
    path = fake_qemu(tmp_path, "printf 'Linux\\r\\nkutter log'; sleep 0.2; printf 'in: '; sleep 60")
    lines: list[str] = []
    boot(machine(tmp_path), options(tmp_path, path), lines.append)
    assert lines == ["Linux", "kutter login:"]
    assert (tmp_path / "logs/boot.log").read_bytes() == b"Linux\r\nkutter login: "
    assert "-nic none" in (tmp_path / "argv").read_text()


def test_a_machine_that_ends_shows_its_last_lines(tmp_path: Path) -> None:
    path = fake_qemu(tmp_path, "seq 30; echo 'Kernel panic'; exit 1")
    with pytest.raises(BootError) as caught:
        boot(machine(tmp_path), options(tmp_path, path), lambda _: None)
    log = tmp_path / "logs/boot.log"
    assert caught.value.reason == "the console did not show 'login:' before QEMU ended (1)"
    assert caught.value.details == (
        *map(str, range(12, 31)), "Kernel panic", f"whole console: {log}"
    )  # fmt: skip
    assert caught.value.hint == (
        f"start it by hand: env -i {path}/qemu-system-x86_64 -machine pc,accel=tcg -cpu max -m 1G"
        " -smp 2 -nodefaults -no-user-config -nic none -no-reboot -display none -serial stdio"
        f" -kernel {tmp_path}/bzImage -append console=ttyS0"
    )


def test_a_machine_that_hangs_is_ended(tmp_path: Path) -> None:
    path = fake_qemu(tmp_path, "echo booting; exec sleep 600")
    with pytest.raises(BootError) as caught:
        boot(machine(tmp_path), options(tmp_path, path, timeout=0.5), lambda _: None)
    assert caught.value.reason == "the console did not show 'login:' within 0.5 s"


def test_a_file_that_the_output_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(BootError) as caught:
        boot(machine(tmp_path, disk="disk.img"), options(tmp_path, "/nowhere"), print)
    assert caught.value.reason == f"{tmp_path} cannot be booted as kutter.toml says"
    assert caught.value.details == ("boot.disk = 'disk.img': the output has no such file",)
    with pytest.raises(BootError) as caught:
        boot(machine(tmp_path, memory="1G"), options(tmp_path, "/nowhere"), print)
    assert caught.value.details == ("neither boot.kernel nor boot.disk is given",)


def test_what_boots_cannot_drive_the_terminal() -> None:
    lines: list[str] = []
    console = Console(b"never", lines.append)
    assert not console.read(b"\x1b]0;title\x07red\x1b[2J\n")
    assert lines == [" ]0;title red [2J"]


def test_a_line_without_end_is_bounded() -> None:
    lines: list[str] = []
    console = Console(b"never", lines.append)
    for _ in range(3):
        console.read(b"x" * 4000)
    assert [len(line) for line in lines] == [8000]
