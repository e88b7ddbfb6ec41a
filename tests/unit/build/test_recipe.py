"""The recipe: every argv, environment and text as a value."""

import pytest

from kutterlock.build import recipe
from kutterlock.errors import ManifestError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import OverridePin, SourcePin, Trust
from kutterlock.model.paths import RelativePath
from kutterlock.model.sandbox.plan import Place

MAKE = ("make", "-C", "/kutter/buildroot", "--no-print-directory")
NOT_PLAIN = "letters, digits and . _ + ~ : / @ % = , - are allowed"


def versions(**changes: object) -> recipe.Versions:
    values: dict[str, object] = {
        "arch": "aarch64",
        "inputs": {"linux": "6.12.104", "containerd": "2.3.4", "cni-plugins": "1.9.1"},
        "overrides": {},
    }
    return recipe.Versions(**{**values, **changes})  # type: ignore[arg-type]


def source(path: str, packages: tuple[str, ...], digest: Digest | None = None) -> SourcePin:
    return SourcePin(
        key=path, path=RelativePath(path), digest=digest or Digest.of(path.encode()), urls=(),
        trust=Trust(level="catalog"), packages=packages,
    )  # fmt: skip


def test_configure() -> None:
    assert recipe.configure_argv(["kutter", "site/lab"]) == (
        *MAKE, "O=/build/out", "BR2_EXTERNAL=/kutter/overlays/kutter:/kutter/overlays/site/lab",
        "BR2_DEFCONFIG=/kutter/defconfig", "defconfig",
    )  # fmt: skip


def test_show_info_keeps_standard_output_apart() -> None:
    assert recipe.show_info_argv([], build_path="/elsewhere") == (
        "/bin/sh", "-c", 'exec "$@" >"$0"', "/elsewhere/show-info",
        *MAKE, "O=/elsewhere/out", "BR2_EXTERNAL=", "-s", "show-info", "printvars",
        "VARS=%_OVERRIDE_SRCDIR",
    )  # fmt: skip


def test_build_takes_nothing_but_the_vendored_files() -> None:
    assert recipe.build_argv(["kutter"], jobs=4) == (
        *MAKE, "O=/build/out", "BR2_EXTERNAL=/kutter/overlays/kutter",
        "BR2_PRIMARY_SITE=file:///kutter/dl", "BR2_PRIMARY_SITE_ONLY=y", "BR2_JLEVEL=4", "all",
    )  # fmt: skip


def test_build_of_named_goals() -> None:
    assert recipe.build_argv([], jobs=1, goals=["source", "legal-info"])[-2:] == (
        "source", "legal-info",
    )  # fmt: skip


def test_environment_is_literal_and_whole() -> None:
    assert recipe.environment(1767225600, Place(build_path="/b", timezone="Asia/Tokyo")) == (
        ("GIT_DIR", "/nonexistent"),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
        ("HOME", "/b/home"),
        ("LC_ALL", "C"),
        ("LOGNAME", "builder"),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("SHELL", "/bin/sh"),
        ("SOURCE_DATE_EPOCH", "1767225600"),
        ("TERM", "dumb"),
        ("TZ", "Asia/Tokyo"),
        ("USER", "builder"),
    )


def test_makefile_names_every_input_and_overrides_what_buildroot_packages() -> None:
    assert (
        recipe.makefile_text(versions(), ["kutter"])
        == """\
# Written by kutterlock from kutter.lock: do not edit.

KUTTER_ARCH = aarch64
KUTTER_GOARCH = arm64
KUTTER_CNI_PLUGINS_VERSION = 1.9.1
KUTTER_CONTAINERD_VERSION = 2.3.4
KUTTER_LINUX_VERSION = 6.12.104
override CNI_PLUGINS_VERSION = 1.9.1
override CONTAINERD_VERSION = 2.3.4
-include /kutter/overlays/kutter/override.mk
"""
    )


def test_makefile_overrides_pinned_packages() -> None:
    pins = {
        "libopenssl": OverridePin(
            name="libopenssl", version="3.4.5", url="https://example.org/a/openssl-3.4.5.tar.gz"
        ),
        "containerd": OverridePin(name="containerd", version="2.3.5"),
        "runc": OverridePin(name="runc", url="https://example.org/runc.tar.xz"),
    }
    inputs = {"containerd": "2.3.4", "runc": "1.4.0"}
    assert recipe.makefile_text(versions(overrides=pins, inputs=inputs), []).splitlines()[6:] == [
        "override RUNC_VERSION = 1.4.0",
        "override CONTAINERD_VERSION = 2.3.5",
        "override LIBOPENSSL_VERSION = 3.4.5",
        "override LIBOPENSSL_SITE = https://example.org/a",
        "override LIBOPENSSL_SITE_METHOD = https",
        "override LIBOPENSSL_SOURCE = openssl-3.4.5.tar.gz",
        "override RUNC_SITE = https://example.org",
        "override RUNC_SITE_METHOD = https",
        "override RUNC_SOURCE = runc.tar.xz",
    ]


