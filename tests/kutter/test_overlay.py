"""The overlay as a whole, judged by the programs that read it."""

from pathlib import Path

import pytest

from kutterlock.adapters.process import Finished, run
from tests.support.kutter import (
    BOARDS,
    COMMON,
    OVERLAY,
    PATH,
    ROOTFS,
    UNITS,
    program_or_reason,
    root_with_units,
    verify_units,
)

pytestmark = pytest.mark.integration

ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C.UTF-8"}


def program(name: str) -> str:
    found = program_or_reason(name)
    if isinstance(found, str):
        pytest.skip(found)
    return str(found)


def scripts() -> list[Path]:
    folders = (COMMON, ROOTFS / "usr/lib/kutter", ROOTFS / "usr/bin")
    files = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
    return [path for path in files if path.read_bytes().startswith(b"#!/bin/sh")]


def test_scripts_are_plain_shell_and_shellcheck_finds_nothing() -> None:
    found = scripts()
    assert len(found) >= 10
    assert [path.name for path in found if not path.stat().st_mode & 0o100] == []
    done = run([program("shellcheck"), "-s", "sh", *map(str, found)], ENVIRONMENT)
    assert done.output.decode() == ""


class TestUnits:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = root_with_units(tmp_path)
        if isinstance(root, str):
            pytest.skip(root)
        return root

    def verify(self, root: Path, *units: str) -> Finished:
        return verify_units(program("systemd-analyze"), root, *units)

    def test_systemd_accepts_each(self, root: Path) -> None:
        units = sorted(path.name for path in UNITS.iterdir() if path.is_file())
        assert len(units) > 20
        done = self.verify(root, *units, "kubelet.service")
        assert (done.status, done.errors.decode()) == (0, "")

    def test_all_enabled_together_they_order_without_a_circle(self, root: Path) -> None:
        units = [path.name for path in UNITS.iterdir() if path.is_file()]
        enabled = [name for name in units if "[Install]" in (UNITS / name).read_text()]
        argv = [program("systemctl"), f"--root={root}", "enable", "kubelet.service", *enabled]
        assert run(argv, ENVIRONMENT).status == 0
        done = self.verify(root, "multi-user.target", "sysinit.target", "local-fs.target")
        assert (done.status, done.errors.decode()) == (0, "")

    def test_the_check_sees_a_fault(self, root: Path) -> None:
        unit = root / "usr/lib/systemd/system/kutter-node.service"
        unit.write_text(unit.read_text() + "Bogus=1\n")
        done = self.verify(root, unit.name)
        assert b"Unknown key 'Bogus' in section [Install]" in done.errors


def test_containerd_accepts_its_configuration(tmp_path: Path) -> None:
    containerd = program("containerd")
    version = run([containerd, "--version"], ENVIRONMENT).output.split()[2].removeprefix(b"v")
    if version.startswith((b"0.", b"1.")):
        pytest.skip(f"containerd {version.decode()} does not know version 3 of its configuration")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/50-rendered.toml").write_text(
        "version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\n"
        "sandbox = 'registry.k8s.io/pause:9.9'\n"
    )
    text = (ROOTFS / "etc/containerd/config.toml").read_text()
    config = tmp_path / "config.toml"
    config.write_text(text.replace("/etc/containerd/conf.d", str(tmp_path / "conf.d")))
    done = run([containerd, "--config", str(config), "config", "dump"], ENVIRONMENT)
    assert done.status == 0, done.errors
    settings = [line.strip() for line in done.output.decode().splitlines()]
    for wanted in (
        "SystemdCgroup = true",
        "sandbox = 'registry.k8s.io/pause:9.9'",
        "bin_dirs = ['/opt/cni/bin', '/usr/libexec/cni']",
        "conf_dir = '/etc/cni/net.d'",
    ):
        assert wanted in settings


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_has_its_folder(board: str) -> None:
    assert (OVERLAY / "board" / board / "grub.cfg").is_file()


def test_nothing_in_the_overlay_opens_a_way_in() -> None:
    for path in OVERLAY.rglob("*_defconfig"):
        text = path.read_text()
        assert "# BR2_TARGET_ENABLE_ROOT_LOGIN is not set" in text
        assert "ROOT_PASSWD" not in text
    sshd = (ROOTFS / "etc/ssh/sshd_config").read_text()
    assert "PasswordAuthentication no" in sshd
    assert not list(OVERLAY.rglob("ssh_host_*"))
