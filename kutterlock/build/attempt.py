"""One run of Buildroot in the sandbox: configure, compare `.config` with the lock, make.

Owns the working directory of a run, its log, and the words for its failure. It knows nothing of
outputs: `kutterlock.build.run` takes the files out.
"""

import os
import shlex
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kutterlock.adapters.disk.files import explained, hash_file, remove_tree
from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.sandbox.run import Sandbox
from kutterlock.build import recipe
from kutterlock.build.environment import PreparedEnvironment
from kutterlock.build.inputs import inputs_from_lock, part_from_store
from kutterlock.build.steps import StepReader
from kutterlock.build.workshop import Workshop
from kutterlock.errors import BuildError, StaleLockError
from kutterlock.model.lock import BoardPin, Lock
from kutterlock.model.output import RECORD_NAME
from kutterlock.model.sandbox.plan import Bind, NetworkAttempt, Place, SandboxPlan, SandboxResult
from kutterlock.vendor.images import image_trees
from kutterlock.vendor.layout import plan_layout, write_archive, write_iso

LAST_LINES = 30

STRANGER = 54321
"""The user that root runs a second build as: one that owns nothing."""
IMAGES_NAME = "images.tar"
IMAGES = f"/kutter/{IMAGES_NAME}"
VOLUME_NAME = "images.iso"
IMAGES_VOLUME = f"/kutter/{VOLUME_NAME}"
"""Where the sandbox has the archive of the board's images, and a volume with it: what of them the
board wants in a disk. An overlay puts them there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run's value: what is built, in what, where, and how its surroundings vary."""

    lock: Lock
    board: BoardPin
    environment: PreparedEnvironment
    tree: Path
    directory: Path
    place: Place

    @property
    def build(self) -> Path:
        """The one directory that the build can write, as seen from outside."""
        return self.directory / "build"

    @property
    def images(self) -> Path:
        """Where Buildroot leaves what it made."""
        return self.build / "out/images"

    @property
    def archive(self) -> Path:
        """The board's container images, there when it has any and `prepare` ended."""
        return self.directory / "inputs" / IMAGES_NAME

    @property
    def volume(self) -> Path:
        """The same as an ISO 9660 volume, where the board wants one."""
        return self.directory / "inputs" / VOLUME_NAME

    @property
    def log(self) -> Path:
        """The full log."""
        return self.directory / "build.log"

    @property
    def record(self) -> Path:
        """What is there exactly when the run ended well and nobody touched its tree since."""
        return self.directory / RECORD_NAME

    def plan(self, argv: tuple[str, ...], binds: tuple[Bind, ...]) -> SandboxPlan:
        """Return the sandbox plan for a program of this run."""
        build = Bind(source=str(self.build), target=self.place.build_path, writable=True)
        return SandboxPlan(
            root=str(self.environment.root) if self.environment.root else None,
            binds=(*binds, build),
            argv=argv,
            environment=recipe.environment(self.lock.source_date_epoch, self.place),
            directory=self.place.build_path,
            place=self.place,
        )


def prepare(attempt: Attempt, workshop: Workshop) -> tuple[Bind, ...]:
    """Lay out a run's inputs anew and return their binds; what is in `build` stays."""
    with explained(attempt.record):
        attempt.record.unlink(missing_ok=True)
    remove_tree(attempt.directory / "inputs")
    with explained(attempt.directory):
        (attempt.build / "home").mkdir(parents=True, exist_ok=True)
    binds = inputs_from_lock(
        attempt.lock, attempt.board, attempt.directory / "inputs",
        tree=attempt.tree, project=workshop.project, blob=workshop.store.path,
    )  # fmt: skip
    if not attempt.board.images:
        return binds
    return (*binds, *_lay_images(attempt, workshop.store))


def _lay_images(attempt: Attempt, store: Store) -> Iterator[Bind]:
    """Write the board's images, and show the build those that it is to put into a disk."""
    layout = plan_layout(image_trees(store, attempt.lock, [attempt.board.name]))
    places = attempt.board.images_in
    write_archive(store, layout, attempt.archive)
    if "disk" in places:
        yield Bind(source=str(attempt.archive), target=IMAGES)
    if "partition" in places or "iso" in places:
        write_iso(store, layout, attempt.volume, attempt.lock.source_date_epoch)
    if "partition" in places:
        yield Bind(source=str(attempt.volume), target=IMAGES_VOLUME)


def _guarded(attempt: Attempt, workshop: Workshop) -> tuple[Bind, ...]:
    """Prepare; where no sandbox keeps a build from writing, give it copies of the store's files."""
    binds = prepare(attempt, workshop)
    if workshop.sandbox().kind == "none":
        part_from_store(attempt.directory / "inputs")
    return binds


def carry_out(attempt: Attempt, workshop: Workshop, jobs: int) -> Place:
    """Configure and build; return the place that it was done in, which may know no other user.

    Raises BuildError, or StaleLockError when `.config` is another.
    """
    discard(attempt)
    binds = _guarded(attempt, workshop)
    if attempt.place.outer_uid:
        attempt = _handed_over(attempt, binds)
    runner = _Runner(attempt, workshop, binds)
    overlays, build_path = attempt.board.overlays, attempt.place.build_path
    runner.run(recipe.configure_argv(overlays, build_path=build_path), "the configuration")
    _require_config(attempt)
    runner.run(recipe.build_argv(overlays, jobs=jobs, build_path=build_path), "the build")
    return attempt.place


