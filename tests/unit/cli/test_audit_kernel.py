"""`audit --kernel`: a .config against what runs on a node, and against what its board asked for."""

import json
from pathlib import Path

import pytest

from kutterlock.catalog.reader import load_catalog
from kutterlock.cli.main import main
from kutterlock.model.buildroot.kconfig import parse_config
from kutterlock.resolve.kernel import base_of

MANIFEST = """\
[project]
name = "demo"
[inputs]
buildroot = "*"
[boards.pc]
arch = "x86_64"
overlays = ["own"]
defconfig = "pc_defconfig"
"""
DEFCONFIG = """\
BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE="$(BR2_EXTERNAL_OWN_PATH)/board/base.config"
BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES="$(BR2_EXTERNAL_OWN_PATH)/board/pc.config"
"""


def everything() -> dict[str, str]:
    """Return a configuration that has all that anybody asks for, the first of each `A|B`."""
    needs = load_catalog().kernel_needs
    options = {option for need in needs for option in (*need.required, *need.optional)}
    return {f"CONFIG_{option.split('|')[0]}": "y" for option in options}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "kutter.toml").write_text(MANIFEST)
    own = tmp_path / "overlays/own"
    (own / "configs").mkdir(parents=True)
    (own / "external.desc").write_text("name: OWN\n")
    (own / "board").mkdir()
    (own / "configs/pc_defconfig").write_text(DEFCONFIG)
    (own / "board/base.config").write_text("CONFIG_NVME=y\nCONFIG_SOUND=y\n")
    (own / "board/pc.config").write_text("# CONFIG_SOUND is not set\n")
    return tmp_path


def audit(project: Path, config: dict[str, str], *options: str) -> int:
    text = "".join(f"{key}={value}\n" for key, value in sorted(config.items()))
    (project / "config").write_text(text)
    file = str(project / "config")
    return main(["audit", "--kernel", file, "--project", str(project), *options])


def test_a_kernel_that_has_all_passes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(project, everything(), "--strict") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1:] == [" none is missing"]


def test_what_is_missing_is_named_with_who_needs_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = everything() | {"CONFIG_OVERLAY_FS": "m"}
    for option in ("VXLAN", "PSI"):
        del config[f"CONFIG_{option}"]
    assert audit(project, config) == 0
    assert audit(project, config, "--strict") == 12
    out = capsys.readouterr().out
    assert " FAILS  VXLAN  missing: flannel\n" in out
    assert " note   PSI    missing: cgroup-v2, systemd\n" in out
    assert "OVERLAY_FS" not in out


def test_json_has_every_option(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = everything() | {"CONFIG_VXLAN": "m"}
    assert audit(project, config, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    vxlan = next(row for row in found["options"] if row["option"] == "VXLAN")
    assert vxlan == {
        "option": "VXLAN", "value": "m", "needed-by": ["flannel"], "wanted-by": [],
    }  # fmt: skip
    assert found["failures"] == []


def test_one_of_two_names_is_enough(project: Path) -> None:
    config = everything()
    del config["CONFIG_NETFILTER_XT_TARGET_REDIRECT"]
    config["CONFIG_IP_NF_TARGET_REDIRECT"] = "y"
    assert audit(project, config, "--strict") == 0


def test_what_the_board_asked_for_must_be_there(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(project, everything() | {"CONFIG_NVME": "y"}, "--board", "pc") == 0
    assert audit(project, everything(), "--board", "pc") == 2
    assert capsys.readouterr().err.splitlines()[:2] == [
        "error: this kernel does not honour one line of board pc",
        "  line 1: CONFIG_NVME=y: not in .config",
    ]


def test_comments_need_not_be_utf_8(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = project / "overlays/own"
    for name in ("external.desc", "configs/pc_defconfig", "board/base.config"):
        with (own / name).open("ab") as file:
            file.write(b"# gr\xfcn\n")
    assert audit(project, everything(), "--board", "pc") == 2
    assert capsys.readouterr().err.splitlines()[:2] == [
        "error: this kernel does not honour one line of board pc",
        "  line 1: CONFIG_NVME=y: not in .config",
    ]


def test_an_unknown_board_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(project, {}, "--board", "tower") == 2
    assert capsys.readouterr().err == "error: kutter.toml has no board 'tower'\nhint: known: pc\n"


def test_a_board_alone_says_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--board", "pc", "--project", str(project)]) == 2
    assert capsys.readouterr().err == (
        "error: --board says whose kernel it is\nhint: add --kernel [CONFIG]\n"
    )


def test_a_kernel_of_nobody_cannot_be_made(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "--kernel", "--project", str(project)]) == 2
    assert capsys.readouterr().err == (
        "error: whose kernel?\nhint: name a board with --board, or a CONFIG\n"
    )


def test_a_file_of_no_overlay_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    defconfig = project / "overlays/own/configs/pc_defconfig"
    defconfig.write_text('BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE="board/x86_64.config"\n')
    assert audit(project, everything(), "--board", "pc") == 2
    assert capsys.readouterr().err == (
        "error: board/x86_64.config: no overlay of board 'pc' has this file\n"
    )


@pytest.mark.parametrize(
    ("defconfig", "base"),
    [
        (DEFCONFIG, ""),
        ('BR2_LINUX_KERNEL_DEFCONFIG="bcm2711"\n', "bcm2711_defconfig"),
        ("BR2_LINUX_KERNEL_USE_ARCH_DEFAULT_CONFIG=y\n", "defconfig"),
    ],
)
def test_what_a_configuration_starts_from(defconfig: str, base: str) -> None:
    assert base_of(parse_config(defconfig), "aarch64") == base
