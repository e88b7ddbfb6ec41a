"""The upstream that the demonstration and the tests download from, made from plain files.

`make_upstream` writes what the web would serve, one directory per host. Every file is the same
on every machine: no clock, no owner, no umask, and no compressor (gzip streams hold stored blocks
only, since what zlib makes of the same bytes differs between its versions).

After a change below miniature/sources/, `python -m tests.support.rehash` brings the .hash files
of miniature/tree/ and miniature/overlays/ up to date.
"""

import hashlib
import io
import struct
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent / "miniature"
TREE = HERE / "tree"
OVERLAYS = HERE / "overlays"
SOURCES = HERE / "sources"

MTIME = 1_788_220_800  # the release date of every package, 2026-09-01
STORED_BLOCK = 65_535  # the most that a deflate block without compression can hold

# Patch levels from 900 on are ours: no real release will ever have them.
LINUX_VERSIONS = ("6.6.900", "6.12.900", "6.12.901")
KUBERNETES_VERSIONS = ("1.36.900", "1.36.901")
KUBERNETES_PROGRAMS = ("kubeadm", "kubectl", "kubelet")
BUILDROOT_VERSIONS = ("2026.08", "2026.08.1")
POCKETBOX_VERSIONS = ("1.4.0", "1.4.1")

PLAIN_FILES = (
    "downloads.example/littleinit/littleinit-1.2-login.patch",
    "zones.example/releases/zones-2026a.tab",
)

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One source archive: URL path, top folder, and the directory under sources/ that it holds."""

    path: str
    folder: str
    source: str
    version: str


def make_upstream(destination: Path) -> dict[str, str]:
    """Write every file below `destination`; give sha256 by path, as in `host/dir/file`."""
    digests = {}
    for path, data in sorted(upstream_files().items()):
        file = destination / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        digests[path] = hashlib.sha256(data).hexdigest()
    return digests


def copy_overlay(name: str, destination: Path, *, escape: Path | None = None) -> None:
    """Copy overlay `demo` or `faults`; `escape` adds a link to that path, out of it."""
    for path, data in read_files(OVERLAYS / name).items():
        file = destination / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(mode_of(data))
    if escape is not None:
        (destination / "escape").symlink_to(escape)


def upstream_files() -> dict[str, bytes]:
    """Make every file in memory: path as in `host/dir/file`, and its bytes."""
    files = source_files()
    pocketbox = [
        hashlib.sha256(files[f"downloads.example/pocketbox/pocketbox-{version}.tar.gz"]).hexdigest()
        for version in POCKETBOX_VERSIONS
    ]
    for version in BUILDROOT_VERSIONS:
        archive = gzip_stored(tar(buildroot_tree(version, pocketbox), f"buildroot-{version}"))
        files[f"buildroot.example/downloads/buildroot-{version}.tar.gz"] = archive
    return files


def source_files() -> dict[str, bytes]:
    """Make what packages download: everything but Buildroot itself."""
    files = {release.path: _archive(release) for release in _releases()}
    files |= {path: (SOURCES / "plain" / Path(path).name).read_bytes() for path in PLAIN_FILES}
    return files | dict(_kubernetes_files())


def buildroot_tree(version: str, pocketbox_digests: Iterable[str]) -> dict[str, bytes]:
    """Read the tree as of a release; the newer one brings a newer pocketbox."""
    tree = read_files(TREE)
    if version == BUILDROOT_VERSIONS[0]:
        return tree
    old, new = POCKETBOX_VERSIONS
    _edit(tree, "Makefile", f"BR2_VERSION := {BUILDROOT_VERSIONS[0]}", f"BR2_VERSION := {version}")
    _edit(tree, "package/pocketbox/pocketbox.mk", old, new)
    _edit(tree, "package/pocketbox/pocketbox.hash", *pocketbox_digests)
    _edit(tree, "package/pocketbox/pocketbox.hash", old, new)
    return tree


def read_files(root: Path) -> dict[str, bytes]:
    """Read all files below a directory by relative path, but for what tools leave behind."""
    paths = {path.relative_to(root): path for path in sorted(root.rglob("*")) if path.is_file()}
    return {
        relative.as_posix(): path.read_bytes()
        for relative, path in paths.items()
        if not any(part.startswith((".", "__pycache__")) for part in relative.parts)
    }


def mode_of(data: bytes) -> int:
    """Derive a file's mode from its content: packaging may have lost the executable bit."""
    return 0o755 if data.startswith(b"#!") else 0o644


