"""The coreutils command in docs/formats.md gives the digest that kutterlock gives."""

import re
import subprocess
from pathlib import Path

import pytest

from kutterlock.adapters.files import digest_tree

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
    block = re.search(
        r"((?:^    .*\n)+)", DOCUMENT.read_text().split("With coreutils:")[1], re.MULTILINE
    )
    assert block is not None
    done = subprocess.run(
        ["bash", "-c", block[1]], cwd=tmp_path, capture_output=True, check=True, text=True
    )
    assert done.stdout.split()[0] == digest_tree(tree).hex
