"""Sets kutterlock up from a bundle: `python3 bootstrap.py DIR VOLUME...`. Needs Python 3.11 alone.

Run it after the bundle was checked by hand (docs/air-gap.md has the commands): this file comes with
the bundle, so it proves nothing. It holds each wheel against the digest in `bundle.json`, unpacks
those that fit this Python into DIR/lib, and writes DIR/kutterlock.
"""

import hashlib
import io
import json
import platform
import re
import sys
import tarfile
import zipfile
from pathlib import Path

LARGEST_WHEEL = 1 << 28
LAUNCHER = """\
#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd) || exit 1
exec "{python}" -I -S -c '
import sys
sys.path.insert(0, sys.argv.pop(1) + "/lib")
from kutterlock.cli.main import main
sys.argv[0] = "kutterlock"
sys.exit(main())
' "$here" "$@"
"""


def main(words: list[str]) -> str:
    """Set it up, and return what to tell the user."""
    if len(words) < 2:
        return "usage: python3 bootstrap.py DIR VOLUME..."
    if sys.version_info < (3, 11):  # noqa: UP036 -- it runs on any Python, to say so
        return "kutterlock needs Python 3.11 or newer"
    target = Path(words[0])
    found: dict[str, bytes] = {}
    wanted: dict[str, str] = {}
    for volume in words[1:]:
        read_volume(Path(volume), wanted, found)
    fitting = sorted(name for name in wanted if fits(name))
    wheels = {name: whole(wanted[name], found) for name in fitting}
    missing = [name for name in fitting if not wheels[name]]
    if missing or not fitting:
        return f"not in these volumes: {', '.join(missing) or 'kutterlock'} (name all, or the base)"
    (target / "lib").mkdir(parents=True, exist_ok=True)
    for data in wheels.values():
        unpack(data, target / "lib")
    launcher = target / "kutterlock"
    launcher.write_text(LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o755)
    print(f"{launcher}: {len(wheels)} wheels unpacked")
    return ""


def read_volume(path: Path, wanted: dict[str, str], found: dict[str, bytes]) -> None:
    """Take tools, and parts of tools, out of a volume: `found` maps member names to bytes.

    `wanted` gets the digests that the manifest gives, by name.
    """
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            if member.name == "bundle.json":
                tools = json.loads(read(archive, member))["tools"]
                wanted.update({tool["name"]: tool["sha256"] for tool in tools})
            elif member.name.startswith("tools/"):
                data = read(archive, member)
                found[hashlib.sha256(data).hexdigest()] = data
            elif member.name.startswith("parts/") and member.name[6:70] in wanted.values():
                found[member.name] = read(archive, member)


def whole(sha256: str, found: dict[str, bytes]) -> bytes:
    """Return a tool whose digest is right, joined where it was cut; nothing when it is not here."""
    if sha256 in found:
        return found[sha256]
    data = b"".join(found[name] for name in sorted(found) if name.startswith(f"parts/{sha256}."))
    return data if hashlib.sha256(data).hexdigest() == sha256 else b""


def read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Read a member, bounded."""
    file = archive.extractfile(member)
    if file is None or member.size > LARGEST_WHEEL:
        sys.exit(f"{member.name} is not a file of a sensible size")
    return file.read()


def fits(name: str) -> bool:
    """Whether a wheel is for this Python on this machine (PEP 427's tags, glibc or musl)."""
    if not name.endswith(".whl") or name.count("-") < 4:
        return False
    pythons, abis, platforms = name.removesuffix(".whl").rsplit("-", 3)[1:]
    return any(
        _fits(python, abi, place)
        for python in pythons.split(".")
        for abi in abis.split(".")
        for place in platforms.split(".")
    )


def _fits(python: str, abi: str, place: str) -> bool:
    ours = f"cp{sys.version_info.major}{sys.version_info.minor}"
    if place != "any" and not (_libc() in place and place.endswith("_" + platform.machine())):
        return False
    if abi == "none":
        return python in ("py3", "py2.py3", ours)
    match = re.fullmatch(r"cp3(\d+)", python)
    if abi == "abi3" and match:
        return int(match[1]) <= sys.version_info.minor
    return (python, abi) == (ours, ours)


def _libc() -> str:
    return "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"


def unpack(data: bytes, target: Path) -> None:
    """Unpack a wheel whose digest was right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(target)  # noqa: S202 -- its digest was right


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
