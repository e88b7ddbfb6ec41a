"""Builds a board: a no-op when its derivation was built before, else one run in the sandbox.

The order is fixed: verify the whole closure, then build, then give the output its name. A failed
or interrupted build leaves no output; its directory stays in the cache so that one can step in.
One that ended well is not done again when its output could not be kept.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kutterlock.adapters.disk.files import explained, make_durable, remove_tree, write_atomically
from kutterlock.build.attempt import (
    IMAGES_NAME,
    VOLUME_NAME,
    Attempt,
    carry_out,
    discard,
    stranger,
    varied,
)
from kutterlock.build.compare import compare_outputs
from kutterlock.build.outputs import (
    adopt_output,
    find_output,
    gather,
    held,
    is_development_build,
    point_at,
    read_record,
    staged,
    write_documents,
)
from kutterlock.build.sizes import SIZES_NAME, measure
from kutterlock.build.workshop import Workshop, board_derivation
from kutterlock.errors import BuildError, NotReproducibleError
from kutterlock.model.derivation import Derivation
from kutterlock.model.encoding.strict_json import write_document
from kutterlock.model.encoding.text import counted
from kutterlock.model.lock import BoardPin
from kutterlock.model.output import FILES_NAME, LOG_NAME, RECORD_NAME, OutputFile, OutputManifest
from kutterlock.model.sandbox.plan import Place
from kutterlock.trust.verified import VerifiedLock


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How to build, which never changes what comes out.

    `jobs` 0 means all CPUs; `rebuild` builds once more and compares, varying `variations`.
    `clock` tells the time for the build record, in ISO 8601.
    """

    clock: Callable[[], str]
    jobs: int = 0
    rebuild: bool = False
    variations: frozenset[str] = frozenset()
    keep_failed: bool = True
    explain: Callable[[Path, Path], list[str]] = field(default=lambda _a, _b: [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A second build gave the same bytes although these things varied.

    `fixed` names what should vary as well and did not, and why.
    """

    varied: tuple[str, ...]
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What building came to."""

    directory: Path
    manifest: OutputManifest
    fresh: bool
    reproduced: Reproduction | None = None


def build_board(
    verified: VerifiedLock, board: BoardPin, workshop: Workshop, options: BuildOptions
) -> Built:
    """Build `board` of a lock that may be built, or find that it was built.

    Raises what its steps raise: MissingInputError, HashMismatchError, StaleLockError,
    NoSandboxError, BuildError, NotReproducibleError.
    """
    derivation = board_derivation(verified.lock, board)
    directory = workshop.outputs / derivation.directory_name
    with held(workshop.outputs, derivation) as waited:
        if waited:
            workshop.progress.note(f" another build of {board.name} ended; looking at its output")
        found = find_output(workshop.outputs, derivation)
        if found and not _can_stay(directory, verified):
            found = None
        if found:
            found = adopt_output(directory, found, verified.digest)
        if found and not options.rebuild:
            point_at(workshop.outputs, board.name, derivation.directory_name)
            return Built(directory=directory, manifest=found, fresh=False)
        build = _Build(verified, board, workshop, options, derivation)
        build.prepare()
        manifest = found or build.first()
        reproduced = build.again(manifest) if options.rebuild else None
    return Built(directory=directory, manifest=manifest, fresh=not found, reproduced=reproduced)


def _can_stay(directory: Path, verified: VerifiedLock) -> bool:
    """Whether an output's record can be read, and says that signatures were looked at if now, too.

    Otherwise it could not be signed.
    """
    if verified.unsigned:
        return read_record(directory) is not None
    return not is_development_build(directory)


def own_files(board: BoardPin) -> tuple[str, ...]:
    """Return the files of images that an output has beside what Buildroot makes."""
    if not board.images:
        return ()
    return (IMAGES_NAME, VOLUME_NAME) if "iso" in board.images_in else (IMAGES_NAME,)


class _Build:
    """The steps of one `build_board`, sharing what was prepared."""

    def __init__(
        self, verified: VerifiedLock, board: BoardPin, workshop: Workshop,
        options: BuildOptions, derivation: Derivation,
    ) -> None:  # fmt: skip
        self._verified = verified
        self._lock = verified.lock
        self._digest = verified.digest
        self._board = board
        self._workshop = workshop
        self._options = options
        self._derivation = derivation

    def prepare(self) -> None:
        """Verify and unpack everything, and prove the sandbox, before anything is run."""
        self._workshop.require_closure(self._lock, self._board)
        self._environment = self._workshop.environment(self._lock)
        self._tree = self._workshop.tree(self._lock)
        sandbox = self._workshop.sandbox()
        self._workshop.progress.start("sandbox")
        self._workshop.progress.done(sandbox.describe())

    def first(self) -> OutputManifest:
        """Build and keep the output."""
        attempt = self._attempt("1", Place(jobs=self._options.jobs))
        if self._is_finished(attempt):
            self._workshop.progress.note(
                f" the last build of {self._board.name} ended well and was not kept: keeping it now"
            )
        else:
            started = self._options.clock()
            self._carry_out(attempt, "building")
            self._write_record(attempt, started)
        progress = self._workshop.progress
        progress.start("keeping")
        try:
            manifest = self._keep(attempt)
        except BuildError:  # what it did not make, keeping it again does not make
            attempt.record.unlink()
            raise
        point_at(self._workshop.outputs, self._board.name, self._derivation.directory_name)
        progress.start("tidying")
        discard(attempt)
        progress.done("")
        return manifest

    def _keep(self, attempt: Attempt) -> OutputManifest:
        with staged(self._workshop.outputs, self._derivation.directory_name) as staging:
            files = self._gather(attempt, staging / FILES_NAME)
            manifest = self._manifest(files)
            write_documents(staging, self._derivation, manifest)
            shutil.copyfile(attempt.log, staging / LOG_NAME)
            shutil.copyfile(attempt.record, staging / RECORD_NAME)
            write_atomically(staging / SIZES_NAME, measure(attempt.build / "out"))
        return manifest

    def _is_finished(self, attempt: Attempt) -> bool:
        """Whether an earlier run built all this and only failed to keep it (full disk, kill)."""
        if not attempt.record.is_file():
            return False
        return self._verified.unsigned or not is_development_build(attempt.directory)

    def again(self, manifest: OutputManifest) -> Reproduction:
        """Build once more in other surroundings. Raises NotReproducibleError."""
        user = stranger(self._workshop.sandbox())
        place = varied(Place(outer_uid=user), self._options.variations)
        attempt = self._attempt("2", place)
        place = self._carry_out(attempt, "rebuilding")
        second = attempt.directory / "files"
        again = self._gather(attempt, second)
        first = self._workshop.outputs / self._derivation.directory_name / FILES_NAME
        differences = compare_outputs(first, second, manifest.files, again)
        if differences:
            pairs = [(first / d.path, second / d.path) for d in differences]
            reports = [line for pair in pairs for line in self._options.explain(*pair)]
            raise NotReproducibleError(
                f"two builds of {self._board.name} differ in {counted(len(differences), 'file')}",
                details=[*map(str, differences), *reports],
                hint=f"the second build's files are in {second}",
            )
        found = _reproduction(place, user, self._options.variations)
        self._record_reproduction(found, place)
        remove_tree(attempt.directory)
        return found

    def _gather(self, attempt: Attempt, target: Path) -> tuple[OutputFile, ...]:
        """Take out what Buildroot made, and the archive of images that comes with it."""
        own = own_files(self._board)
        wanted = [name for name in self._board.outputs if name not in own]
        is_all = not self._board.outputs
        made = gather(attempt.images, wanted, target) if wanted or is_all else ()
        if taken := sorted(set(own) & {str(file.path) for file in made}):
            raise BuildError(
                f"the build of {self._board.name} made a file {taken[0]} of its own",
                hint=f"give it another name: {taken[0]} has the locked images",
            )
        images = gather(attempt.archive.parent, own, target) if own else ()
        return tuple(sorted((*made, *images), key=lambda file: file.path))

    def _attempt(self, number: str, place: Place) -> Attempt:
        name = f"{self._derivation.directory_name}-{number}"
        # A longer path for the second run: nothing of the path outside may show in the output.
        parent = self._workshop.cache / ("work" if number == "1" else "work/again")
        return Attempt(
            lock=self._lock, board=self._board, environment=self._environment, tree=self._tree,
            directory=parent / name, place=place,
        )  # fmt: skip

    def _carry_out(self, attempt: Attempt, label: str) -> Place:
        jobs = attempt.place.jobs or os.cpu_count() or 1
        total = len(self._board.packages)
        self._workshop.progress.start(label, total=total, unit="packages")
        try:
            place = carry_out(attempt, self._workshop, jobs)
        except BuildError:
            if not self._options.keep_failed:
                remove_tree(attempt.build)
            raise
        self._workshop.progress.done(f"{self._board.name}: {counted(total, 'package')}")
        return place

    def _manifest(self, files: tuple[OutputFile, ...]) -> OutputManifest:
        return OutputManifest(
            board=self._board.name, derivation=self._derivation.digest, lock=self._digest,
            pure=self._lock.environment.is_pure, files=files,
        )  # fmt: skip

    def _write_record(self, attempt: Attempt, started: str) -> None:
        sandbox = self._workshop.sandbox()
        record = {
            "started": started,
            "finished": self._options.clock(),
            "sandbox": sandbox.kind,
            "network-calls-watched": sandbox.calls is not None,
            "environment": self._lock.environment.kind,
            "host": dict(self._environment.facts),
            "reproduced": None,
            "unsigned": self._verified.unsigned,
            "lock-signers": list(self._verified.signers),
        }
        with explained(attempt.images):
            make_durable(attempt.images)
        write_atomically(attempt.record, write_document(record))

    def _record_reproduction(self, found: Reproduction, place: Place) -> None:
        directory = self._workshop.outputs / self._derivation.directory_name
        reproduced = {
            "at": self._options.clock(),
            "varied": list(found.varied),
            "not-varied": list(found.fixed),
            "jobs": place.jobs,
        }
        record = {**(read_record(directory) or {}), "reproduced": reproduced}
        write_atomically(directory / RECORD_NAME, write_document(record))


def _reproduction(place: Place, user: int, variations: frozenset[str]) -> Reproduction:
    """Say what varied; `user` is who the second build was to run as, 0 where that cannot vary."""
    always = ("outer path", *(["outer user"] if place.outer_uid else []), "jobs", "cpus")
    otherwise = "only root can become another, and only in bubblewrap"
    why = "another may not read the inputs" if user else otherwise
    fixed = () if place.outer_uid else (f"outer user ({why})",)
    return Reproduction(varied=(*always, *sorted(variations)), fixed=fixed)
