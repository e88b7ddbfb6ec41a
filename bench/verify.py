"""`kutterlock verify` of 300 files / 600 MiB, against sha256sum and nix-store on the same bytes."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness import KUTTERLOCK, MIB, Contender, compete, environment, make_files, peer, scratch
from project import fill_store, write_project

TITLE = "verify: 300 files, 600 MiB"


def main() -> None:
    with scratch() as name:
        place = Path(name)
        files = make_files(place / "files", 300, 600 * MIB)
        lock = write_project(place / "project", files, "https://upstream.invalid/")
        store = place / "store"
        fill_store(store, lock, files)
        argv = [*KUTTERLOCK, "verify", "--project", str(place / "project")]
        subject = Contender("kutterlock verify", argv, environment(KUTTER_STORE=str(store)))
        compete(TITLE, subject, [*sha256sum(files), *nix_store(place / "nix", files)])


def sha256sum(files: Sequence[Path]) -> list[Contender]:
    found = peer("sha256sum", "--version")
    if not found:
        return []
    print("  the target is set for coreutils 9.1 of Debian 12")
    return [Contender("sha256sum, one process", [found, *map(str, files)], environment(),
                      target=0.20)]  # fmt: skip


def nix_store(place: Path, files: Sequence[Path]) -> list[Contender]:
    found = peer("nix-store", "--version")
    if not found:
        return []
    (place / "etc").mkdir(parents=True)
    (place / "etc" / "nix.conf").write_text("build-users-group =\n")
    named = {"STORE": "store", "STATE": "state", "LOG": "log", "CONF": "etc"}
    places = {f"NIX_{key}_DIR": str(place / value) for key, value in named.items()}
    own = environment(HOME=str(place), **places)
    subprocess.run([found, "--add", *map(str, files)], env=own, check=True, capture_output=True)
    argv = [found, "--verify", "--check-contents"]
    return [Contender("nix-store --verify --check-contents", argv, own, target=1.0)]


if __name__ == "__main__":
    main()