@pytest.mark.parametrize(
    "value",
    ["1.2\nall:;id", "$(shell id)", "1 2", "1#2", "a\\b", "x;id", "`id`", "a&b", "'", '"', "1\n"],
)
def test_no_value_can_carry_make_or_shell_code(value: str) -> None:
    pins = (
        OverridePin(name="zlib", version=value),
        OverridePin(name="zlib", url=f"https://h/{value}/f"),
    )
    for made in (
        versions(inputs={"linux": value}),
        versions(arch=value),
        *(versions(overrides={"zlib": pin}) for pin in pins),
    ):
        with pytest.raises(ManifestError) as caught:
            recipe.makefile_text(made, [])
        assert caught.value.reason.endswith(", which a makefile could read as something else")
        assert caught.value.hint == NOT_PLAIN


@pytest.mark.parametrize("name", ["zlib = 1\nx", "$(x)", "", "Zlib", "a b", "../x", "-x"])
def test_no_name_can_carry_make_code(name: str) -> None:
    with pytest.raises(ManifestError) as caught:
        recipe.make_name(name)
    assert caught.value.reason == f"{name!r} is not the name of a Buildroot package"


def test_make_names_are_buildroots() -> None:
    assert recipe.make_name("python-pyyaml.x") == "PYTHON_PYYAML_X"


def test_defconfig_gets_the_generated_lines_last() -> None:
    board = 'BR2_x86_64=y\nBR2_GLOBAL_PATCH_DIR="a/patches  b/patches"'
    assert (
        recipe.defconfig_text(board, linux="6.12.104", kind="host")
        == """\
BR2_x86_64=y
BR2_GLOBAL_PATCH_DIR="a/patches  b/patches"

# Added by kutterlock
BR2_DL_DIR="/kutter/dl"
BR2_DOWNLOAD_FORCE_CHECK_HASHES=y
BR2_GLOBAL_PATCH_DIR="a/patches b/patches /kutter/hashes"
BR2_PACKAGE_OVERRIDE_FILE="/kutter/kutter.mk"
BR2_REPRODUCIBLE=y
BR2_FORCE_HOST_BUILD=y
"""
    )


def test_defconfig_pins_a_custom_kernel_only() -> None:
    def text(board: str, linux: str | None) -> str:
        return recipe.defconfig_text(board, linux=linux, kind="debian")

    custom = "BR2_LINUX_KERNEL_CUSTOM_VERSION=y\n"
    line = 'BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE="6.12.104"\n'
    assert text(custom, "6.12.104").endswith(line)
    assert line not in text(custom, None)
    assert line not in text("BR2_LINUX_KERNEL_LATEST_VERSION=y\n", "6.12.104")
    assert line not in text("# BR2_LINUX_KERNEL_CUSTOM_VERSION is not set\n", "6.12.104")


def test_defconfig_with_an_override_file_of_its_own_is_refused() -> None:
    with pytest.raises(ManifestError) as caught:
        recipe.defconfig_text('BR2_PACKAGE_OVERRIDE_FILE="l.mk"', linux=None, kind="host")
    assert caught.value.reason == (
        "the defconfig sets BR2_PACKAGE_OVERRIDE_FILE, which kutterlock needs for itself"
    )
    assert caught.value.hint == "pin versions with [packages.NAME] in kutter.toml"


def test_every_package_gets_a_hash_file() -> None:
    long = Digest.of(b"x", "sha512")
    texts = recipe.hash_texts(
        [
            source("gcc/gcc-13.tar.xz", ("gcc-final", "gcc-initial")),
            source("gcc/one.patch", ("gcc-final",), long),
        ]
    )
    header = "# Written by kutterlock from kutter.lock: do not edit.\n"
    line = f"sha256  {Digest.of(b'gcc/gcc-13.tar.xz').hex}  gcc-13.tar.xz\n"
    assert texts == {
        "gcc-final": f"{header}{line}sha512  {long.hex}  one.patch\n",
        "gcc-initial": f"{header}{line}",
    }


def test_hash_files_hold_no_name_with_a_blank() -> None:
    with pytest.raises(ManifestError) as caught:
        recipe.hash_texts([source("x/a b", ("x",))])
    assert caught.value.reason == ("source 'x/a b' has a file name that no .hash file can hold")


@pytest.mark.parametrize("name", ["a:b", "a b", "$(x)", ""])
def test_overlays_that_br2_external_cannot_hold(name: str) -> None:
    with pytest.raises(ManifestError) as caught:
        recipe.overlay_path(name)
    assert caught.value.reason == f"overlay {name!r} has a name that BR2_EXTERNAL cannot hold"
