"""`kutterlock verify` of 300 files / 600 MiB, against sha256sum and nix-store on the same bytes."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness import (
    KUTTERLOCK,
    MIB,
    Contender,
    compete,
    environment,
    make_files,
    program,
    scratch,
    skipped,
    version,
)
from project import write_project

from kutterlock.adapters.store import Store

TITLE = "verify: 300 files, 600 MiB"


def main() -> None:
    with scratch() as name:
        place = Path(name)
        files = make_files(place / "files", 300, 600 * MIB)
        lock = write_project(place / "project", files, "https://upstream.invalid/")
        store = Store(place / "store")
        by_name = {pin.path.name: pin.digest for pin in lock.sources.values()}
        for path in files:
            store.add_file(path, by_name[path.name])
        argv = [*KUTTERLOCK, "verify", "--project", str(place / "project")]
        subject = Contender("kutterlock verify", argv, environment(KUTTER_STORE=str(store.root)))
        compete(TITLE, subject, [*sha256sum(files), *nix_store(place / "nix", files)])


def sha256sum(files: Sequence[Path]) -> list[Contender]:
    found = program("sha256sum")
    if not found:
        skipped("sha256sum", "it is not installed")
        return []
    print(f"  {version([found, '--version'])}; the target is set for coreutils 9.1 of Debian 12")
    return [Contender("sha256sum, one process", [found, *map(str, files)], environment(),
                      target=0.20)]  # fmt: skip


def nix_store(place: Path, files: Sequence[Path]) -> list[Contender]:
    found = program("nix-store")
    if not found:
        skipped("nix-store", "it is not installed")
        return []
    (place / "etc").mkdir(parents=True)
    (place / "etc" / "nix.conf").write_text("build-users-group =\n")
    named = {"STORE": "store", "STATE": "state", "LOG": "log", "CONF": "etc"}
    places = {f"NIX_{key}_DIR": str(place / value) for key, value in named.items()}
    own = environment(HOME=str(place), **places)
    subprocess.run([found, "--add", *map(str, files)], env=own, check=True, capture_output=True)
    print(f"  {version([found, '--version'])}")
    argv = [found, "--verify", "--check-contents"]
    return [Contender("nix-store --verify --check-contents", argv, own, target=1.0)]


if __name__ == "__main__":
    main()
