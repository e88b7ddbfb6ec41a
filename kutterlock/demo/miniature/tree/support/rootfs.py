"""Pack the target directory: ``python3 -m support.rootfs {cpio,tar} TARGET IMAGE``.

Everything belongs to root and stands in sorted order. With SOURCE_DATE_EPOCH every time is that
time; without it the files keep theirs, and two builds differ.
"""

import io
import os
import stat
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONSOLE = "dev/console"
CONSOLE_DEVICE = (5, 1)

_TAR_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One entry of an image."""

    name: str
    mode: int
    mtime: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def main() -> None:
    """Read the command line."""
    kind, target, image = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    nodes = scan(target, int(epoch) if epoch else None)
    if kind == "cpio":
        image.write_bytes(cpio(nodes))
    else:
        write_tar(nodes, image)


def scan(target: Path, epoch: int | None) -> list[Node]:
    """List the tree in the order of names, the root as '.'."""
    paths = [target, *target.rglob("*")]
    nodes = [_node(path, path.relative_to(target).as_posix(), epoch) for path in paths]
    if (target / "dev").is_dir():
        # Only root can make a device file, but anyone can write one into an archive.
        mode = stat.S_IFCHR | 0o622
        nodes.append(Node(name=CONSOLE, mode=mode, mtime=epoch or 0, device=CONSOLE_DEVICE))
    return sorted(nodes, key=lambda node: node.name)


def cpio(nodes: list[Node]) -> bytes:
    """Write the 'newc' format that kernels read."""
    return b"".join(_cpio_members(nodes))


def write_tar(nodes: list[Node], image: Path) -> None:
    """Write a plain ustar archive."""
    with tarfile.open(image, "w", format=tarfile.USTAR_FORMAT) as archive:
        for node in nodes:
            info = tarfile.TarInfo("." if node.name == "." else f"./{node.name}")
            info.type = _TAR_TYPES[stat.S_IFMT(node.mode)]
            info.mode, info.mtime = stat.S_IMODE(node.mode), node.mtime
            info.devmajor, info.devminor = node.device
            if info.issym():
                info.linkname = os.fsdecode(node.data)
            elif info.isreg():
                info.size = len(node.data)
            archive.addfile(info, io.BytesIO(node.data))


def _node(path: Path, name: str, epoch: int | None) -> Node:
    status = path.lstat()
    data = b""
    if path.is_symlink():
        data = os.fsencode(path.readlink())
    elif path.is_file():
        data = path.read_bytes()
    mtime = int(status.st_mtime) if epoch is None else epoch
    return Node(name=name, mode=status.st_mode, mtime=mtime, data=data)


def _cpio_members(nodes: list[Node]) -> Iterator[bytes]:
    trailer = Node(name="TRAILER!!!", mode=0, mtime=0)
    for inode, node in enumerate([*nodes, trailer], start=1):
        links = 2 if stat.S_ISDIR(node.mode) else 1
        name = node.name.encode() + b"\0"
        fields = [
            inode if node.mode else 0,
            node.mode,
            *(0, 0),  # root:root
            links,
            node.mtime,
            len(node.data),
            *(0, 0),  # the device that holds the file
            *node.device,
            len(name),
            0,  # a checksum that this format leaves out
        ]
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        yield _pad(header + name)
        yield _pad(node.data)


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


if __name__ == "__main__":
    main()
