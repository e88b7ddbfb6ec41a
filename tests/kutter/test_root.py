"""post-build.sh on a stand-in for what the packages installed: what the root of a slot has."""

import shutil
from pathlib import Path

import pytest

from kutterlock.adapters.process import check, run
from tests.support.kutter import COMMON, PATH, ROOTFS

EPOCH = 1784143200
INSTALLED = {
    "usr/lib/os-release": "NAME=Buildroot\nVERSION_ID=2025.02.16\n",
    "usr/lib/grub/i386-pc/boot.img": "boot.img",
    "usr/bin/grub-editenv": "editenv",
    "usr/bin/grub-mkimage": "mkimage",
    "usr/sbin/grub-install": "install",
    "usr/sbin/xtables-nft-multi": "xtables",
    "usr/sbin/iptables": "legacy",
    "share/grub/grub-mkconfig_lib": "lib",
    "etc/grub.d/00_header": "header",
    "boot/grub/grub.cfg": "cfg",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/ssh/ssh_host_rsa_key": "key",
}
RENDERED = ("kubeadm.yaml", "flannel.yml", "containerd.toml")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    target, images, rendered = (tmp_path / name for name in ("target", "images", "rendered"))
    shutil.copytree(ROOTFS, target)
    for name, text in INSTALLED.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    images.mkdir()
    (images / "bzImage").write_text("kernel")
    rendered.mkdir()
    for name in RENDERED:
        (rendered / name).write_text(f"# {name}\n")
    environment = {
        "PATH": PATH,
        "BINARIES_DIR": str(images),
        "KUTTER_RENDERED": str(rendered),
        "SOURCE_DATE_EPOCH": str(EPOCH),
    }
    argv = ["sh", str(COMMON / "post-build.sh"), str(target), "pc-x86_64"]
    check(run(argv, environment), argv, environment)
    return target


def test_the_kernel_goes_with_the_root(root: Path) -> None:
    assert (root / "usr/lib/kutter/boot/linux").read_text() == "kernel"
    assert (root.parent / "images/boot.img").read_text() == "boot.img"


def test_of_grub_only_the_tool_for_its_environment_is_left(root: Path) -> None:
    left = {path.relative_to(root).as_posix() for path in root.rglob("*grub*")}
    assert left == {"usr/bin/grub-editenv"}


def test_what_the_lock_says_is_where_it_is_looked_for(root: Path) -> None:
    for name, place in zip(
        RENDERED,
        ("usr/share/kutter", "usr/share/kutter", "etc/containerd/conf.d"),
        strict=True,
    ):
        found = [path.read_text() for path in (root / place).iterdir()]
        assert f"# {name}\n" in found


def test_identity_and_keys_are_not_in_the_image(root: Path) -> None:
    assert (root / "etc/machine-id").read_text() == ""
    assert not list(root.rglob("ssh_host_*"))


def test_the_clock_is_never_before_the_release(root: Path) -> None:
    assert (root / "usr/lib/clock-epoch").stat().st_mtime == EPOCH


def test_it_knows_its_own_name(root: Path) -> None:
    lines = (root / "usr/lib/os-release").read_text().splitlines()
    assert {"ID=kutter", "VARIANT_ID=pc-x86_64", "BUILDROOT_VERSION=2025.02.16"} <= set(lines)


def test_iptables_speaks_to_nf_tables(root: Path) -> None:
    assert (root / "usr/sbin/iptables").readlink() == Path("xtables-nft-multi")


def test_every_place_that_is_mounted_over_is_there(root: Path) -> None:
    units = root / "usr/lib/systemd/system"
    places = [
        line.partition("=/")[2]
        for unit in units.glob("*.mount")
        for line in unit.read_text().splitlines()
        if line.startswith("Where=")
    ]
    made_by_buildroot = {"var", "root"}
    assert {place for place in places if not (root / place).is_dir()} == made_by_buildroot
    assert not list(root.rglob(".keep"))
