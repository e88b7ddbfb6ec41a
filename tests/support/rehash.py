"""Bring the .hash files up to date with sources/; `--check` only tells whether they are."""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from kutterlock.demo import upstream

DOWNLOADS = "downloads.example"
LICENSE = (upstream.SOURCES / "linux/LICENSE").read_bytes()

# What each .hash file vouches for. What is missing here is missing on purpose.
VOUCHED = {
    "tree/linux/linux.hash": ["kernel.example/pub/linux/kernel/v6.x/linux-6.12.900.tar.gz"],
    "tree/package/libglyph/libglyph.hash": [f"{DOWNLOADS}/libglyph/libglyph-2.1.tar.gz"],
    "tree/package/littleinit/littleinit.hash": [
        f"{DOWNLOADS}/littleinit/littleinit-1.2.tar.gz",
        f"{DOWNLOADS}/littleinit/littleinit-1.2-login.patch",
    ],
    "tree/package/minipatch/minipatch.hash": [f"{DOWNLOADS}/minipatch/minipatch-1.0.tar.gz"],
    "tree/package/packdisk/packdisk.hash": [f"{DOWNLOADS}/packdisk/packdisk-0.3.tar.gz"],
    "tree/package/pocketbox/pocketbox.hash": [f"{DOWNLOADS}/pocketbox/pocketbox-1.4.0.tar.gz"],
    "tree/package/worldclock/worldclock.hash": [
        f"{DOWNLOADS}/worldclock/worldclock-0.9.tar.gz",
        "zones.example/releases/zones-2026a.tab",
    ],
    **{
        f"overlays/faults/package/{name}/{name}.hash": [f"{DOWNLOADS}/fault/fault-1.0.tar.gz"]
        for name in ("fault-build", "fault-clock", "fault-network")
    },
}
SHA512_ONLY = "libglyph"


def main() -> int:
    """Write or check; give the exit code."""
    files = upstream.source_files()
    stale = []
    for name, paths in VOUCHED.items():
        path = upstream.HERE / name
        text = hash_text(paths, files)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    print(*stale, sep="\n", end="\n" if stale else "")
    return 1 if stale and "--check" in sys.argv else 0


def hash_text(paths: Iterable[str], files: upstream.Files) -> str:
    """Render a .hash file, with the licence's hash that legal-info wants."""
    text = "# Computed by rehash.py\n"
    for path in paths:
        algorithm = "sha512" if SHA512_ONLY in path else "sha256"
        digest = hashlib.new(algorithm, files[path]).hexdigest()
        text += f"{algorithm}  {digest}  {Path(path).name}\n"
    return text + f"\n# Licence\nsha256  {hashlib.sha256(LICENSE).hexdigest()}  LICENSE\n"


if __name__ == "__main__":
    sys.exit(main())
