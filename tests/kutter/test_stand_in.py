"""examples/stand-in and stand-in-arm64 are the real system but for what is listed here."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from kutterlock.adapters.tomlfile import read_lock, read_manifest
from kutterlock.resolve.staleness import require_current
from tests.support.images import Blobs
from tests.support.kutter import OVERLAY, PROJECT
from tests.support.stand_in import EXAMPLE, EXAMPLES, IMAGES, image, write_project

CONFIGS = EXAMPLE / "overlays/stand-in/configs"
DEFCONFIGS = {
    "stand-in": ("kutter_pc_x86_64_defconfig", "stand_in_defconfig"),
    "stand-in-arm64": ("kutter_qemu_aarch64_defconfig", "stand_in_arm64_defconfig"),
}
"""Of each example: the real one, and its own."""

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
}
LEFT_OUT_ON_PC = {
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
DEBIAN = {"cni-plugins-bin", "containerd-bin", "kubernetes", "runc-bin"}
"""Packages that are Debian's programs: another file for each architecture."""
MORE_TOOLS = {"-g++-aarch64-linux-gnu", "device-tree-compiler", "libgnutls28-dev"}


def manifest(example: str) -> dict[str, Any]:
    return tomllib.loads((PROJECT / "examples" / example / "kutter.toml").read_text())


@pytest.mark.parametrize("example", EXAMPLES)
def test_its_defconfig_is_the_real_one_but_for_this(example: str) -> None:
    theirs, ours = DEFCONFIGS[example]
    real = set((OVERLAY / "configs" / theirs).read_text().splitlines())
    mine = set((CONFIGS / ours).read_text().replace(FRAGMENT, "").splitlines())
    differing = {line for line in mine - real if not line.startswith("# ") or "not set" in line}
    toolchain = {line for line in differing if "BR2_TOOLCHAIN_EXTERNAL" in line}
    left_out = LEFT_OUT | (LEFT_OUT_ON_PC if example == "stand-in" else set())
    assert {line for line in real - mine if not line.startswith("#")} == left_out
    assert differing - toolchain == ADDED


def test_the_one_for_arm64_differs_from_the_other_in_this_only() -> None:
    theirs, mine = manifest("stand-in"), manifest("stand-in-arm64")
    assert mine["inputs"] == theirs["inputs"]
    tools = [set(one["build-environment"]["packages"]) for one in (theirs, mine)]
    assert tools[1] == tools[0] | MORE_TOOLS
    for name in DEBIAN:
        one = theirs["packages"].pop(name)
        url = one["url"].replace("_amd64.deb", "_arm64.deb")
        sha256 = mine["packages"][name]["sha256"]
        assert sha256 != one["sha256"]
        assert mine["packages"].pop(name) == one | {"url": url, "sha256": sha256}
    del theirs["packages"]["acpid"], mine["packages"]["uboot"]
    assert mine["packages"] == theirs["packages"]


def test_every_deb_has_a_hash_for_each_architecture() -> None:
    folder = EXAMPLE / "overlays/stand-in/package/stand-in-debs"
    hashes = (folder / "stand-in-debs.hash").read_text()
    names = re.findall(r"main/\S+/([^/_]+)_", (folder / "stand-in-debs.mk").read_text())
    assert len(names) == 20
    for arch in ("amd64", "arm64"):
        assert sorted(re.findall(rf"  ([^\s_]+)_\S+_{arch}\.deb", hashes)) == sorted(names)


def test_its_kernel_leaves_out_drivers_and_changes_nothing_else() -> None:
    text = (EXAMPLE / "overlays/stand-in/board/stand-in/linux.config").read_text()
    settings = [line for line in text.splitlines() if "CONFIG" in line]
    assert len(settings) > 20
    assert all(line.startswith("# CONFIG_") and "is not set" in line for line in settings)


@pytest.mark.parametrize("example", EXAMPLES)
def test_its_images_have_the_names_of_the_real_lock_and_known_digests(example: str) -> None:
    assert sorted(IMAGES) == sorted(read_lock(PROJECT / "kutter.lock").images)
    blobs = Blobs()
    found = [f"{name}@{image(blobs, name, EXAMPLES[example])['digest']}" for name in IMAGES]
    assert manifest(example)["images"]["extra"] == found


@pytest.mark.parametrize("example", EXAMPLES)
def test_its_lock_says_what_its_manifest_and_the_real_overlay_say(
    example: str, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "project", example)
    wanted, lock = read_manifest(project / "kutter.toml"), read_lock(project / "kutter.lock")
    require_current(wanted, lock, project)
