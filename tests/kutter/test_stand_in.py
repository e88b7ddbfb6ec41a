"""examples/stand-in is the real system but for what is listed here."""

import tomllib
from pathlib import Path

from kutterlock.adapters.tomlfile import read_lock, read_manifest
from kutterlock.resolve.staleness import require_current
from tests.support.images import Blobs
from tests.support.kutter import OVERLAY, PROJECT
from tests.support.stand_in import EXAMPLE, IMAGES, image, write_project

REAL = OVERLAY / "configs/kutter_pc_x86_64_defconfig"
STAND_IN = EXAMPLE / "overlays/stand-in/configs/stand_in_defconfig"

LEFT_OUT = {
    # Buildroot's toolchain: its sources cannot be had
    "BR2_TOOLCHAIN_BUILDROOT_GLIBC=y",
    "BR2_TOOLCHAIN_BUILDROOT_CXX=y",
    "BR2_KERNEL_HEADERS_AS_KERNEL=y",
    "BR2_PACKAGE_HOST_LINUX_HEADERS_CUSTOM_6_12=y",
    "BR2_GCC_VERSION_13_X=y",
    # the version is pinned as a package's
    "BR2_LINUX_KERNEL_CUSTOM_VERSION=y",
    'BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE="6.12"',
    # no source: Debian's programs
    "BR2_PACKAGE_CONNTRACK_TOOLS=y",
    "BR2_PACKAGE_IPSET=y",
    "BR2_PACKAGE_IPTABLES=y",
    "BR2_PACKAGE_IPTABLES_NFTABLES=y",
    "BR2_PACKAGE_NFTABLES=y",
    # nothing: a program of our own
    "BR2_PACKAGE_CRICTL=y",
    # firmware of hardware that QEMU does not have
    "BR2_PACKAGE_INTEL_MICROCODE=y",
    "BR2_PACKAGE_LINUX_FIRMWARE=y",
    "BR2_PACKAGE_LINUX_FIRMWARE_BNX2=y",
    "BR2_PACKAGE_LINUX_FIRMWARE_BNX2X=y",
    "BR2_PACKAGE_LINUX_FIRMWARE_INTEL_ICE=y",
    "BR2_PACKAGE_LINUX_FIRMWARE_RTL_8169=y",
}
ADDED = {"BR2_PACKAGE_STAND_IN_CRICTL=y", "BR2_PACKAGE_STAND_IN_DEBS=y"}
FRAGMENT = " $(BR2_EXTERNAL_STAND_IN_PATH)/board/stand-in/linux.config"


def test_its_defconfig_is_the_real_one_but_for_this() -> None:
    real = set(REAL.read_text().splitlines())
    mine = set(STAND_IN.read_text().replace(FRAGMENT, "").splitlines())
    differing = {line for line in mine - real if not line.startswith("# ") or "not set" in line}
    toolchain = {line for line in differing if "BR2_TOOLCHAIN_EXTERNAL" in line}
    assert {line for line in real - mine if not line.startswith("#")} == LEFT_OUT
    assert differing - toolchain == ADDED


def test_its_kernel_leaves_out_drivers_and_changes_nothing_else() -> None:
    text = (EXAMPLE / "overlays/stand-in/board/stand-in/linux.config").read_text()
    settings = [line for line in text.splitlines() if "CONFIG" in line]
    assert len(settings) > 20
    assert all(line.startswith("# CONFIG_") and "is not set" in line for line in settings)


def test_its_images_have_the_names_of_the_real_lock_and_known_digests() -> None:
    assert sorted(IMAGES) == sorted(read_lock(PROJECT / "kutter.lock").images)
    extra = tomllib.loads((EXAMPLE / "kutter.toml").read_text())["images"]["extra"]
    blobs = Blobs()
    assert extra == [f"{name}@{image(blobs, name)['digest']}" for name in IMAGES]


def test_its_lock_says_what_its_manifest_and_the_real_overlay_say(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project")
    manifest, lock = read_manifest(project / "kutter.toml"), read_lock(project / "kutter.lock")
    require_current(manifest, lock, project)
