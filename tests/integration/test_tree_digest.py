"""The coreutils command in docs/formats.md gives the digest that kutterlock gives."""

import re
import subprocess
from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import digest_tree
from kutterlock.adapters.disk.roottree import digest_root, seal

DOCUMENT = Path(__file__).parents[2] / "docs/formats.md"


@pytest.mark.integration
def test_the_documented_command_gives_the_same_digest(tmp_path: Path) -> None:
    tree = tmp_path / "overlays/kutter"
    (tree / "sub dir").mkdir(parents=True)
    (tree / "sub dir/file").write_bytes(b"data")
    (tree / "script").write_bytes(b"#!/bin/sh\n")
    (tree / "script").chmod(0o755)
    (tree / "link").symlink_to("sub dir/file")
    (tree / ".git").mkdir()
    (tree / ".git/ignored").write_bytes(b"x")
    assert documented(1, tmp_path) == digest_tree(tree).hex


@pytest.mark.integration
def test_the_documented_command_gives_the_digest_of_an_environment(tmp_path: Path) -> None:
    root = tmp_path / "environments/0/root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/tool").write_bytes(b"data")
    (root / "usr/bin/tool").chmod(0o755)
    (root / "usr/file").write_bytes(b"data")
    (root / "bin").symlink_to("/usr/bin")
    seal(root)
    assert documented(2, tmp_path) == digest_root(root).hex


def documented(number: int, directory: Path) -> str:
    """Run the command of the document and return the digest that it prints."""
    text = DOCUMENT.read_text().split("With coreutils:")[number]
    block = re.search(r"((?:^    .*\n)+)", text, re.MULTILINE)
    assert block is not None
    done = subprocess.run(
        ["bash", "-c", block[1]], cwd=directory, capture_output=True, check=True, text=True
    )
    return done.stdout.split()[0]
