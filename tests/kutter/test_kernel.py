"""The kernel's configuration as it really results: made by a real kernel source, then audited."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.process import check, run
from kutterlock.adapters.tomlfile import read_lock, write_lock
from kutterlock.catalog.reader import load_catalog
from kutterlock.cli.main import main
from kutterlock.model.buildroot.kconfig import parse_config
from kutterlock.model.digest import Digest
from kutterlock.model.lock import EnvironmentPin
from tests.support.kutter import BOARDS, OVERLAY, PATH, PROJECT, kernel_files, program_or_reason

SOURCE = "linux_6.12.107.orig.tar.xz"
SHA256 = "efc76d3c78a5d65f42724118c437d11db1c9f6309a5f024ee9a8b1978fdc6919"
CROSS = {"x86_64": "x86_64-linux-gnu-", "arm64": "aarch64-linux-gnu-"}
PAGE = PROJECT / "docs/kernel-options.md"


def call(*argv: str, directory: Path) -> None:
    variables = {"PATH": PATH, "LC_ALL": "C"}
    check(run(argv, variables, directory=directory), argv, variables)


@pytest.fixture(scope="module")
def archive() -> Path:
    mirror = Path(os.environ.get("KUTTER_TEST_MIRROR", "/nonexistent"))
    if not (mirror / SOURCE).is_file():
        pytest.skip(f"KUTTER_TEST_MIRROR names no folder with {SOURCE}")
    for name in ("flex", "bison", "xz"):
        found = program_or_reason(name)
        if isinstance(found, str):
            pytest.skip(found)
    with (mirror / SOURCE).open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256
    return mirror / SOURCE


@pytest.fixture(scope="module")
def source(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("linux")
    call("tar", "xJf", str(archive), "--strip-components=1", directory=place)
    return place


@pytest.mark.real
@pytest.mark.parametrize("board", BOARDS)
def test_every_line_is_honoured_and_nobody_misses_an_option(
    source: Path, tmp_path: Path, board: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As Buildroot makes it: the base, the fragments merged into it, then olddefconfig."""
    arch = BOARDS[board]
    compiler = program_or_reason(f"{CROSS[arch]}gcc")
    if isinstance(compiler, str):
        pytest.skip(compiler)
    base, *fragments = map(str, kernel_files(board))
    merge = ["scripts/kconfig/merge_config.sh", "-m", "-O", str(tmp_path), base, *fragments]
    call(*merge, directory=source)
    make = ("make", "-s", f"O={tmp_path}", f"ARCH={arch}", f"CROSS_COMPILE={CROSS[arch]}")
    call(*make, "olddefconfig", directory=source)
    config = str(tmp_path / ".config")
    argv = ["audit", "--strict", "--kernel", config, "--board", board, "--project", str(PROJECT)]
    assert main(argv) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [" note  AUFS_FS  missing: kubeadm"]


@pytest.mark.real
@pytest.mark.parametrize("board", BOARDS)
def test_the_command_makes_the_configuration_itself(
    archive: Path,
    tmp_path: Path,
    board: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As anyone runs it, with this machine's tools in place of the pinned environment."""
    lock = read_lock(PROJECT / "kutter.lock")
    (key,) = [key for key in lock.sources if key.startswith("linux/")]
    linux = lock.sources[key]._replace(digest=Digest.parse(f"sha256:{SHA256}"))
    host = EnvironmentPin(kind="host", architecture="amd64")
    store = Store(tmp_path / "store")
    store.add_file(archive, linux.digest)
    changed = lock._replace(sources={**lock.sources, key: linux}, environment=host)
    write_lock(tmp_path / "kutter.lock", changed)
    shutil.copy(PROJECT / "kutter.toml", tmp_path)
    shutil.copytree(OVERLAY, tmp_path / "overlays/kutter")
    monkeypatch.setenv("KUTTER_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("KUTTER_CACHE", str(tmp_path / "cache"))
    argv = ["audit", "--strict", "--kernel", "--board", board, "--project", str(tmp_path)]
    assert main(argv) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{linux.path.name} configured for {board}: {tmp_path}/cache/")
    assert said[-1] == " note  AUFS_FS  missing: kubeadm"
    (made,) = (tmp_path / "cache/kernel-configs").iterdir()
    options = parse_config(made.read_text())
    assert options["CONFIG_VXLAN"] == "y"
    assert options.get("CONFIG_ARM64", "n") == ("n" if board == "pc-x86_64" else "y")


def rows() -> list[str]:
    """Return the table of the page, as the catalog and the configuration files have it."""
    needs = load_catalog().kernel_needs
    asked = {path: parse_config(path.read_text()) for path in kernel_files("pc-x86_64")}
    found = []
    for option in sorted({o for need in needs for o in (*need.required, *need.optional)}):
        by = [f"**{need.name}**" for need in needs if option in need.required]
        by += [need.name for need in needs if option in need.optional]
        keys = [f"CONFIG_{name}" for name in option.split("|")]
        where = [path.name for path, config in asked.items() if any(key in config for key in keys)]
        found.append(f"| `{option}` | {', '.join(by)} | {', '.join(where) or '-'} |")
    return found


def test_the_page_says_the_same() -> None:
    lines = PAGE.read_text().splitlines()
    assert [line for line in lines if line.startswith("| `")] == rows()


def test_every_option_that_somebody_needs_is_asked_for_by_name() -> None:
    """None is left to a default that a newer kernel may change; AUFS is not in Linux."""
    assert [row for row in rows() if row.endswith("| - |")] == ["| `AUFS_FS` | kubeadm | - |"]
