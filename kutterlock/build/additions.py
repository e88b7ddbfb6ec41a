"""What maintainer scripts would have made of an unpacked build environment, as data.

Only what a build needs: accounts, name lookup in files, Debian's alternatives, and the empty
directories that the sandbox mounts on. There is no `/etc/resolv.conf`, and nothing of the machine.
"""

from collections.abc import Mapping
from pathlib import Path

from kutterlock.adapters.disk.files import explained

DIRECTORIES = ("build", "dev", "etc", "kutter", "opt", "proc", "root", "run", "sys", "tmp",
               "usr/bin", "usr/lib", "usr/sbin", "var/tmp")  # fmt: skip

FILES: Mapping[str, str] = {
    "etc/group": "root:x:0:\nbuilder:x:1000:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "etc/passwd": (
        "root:x:0:0:root:/root:/bin/sh\n"
        "builder:x:1000:1000:builder:/build:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    ),
}

ALTERNATIVES: Mapping[str, tuple[str, ...]] = {
    "aclocal": ("aclocal-1.*",),
    "automake": ("automake-1.*",),
    "awk": ("gawk", "mawk"),
    "c++": ("g++",),
    "c89": ("c89-gcc",),
    "c99": ("c99-gcc",),
    "cc": ("gcc",),
    "faked": ("faked-sysv", "faked-tcp"),
    "fakeroot": ("fakeroot-sysv", "fakeroot-tcp"),
    "lex": ("flex",),
    "lzcat": ("xzcat",),
    "lzma": ("xz",),
    "nawk": ("gawk", "mawk"),
    "pager": ("less", "more", "cat"),
    "rsh": ("ssh",),
    "sh": ("dash", "bash"),
    "unlzma": ("unxz",),
    "which": ("which.debianutils",),
    "yacc": ("bison.yacc", "byacc"),
}
"""Names in /usr/bin and what they stand for, the first that is there; globs take the last match."""

MERGED_LINKS = ("bin", "lib", "sbin")


def lay_directories(root: Path) -> None:
    """Make the directories and the links of the merged `/usr`."""
    with explained(root):
        for name in DIRECTORIES:
            (root / name).mkdir(parents=True, exist_ok=True)
        for name in ("lib32", "lib64", "libx32"):
            if (root / "usr" / name).is_dir():
                (root / name).symlink_to(f"usr/{name}")
        for name in MERGED_LINKS:
            (root / name).symlink_to(f"usr/{name}")


def lay_additions(root: Path) -> None:
    """Write the files and the alternatives that no package brought."""
    with explained(root):
        for name, text in FILES.items():
            if not (root / name).is_symlink():
                (root / name).write_text(text)
        for name, candidates in sorted(ALTERNATIVES.items()):
            _alternative(root / "usr/bin", name, candidates)


def _alternative(directory: Path, name: str, candidates: tuple[str, ...]) -> None:
    place = directory / name
    if place.is_symlink() or place.exists():
        return
    for candidate in candidates:
        found = sorted(path.name for path in directory.glob(candidate))
        if found:
            place.symlink_to(found[-1])
            return
