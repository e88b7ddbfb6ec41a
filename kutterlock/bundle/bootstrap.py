"""Sets kutterlock up from a bundle: `python3 -I bootstrap.py DIR CHECKED [BASE...]`.

CHECKED is the folder that the bundle was unpacked into and checked in, by hand (docs/air-gap.md
has the commands): this file came with the bundle, so it proves nothing. It looks at `bundle.json`
there and at the wheels which that names, holds each against its digest, unpacks those that fit
this Python into DIR/lib, and writes DIR/kutterlock. BASE is such a folder of a delta's base, for
the wheels that the delta leaves out. Needs Python 3.11 or newer, and nothing else.
"""

from __future__ import annotations  # an older Python is to be told, not to stumble

import hashlib
import io
import json
import platform
import re
import shutil
import sys
import zipfile
from pathlib import Path

USAGE = "usage: python3 -I bootstrap.py DIR CHECKED [BASE...]"
LAUNCHER = """\
#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd) || exit 1
exec "{python}" -I -S -c '
import sys
sys.path.insert(0, sys.argv.pop(1) + "/lib")
from kutterlock.__main__ import run
sys.argv[0] = "kutterlock"
sys.exit(run())
' "$here" "$@"
"""


class Refusal(Exception):  # noqa: N818 -- it is said, not raised any further
    """What is said in place of setting anything up."""


def main(words: list[str]) -> int:
    """Set it up; return the exit status."""
    if words[:1] in (["-h"], ["--help"]):
        print(f"{USAGE}\n\n{__doc__.partition(chr(10))[2].strip()}")
        return 0
    if len(words) < 2:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        set_up(Path(words[0]), [Path(word) for word in words[1:]])
    except (OSError, Refusal, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def set_up(target: Path, places: list[Path]) -> None:
    """Unpack the wheels that fit below `target`, all of them or none."""
    if sys.version_info < (3, 11):  # noqa: UP036 -- it runs on any Python, to say so
        raise Refusal("kutterlock needs Python 3.11 or newer")
    if (target / "lib").exists():
        raise Refusal(f"{target / 'lib'} is there already: name a new directory")
    manifest = json.loads((places[0] / "bundle.json").read_text("utf-8"))
    wanted = {tool["name"]: tool["sha256"] for tool in manifest["tools"] if fits(tool["name"])}
    wheels = {name: find(name, wanted[name], places) for name in sorted(wanted)}
    missing = [name for name, data in wheels.items() if data is None]
    if missing or not wheels:
        what = ", ".join(missing) or "a kutterlock for this Python and machine"
        where = ", ".join(map(str, places))
        raise Refusal(f"not in {where}: {what} (name the folder of the delta's base, too)")
    unfinished = target / "lib.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for data in wheels.values():
        with zipfile.ZipFile(io.BytesIO(data or b"")) as archive:
            archive.extractall(unfinished)
    launcher = target / "kutterlock"
    launcher.write_text(LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o755)
    unfinished.rename(target / "lib")
    print(f"{launcher} is ready; wheels unpacked: {len(wheels)}")


def find(name: str, sha256: str, places: list[Path]) -> bytes | None:
    """Return the wheel of that digest, joined where it was cut; None when it is not here."""
    for place in places:
        whole = place / "tools" / name
        parts = [whole] if whole.is_file() else sorted(place.glob(f"parts/{sha256}.*"))
        data = b"".join(path.read_bytes() for path in parts)
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
    return None


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