def discard(attempt: Attempt) -> None:
    """Remove what a run left: first the word that it ended well, which half of it is not."""
    with explained(attempt.directory):
        attempt.record.unlink(missing_ok=True)
        remove_tree(attempt.directory)


def stranger(sandbox: Sandbox) -> int:
    """Return another user to build as, 0 where there is none: only root can become one."""
    return STRANGER if os.geteuid() == 0 and sandbox.kind == "bubblewrap" else 0


def _handed_over(attempt: Attempt, binds: tuple[Bind, ...]) -> Attempt:
    """Give the build's directory to its user, who must be able to reach everything it reads."""
    root = [attempt.environment.root] if attempt.environment.root else []
    paths = [*(Path(bind.source) for bind in binds), attempt.build, *root]
    if not all(_is_open(path) for path in paths):
        return replace(attempt, place=replace(attempt.place, outer_uid=0))
    for path in (attempt.build, attempt.build / "home"):
        os.chown(path, attempt.place.outer_uid, attempt.place.outer_uid)
    return attempt


def _is_open(path: Path) -> bool:
    """Whether any user can read what lies at `path`, as far as the path itself tells."""
    wanted = 0o005 if path.is_dir() else 0o004
    return path.stat().st_mode & wanted == wanted and all(
        parent.stat().st_mode & 0o001 for parent in path.parents
    )


def enter(attempt: Attempt, workshop: Workshop, argv: tuple[str, ...]) -> int:
    """Run a program on the caller's terminal where the build runs; return its exit status."""
    binds = _guarded(attempt, workshop)
    return workshop.sandbox().interactive(attempt.plan(argv, binds))


def _require_config(attempt: Attempt) -> None:
    found = hash_file(attempt.build / "out/.config")
    if found != attempt.board.config:
        raise StaleLockError(
            f"the configuration of {attempt.board.name} is not the one that was locked",
            details=[f"boards.{attempt.board.name}.config: was {attempt.board.config}, is {found}"],
            hint="run `kutterlock resolve`; if nothing changed, the build environment differs",
        )


class _Runner:
    """Runs programs of one attempt, writing the log and showing progress."""

    def __init__(self, attempt: Attempt, workshop: Workshop, binds: tuple[Bind, ...]) -> None:
        self._attempt = attempt
        self._workshop = workshop
        self._binds = binds
        self._steps = StepReader(frozenset(attempt.board.packages))
        self._last: deque[str] = deque(maxlen=LAST_LINES)

    def run(self, argv: tuple[str, ...], what: str) -> None:
        attempt = self._attempt
        sandbox = self._workshop.sandbox()
        with explained(attempt.log), attempt.log.open("ab") as log:

            def on_line(line: bytes) -> None:
                log.write(line)
                self._show(line)

            result = sandbox.run(attempt.plan(argv, self._binds), on_line)
        self._judge(result, what)

    def _show(self, line: bytes) -> None:
        before = len(self._steps.seen)
        announced = self._steps.read(line)
        self._last.append(line.decode("utf-8", "replace").rstrip())
        if announced:
            started = len(self._steps.seen) - before
            self._workshop.progress.advance(started, self._steps.where)

    def _judge(self, result: SandboxResult, what: str) -> None:
        board = self._attempt.board.name
        if result.attempts:
            raise BuildError(
                f"{what} of {board} reached for a network",
                details=[*map(str, result.attempts), f"log: {self._attempt.log}"],
                hint=_hint(result.attempts, self._steps.package),
            )
        if result.status:
            raise BuildError(
                f"{what} of {board} failed with status {result.status} at {self._steps.where}",
                details=[*self._last, f"log: {self._attempt.log}"],
                hint=f"step into its sandbox: {shell_command(self._workshop, board)}",
            )


def _hint(attempts: tuple[NetworkAttempt, ...], package: str) -> str:
    count = "it" if len(attempts) == 1 else "them"
    return f"package {package or 'unknown'} did {count}: vendor what it wants, or turn that off"


def shell_command(workshop: Workshop, board: str) -> str:
    """Return the command that steps into the sandbox of a failed build."""
    return shlex.join(["kutterlock", "shell", "--project", str(workshop.project), "--board", board])


def varied(place: Place, variations: frozenset[str]) -> Place:
    """Return the place of a second build: what cannot be hidden varies always, the rest if asked.

    Job and CPU counts always differ; `path`, `hostname`, `timezone`, `umask` and `clock` on demand.
    The time zone is a POSIX one: an environment without tzdata takes a name for UTC.
    """
    changes: dict[str, object] = {"cpus": 1, "jobs": 3}
    everything: dict[str, dict[str, object]] = {
        "path": {"build_path": "/somewhere/else/build"},
        "hostname": {"hostname": "elsewhere"},
        "timezone": {"timezone": "ELSE-12:45"},
        "umask": {"umask": 0o027},
        "clock": {"clock_offset": 400 * 24 * 3600},
    }
    for name in variations:
        changes |= everything[name]
    return replace(place, **changes)  # type: ignore[arg-type]


VARIATIONS = ("path", "hostname", "timezone", "umask", "clock")
"""What `--vary` takes."""
