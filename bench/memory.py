"""The most memory that each verb has: on a file of 1 GiB, and on a lock of 10 000 sources."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from harness import KUTTERLOCK, MIB, environment, scratch  # first: it makes kutterlock importable
from project import write_project

from kutterlock.adapters.tomlfile import read_manifest, write_lock

GIB = 1024 * MIB
SOURCES = 10_000
TARGET = 150 * MIB
MEASURE = """
import json, os, sys
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
json.dump([os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024], sys.stderr)
"""


def measure(title: str, directory: Path, *words: str, fine: tuple[int, ...] = (0,)) -> bool:
    """Run a verb and print its peak; a small process starts it, whose own peak does not count."""
    verb, *rest = words
    argv = [*KUTTERLOCK, verb, *rest, "--project", str(directory)]
    variables = environment(HOME=str(directory), KUTTER_STORE=str(directory / "s"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, *argv], cwd=directory, capture_output=True,
        text=True, check=True, env=variables,
    )  # fmt: skip
    status, peak = json.loads(done.stderr.splitlines()[-1])
    if status not in fine:
        raise SystemExit(f"kutterlock {' '.join(words)} gave {status}:\n{done.stderr[-2000:]}")
    met = peak <= TARGET
    print(f"  {title:<44}{peak / MIB:8.0f} MiB  {'met' if met else 'MISSED'}")
    return met


def write_current_project(directory: Path, files: list[Path]) -> None:
    """Write a project whose lock is what its manifest asks for."""
    manifest = directory / "kutter.toml"
    manifest.write_text('[project]\nname = "bench"\n[inputs]\nbuildroot = "*"\n')
    lock = write_project(directory, files, "https://upstream.example/")
    meaning = read_manifest(manifest).meaning()
    write_lock(directory / "kutter.lock", replace(lock, meaning=meaning))


def huge(directory: Path) -> bool:
    """One file of 1 GiB, mostly holes, through every verb that reads or writes blobs."""
    mirror = directory / "mirror"
    mirror.mkdir()
    path = mirror / "huge-1.0.tar.xz"
    with path.open("wb") as file:
        file.write(b"huge")
        file.truncate(GIB)
    write_current_project(directory, [path])
    print(f"one file of {GIB // MIB} MiB, at most {TARGET // MIB} MiB")
    results = [
        measure("vendor --mirror", directory, "vendor", "--offline", "--mirror", str(mirror)),
        measure("verify", directory, "verify"),
        measure("store check", directory, "store", "check"),
        measure("store gc --dry-run", directory, "store", "gc", "--dry-run"),
        measure("bundle create", directory, "bundle", "create", "-o", "huge.bundle.tar"),
        measure("bundle inspect", directory, "bundle", "inspect", "huge.bundle.tar"),
        measure("bundle import", directory, "bundle", "import", "--unsigned", "huge.bundle.tar",
                "--into", str(directory / "there"), "--store", str(directory / "s2")),
    ]  # fmt: skip
    return all(results)


def many(directory: Path) -> bool:
    """Ten thousand sources through every verb that reads a lock."""
    files = []
    (directory / "files").mkdir()
    for number in range(SOURCES):
        path = directory / "files" / f"package-{number}-1.0.tar.xz"
        path.write_bytes(str(number).encode())
        files.append(path)
    write_current_project(directory, files)
    print(f"a lock of {SOURCES} sources, at most {TARGET // MIB} MiB")
    lock = str(directory / "kutter.lock")
    results = [
        measure("tree --json", directory, "tree", "--json"),
        measure("why", directory, "why", "package-7-1.0.tar.xz"),
        measure("diff", directory, "diff", lock),
        measure("resolve --check", directory, "resolve", "--check"),
        measure("vendor --offline, nothing there", directory, "vendor", "--offline", fine=(7,)),
        measure("verify, nothing there", directory, "verify", fine=(7,)),
    ]
    return all(results)


def main() -> None:
    met = []
    for part in (huge, many):
        with scratch() as directory:
            met.append(part(Path(directory)))
    if not all(met):
        raise SystemExit("a verb has more memory than it may")


if __name__ == "__main__":
    main()
