"""The same 300 files / 600 MiB into one archive and out of it again: against oras.

oras holds them as the 300 layers of one artifact. `oras backup` and `oras restore` (1.3 and newer)
go between a registry on loopback and a tar; `oras cp` goes from one layout to another, which tar
packs, and out of the tar into a layout. Everybody hashes every byte. The way to the archive, the
way out of it, and both in one.
"""

import contextlib
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from bundle import create, make_project, take
from harness import (
    MIB,
    Contender,
    clean,
    compete,
    environment,
    make_files,
    peer,
    program,
    scratch,
    skipped,
)
from images import Server

CREATE = "bundle create: 300 files, 600 MiB, to one archive"
IMPORT = "bundle import: 300 files, 600 MiB, from one archive"
BOTH = "bundle create, then import: 300 files, 600 MiB, to one archive and from it"
ROUNDS = 9
"""A virtual machine that takes its memory back makes single rounds differ by a fifth."""


def main() -> None:
    skipped("imgpkg", "it is in no Debian suite, and not on this machine")
    found = peer("oras-1.3" if program("oras-1.3") else "oras", "version")
    if not found:
        return
    with scratch() as name, contextlib.ExitStack() as stack:
        place = Path(name)
        files = make_files(place / "files", 300, 600 * MIB)
        make_project(place, files)
        run(found, place, "push", "--oci-layout", f"{place}/layout:1", *(f.name for f in files))
        shutil.rmtree(place / "files")
        server = stack.enter_context(Server(place / "registry")) if has_backup(found) else None
        if server:
            target = f"{server.host}/bench:1"
            run(found, place, "cp", "--from-oci-layout", "--to-plain-http", "layout:1", target)
        compete(CREATE, create(place), list(to_archive(found, place, server)), rounds=ROUNDS)
        compete(IMPORT, take(place), list(from_archive(found, place, server)), rounds=ROUNDS)
        mine = in_turn("kutterlock bundle create, bundle import", create(place), take(place))
        there, back = to_archive(found, place, None), from_archive(found, place, None)
        theirs = in_turn("oras cp, tar, oras cp", *there, *back)
        compete(BOTH, mine, [theirs], rounds=ROUNDS)


def has_backup(oras: str) -> bool:
    """Whether this oras copies between registries and archives, and there is a registry."""
    done = subprocess.run([oras, "backup", "--help"], capture_output=True, check=False)
    if done.returncode or not program("docker-registry"):
        skipped("oras backup, oras restore", "they need oras 1.3 and docker-registry")
        return False
    return True


def to_archive(oras: str, place: Path, server: Server | None) -> Iterator[Contender]:
    out, packed, archive = place / "out", place / "o.tar", place / "backup.tar"
    if server:
        text = f"{oras} backup --no-tty --plain-http -o {archive} {server.host}/bench:1"
        yield shell("oras backup", text, place, lambda: clean(archive))
    text = f"{oras} cp --no-tty --from-oci-layout --to-oci-layout {place}/layout:1 {out}:1"
    pack = f"tar cf {packed} -C {out} ."
    yield shell(
        "oras cp to a layout, then tar", f"{text} && {pack}", place, lambda: clean(out, packed)
    )


def from_archive(oras: str, place: Path, server: Server | None) -> Iterator[Contender]:
    out = place / "back"
    if server:
        text = (
            f"{oras} restore --no-tty --plain-http --input {place}/backup.tar {server.host}/bench:1"
        )
        yield shell("oras restore", text, place, server.clear)
    text = f"{oras} cp --no-tty --from-oci-layout --to-oci-layout {place}/o.tar:1 {out}:1"
    yield shell("oras cp from the archive to a layout", text, place, lambda: clean(out))


def in_turn(name: str, *both: Contender) -> Contender:
    """Make one of two: there and back."""
    own = [["env", *map("=".join, one.environment.items()), *one.argv] for one in both]
    argv = ["/bin/sh", "-c", " && ".join(map(shlex.join, own))]
    return Contender(
        name, argv, environment(), lambda: [one.prepare() for one in both], target=both[0].target
    )


def shell(name: str, text: str, place: Path, prepare: Callable[[], object]) -> Contender:
    own = environment(HOME=str(place))
    return Contender(name, ["/bin/sh", "-c", text], own, prepare, target=1.0)


def run(oras: str, place: Path, *words: str) -> None:
    directory = place / "files" if words[0] == "push" else place
    own = environment(HOME=str(place))
    subprocess.run([oras, *words], check=True, env=own, cwd=directory, capture_output=True)


if __name__ == "__main__":
    main()
