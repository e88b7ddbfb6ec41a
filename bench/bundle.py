"""`bundle create` and `import` of 300 files / 600 MiB, against cp plus sha256sum of the same."""

from pathlib import Path

from harness import KUTTERLOCK, MIB, Contender, clean, compete, environment, make_files, scratch
from project import fill_store, write_current_project


def main() -> None:
    with scratch() as name:
        place = Path(name)
        files = make_files(place / "files", 300, 600 * MIB)
        make_project(place, files)
        other = plain(files, place / "out")
        compete("bundle create: 300 files, 600 MiB", create(place), [other], rounds=3)
        compete("bundle import: 300 files, 600 MiB", take(place), [other], rounds=3)
        second = Contender("sleep 1", ["sleep", "1"], environment(), target=1.0)
        compete("bundle create: nothing changed since the base", delta(place), [second], rounds=3)


def make_project(place: Path, files: list[Path]) -> None:
    """Make a project and its store."""
    lock = write_current_project(place / "project", files)
    fill_store(place / "store", lock, files)


def create(place: Path) -> Contender:
    """Make a bundle of the project."""
    argv = words("create", place / "project", "-o", str(place / "b.tar"))
    own = environment(HOME=str(place), KUTTER_STORE=str(place / "store"))
    return Contender("kutterlock bundle create", argv, own, lambda: clean(place / "b.tar"))


def take(place: Path) -> Contender:
    """Import that bundle into a store and a project of which nothing is there."""
    far, project = place / "far", place / "os"
    argv = words("import", project, "--unsigned", str(place / "b.tar"))
    own = environment(HOME=str(place), KUTTER_STORE=str(far))
    return Contender("kutterlock bundle import", argv, own, lambda: clean(far, project))


def delta(place: Path) -> Contender:
    """Make a bundle of what changed since that one."""
    target = place / "delta.tar"
    argv = words("create", place / "project", "-o", str(target), "--since", str(place / "b.tar"))
    own = environment(HOME=str(place), KUTTER_STORE=str(place / "store"))
    name = "kutterlock bundle create --since, no change"
    return Contender(name, argv, own, lambda: clean(target))


def words(action: str, project: Path, *more: str) -> list[str]:
    return [*KUTTERLOCK, "bundle", action, "--project", str(project), *more]


def plain(files: list[Path], out: Path) -> Contender:
    script = 'mkdir "$0" && cp "$@" "$0" && sha256sum "$0"/*'
    argv = ["sh", "-c", script, str(out), *map(str, files)]
    return Contender("cp, then sha256sum", argv, environment(), lambda: clean(out), target=1.3)


if __name__ == "__main__":
    main()
