"""Merge one directory into another: ``python3 -m support.copytree SOURCE TARGET``.

Links stay links, modes become what a root file system wants, and what only version control and
editors care about stays behind.
"""

import shutil
import sys
from pathlib import Path

LEFT_BEHIND = {".git", ".svn", ".hg", ".bzr", "CVS", ".empty"}
EXECUTABLE = 0o111


def main() -> None:
    """Read the command line."""
    merge(Path(sys.argv[1]), Path(sys.argv[2]))


def merge(source: Path, target: Path) -> None:
    """Copy everything below ``source``; what is there already is replaced."""
    target.mkdir(parents=True, exist_ok=True)
    for item in sorted(source.iterdir()):
        if item.name in LEFT_BEHIND or item.name.endswith("~"):
            continue
        copy = target / item.name
        if item.is_dir() and not item.is_symlink():
            merge(item, copy)
            continue
        copy.unlink(missing_ok=True)
        shutil.copy2(item, copy, follow_symlinks=False)
        if not item.is_symlink():
            copy.chmod(0o755 if item.stat().st_mode & EXECUTABLE else 0o644)


if __name__ == "__main__":
    main()
