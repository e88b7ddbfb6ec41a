"""Carrying out the plan of `model.buildroot.toolchain` in a root file system being made."""

import re
from pathlib import Path

from kutterlock.adapters.disk.files import explained
from kutterlock.errors import KutterError
from kutterlock.model.buildroot.toolchain import Copy, Installed, Step, plan_toolchain

_SCRIPT_DIRECTORY = re.compile(rb"(?<![\w./-])/[^\s()]*/([^\s()/]+)")
LONGEST_SCRIPT = 1 << 16
"""No linker script is longer, in bytes."""

_BINARY = (b"\x7fELF", b"!<arch>", b"!<thin>")


def assemble_toolchain(root: Path, triplet: str, architecture: str, installed: Installed) -> None:
    """Lay out the toolchain below `root`. Raises KutterError when a package is missing."""
    try:
        steps = plan_toolchain(triplet, architecture, installed)
    except ValueError as error:
        raise KutterError(
            str(error), hint="run `kutterlock resolve`: it adds what a toolchain needs"
        ) from error
    with explained(root):
        for step in steps:
            _carry_out(root, step)


def _carry_out(root: Path, step: Step) -> None:
    place = root / step.place
    place.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(step, Copy):
        place.symlink_to(step.target)
    elif place.suffix in (".so", ".a") and not _is_binary(root / step.source):
        place.write_bytes(_SCRIPT_DIRECTORY.sub(rb"\1", (root / step.source).read_bytes()))
    else:
        place.hardlink_to(root / step.source)  # both are in the tree, which nobody writes to


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8).startswith(_BINARY) or path.stat().st_size > LONGEST_SCRIPT