def tar(files: Files, folder: str) -> bytes:
    """Pack files below a top folder, in sorted order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(_with_folders(files)):
            data = files.get(name)
            info = tarfile.TarInfo(f"{folder}/{name}".rstrip("/"))
            info.mtime = MTIME
            if data is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            else:
                info.size, info.mode = len(data), mode_of(data)
            archive.addfile(info, io.BytesIO(data or b""))
    return buffer.getvalue()


def gzip_stored(data: bytes) -> bytes:
    """Wrap bytes in gzip without compressing them (RFC 1951 section 3.2.4, RFC 1952)."""
    header = b"\x1f\x8b\x08\x00" + struct.pack("<I", 0) + b"\x00\xff"
    return header + b"".join(_stored_blocks(data)) + struct.pack("<II", zlib.crc32(data), len(data))


def _stored_blocks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), STORED_BLOCK):
        block = data[start : start + STORED_BLOCK]
        is_last = start + STORED_BLOCK >= len(data)
        yield struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF) + block


def _releases() -> Iterator[Release]:
    versions: dict[str, Iterable[str]] = {
        "fault": ("1.0",),
        "libglyph": ("2.1",),
        "littleinit": ("1.2",),
        "minipatch": ("1.0",),
        "packdisk": ("0.3",),
        "pocketbox": POCKETBOX_VERSIONS,
        "worldclock": ("0.9",),
    }
    for name, each in versions.items():
        for version in each:
            yield _release(f"downloads.example/{name}", name, version)
    for version in LINUX_VERSIONS:
        series = version.partition(".")[0]
        yield _release(f"kernel.example/pub/linux/kernel/v{series}.x", "linux", version)


def _release(directory: str, name: str, version: str) -> Release:
    folder = f"{name}-{version}"
    path = f"{directory}/{folder}.tar.gz"
    return Release(path=path, folder=folder, source=name, version=version)


def _archive(release: Release) -> bytes:
    files = read_files(SOURCES / release.source)
    files["VERSION"] = f"{release.version}\n".encode()
    return gzip_stored(tar(files, release.folder))


def _kubernetes_files() -> Iterator[tuple[str, bytes]]:
    """Make the node archive of each version and architecture, and its published checksum."""
    license_text = (SOURCES / "kubernetes/LICENSE").read_bytes()
    template = (SOURCES / "kubernetes/kubeadm").read_text(encoding="utf-8")
    for version in KUBERNETES_VERSIONS:
        for arch in ("amd64", "arm64"):
            files = {"LICENSE": license_text}
            for program in KUBERNETES_PROGRAMS:
                words = {"@NAME@": program, "@VERSION@": f"v{version}", "@ARCH@": arch}
                text = template
                for mark, word in words.items():
                    text = text.replace(mark, word)
                files[f"node/bin/{program}"] = text.encode()
            data = gzip_stored(tar(files, "kubernetes"))
            path = f"dl.k8s.example/v{version}/kubernetes-node-linux-{arch}.tar.gz"
            yield path, data
            yield f"{path}.sha256", hashlib.sha256(data).hexdigest().encode()


def _with_folders(files: Files) -> set[str]:
    folders = {str(parent) for name in files for parent in Path(name).parents}
    return set(files) | {"" if folder == "." else folder for folder in folders}


def _edit(files: dict[str, bytes], name: str, old: str, new: str) -> None:
    text = files[name].decode()
    assert old in text, f"{name} has no '{old}'"
    files[name] = text.replace(old, new).encode()
