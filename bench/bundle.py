"""`bundle create` and `import` of 300 files / 600 MiB, against cp plus sha256sum of the same."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from harness import KUTTERLOCK, MIB, Contender, compete, environment, make_files, scratch
from project import write_project

from kutterlock.adapters.store import Store
from kutterlock.adapters.tomlfile import read_manifest, write_lock

MANIFEST = """\
[project]
name = "bench"
version = "1"

[inputs]
buildroot = "*"

[build-environment]
kind = "host"

[boards.pc]
arch = "x86_64"
defconfig = "pc_defconfig"
outputs = ["disk.img"]
"""


def main() -> None:
    with scratch() as name:
        place = Path(name)
        files = make_files(place / "files", 300, 600 * MIB)
        project = make_project(place, files)
        own = environment(HOME=str(place), KUTTER_STORE=str(place / "store"))
        whole, out = place / "b.tar", place / "out"
        create = Contender("kutterlock bundle create", words("create", project, whole), own)
        compete("bundle create: 300 files, 600 MiB", create, [plain(files, out)], rounds=3)
        far = environment(HOME=str(place), KUTTER_STORE=str(place / "far"))
        argv = [*KUTTERLOCK, "bundle", "import", "--unsigned", "--project", str(place / "os")]
        take = Contender(
            "kutterlock bundle import", [*argv, str(whole)], far,
            prepare=lambda: clean(place / "far", place / "os"),
        )  # fmt: skip
        compete("bundle import: 300 files, 600 MiB", take, [plain(files, out)], rounds=3)
        same = [*words("create", project, place / "delta.tar"), "--since", str(whole)]
        delta = Contender("kutterlock bundle create --since, no change", same, own)
        second = Contender("sleep 1", ["sleep", "1"], environment(), target=1.0)
        compete("bundle create: nothing changed since the base", delta, [second], rounds=3)


def make_project(place: Path, files: list[Path]) -> Path:
    project = place / "project"
    lock = write_project(project, files, "https://upstream.invalid/")
    (project / "kutter.toml").write_text(MANIFEST)
    meaning = read_manifest(project / "kutter.toml").meaning()
    write_lock(project / "kutter.lock", replace(lock, meaning=meaning))
    store = Store(place / "store")
    by_name = {pin.path.name: pin.digest for pin in lock.sources.values()}
    for path in files:
        store.add_file(path, by_name[path.name])
    return project


def words(action: str, project: Path, target: Path) -> list[str]:
    return [*KUTTERLOCK, "bundle", action, "--project", str(project), "-o", str(target)]


def plain(files: list[Path], out: Path) -> Contender:
    script = 'mkdir "$0" && cp "$@" "$0" && sha256sum "$0"/*'
    argv = ["sh", "-c", script, str(out), *map(str, files)]
    return Contender("cp, then sha256sum", argv, environment(), lambda: clean(out), target=1.3)


def clean(*places: Path) -> None:
    for place in places:
        subprocess.run(["chmod", "-R", "u+w", str(place)], check=False, capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
