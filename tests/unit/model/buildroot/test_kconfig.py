"""Defconfigs compared with the `.config` that Kconfig made of them."""

import pytest

from kutterlock.errors import ManifestError
from kutterlock.model.buildroot.kconfig import check_honoured, parse_config, requests

HINT = (
    "the option is misspelt, of another Buildroot version, or something that it depends on is "
    "not set; `make menuconfig` in `kutterlock shell` shows which"
)
CONFIG = """\
#
# Automatically generated file; DO NOT EDIT.
# Buildroot 2025.02.16 Configuration
#
BR2_A=y
# BR2_B is not set
BR2_TEXT="two words"
BR2_SIZE=0x10
BR2_DEFCONFIG="/kutter/defconfig"
"""


def test_parse_config() -> None:
    assert parse_config(CONFIG) == {
        "BR2_A": "y",
        "BR2_B": "n",
        "BR2_TEXT": '"two words"',
        "BR2_SIZE": "0x10",
        "BR2_DEFCONFIG": '"/kutter/defconfig"',
    }


@pytest.mark.parametrize(
    "line",
    [
        "BR2_A=y",
        "BR2_B=n",
        "# BR2_B is not set",
        "# BR2_NEVER_HEARD_OF is not set",
        'BR2_TEXT="two words"',
        "BR2_SIZE=16",
        "BR2_A=n\nBR2_A=y",
        'BR2_DEFCONFIG="$(CONFIG_DIR)/defconfig"',
        "# just words",
        "",
    ],
)
def test_honoured(line: str) -> None:
    check_honoured(line, parse_config(CONFIG), "pc_defconfig")


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("BR2_C=y", "line 1: BR2_C=y: not in .config"),
        ("BR2_B=y", "line 1: BR2_B=y: .config has # BR2_B is not set"),
        ("\n# BR2_A is not set", "line 2: # BR2_A is not set: .config has BR2_A=y"),
        ('BR2_TEXT=""', 'line 1: BR2_TEXT="": .config has BR2_TEXT="two words"'),
        ("BR2_SIZE=17", "line 1: BR2_SIZE=17: .config has BR2_SIZE=0x10"),
        ('BR2_NONE=""', 'line 1: BR2_NONE="": not in .config'),
        ("BR2_A=y\nBR2_A=n", "line 2: # BR2_A is not set: .config has BR2_A=y"),
    ],
)
def test_dropped(line: str, detail: str) -> None:
    with pytest.raises(ManifestError) as caught:
        check_honoured(line, parse_config(CONFIG), "pc_defconfig")
    assert caught.value.reason == "Buildroot does not honour one line of pc_defconfig"
    assert caught.value.details == (detail,)
    assert caught.value.hint == HINT


def test_all_dropped_lines_are_listed() -> None:
    with pytest.raises(ManifestError) as caught:
        check_honoured("BR2_X=y\nBR2_Y=y\n", {}, "d")
    assert caught.value.reason == "Buildroot does not honour 2 lines of d"
    assert len(caught.value.details) == 2


def test_removed_options_are_refused() -> None:
    config = {"BR2_OLD": "y", "BR2_LEGACY": "y"}
    with pytest.raises(ManifestError) as caught:
        check_honoured("BR2_OLD=y\n", config, "d")
    assert caught.value.details == ("BR2_LEGACY=y: it uses options that Buildroot has removed",)


def test_lines_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ManifestError) as caught:
        requests("BR2_A=y\nBR2_PACKAGE_ZLIB\n")
    assert caught.value.reason == "the defconfig has lines that Kconfig ignores"
    assert caught.value.details == ("line 2: BR2_PACKAGE_ZLIB",)
