"""Asking Buildroot about a board, in the build's own sandbox, and keeping the answers.

`.config` and the set of downloads depend on the host's tools and on paths, so the question is put
where the build will run. Answers are cached under the digest of everything they depend on. What
they mean is `kutterlock.resolve.closure`.
"""

import contextlib
import fcntl
import json
import posixpath
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from kutterlock.adapters.disk.files import (
    contained,
    digest_tree,
    explain,
    explained,
    write_atomically,
)
from kutterlock.adapters.disk.staging import staging
from kutterlock.adapters.process import LAST_LINES
from kutterlock.build import recipe
from kutterlock.build.inputs import Generated, Overlays, board_defconfig, lay_out
from kutterlock.errors import BuildError, KutterError
from kutterlock.model.buildroot.hashfile import LARGEST as LARGEST_HASH_FILE
from kutterlock.model.buildroot.showinfo import LARGEST, parse_show_info
from kutterlock.model.digest import Digest
from kutterlock.model.lock import RECIPE_VERSION
from kutterlock.model.paths import RelativePath
from kutterlock.model.sandbox.plan import Bind, NetworkAttempt, Place, SandboxPlan

LARGEST_CONFIG = 8 << 20
RIVALS = 100


class Ran(Protocol):
    """How a sandboxed program ended."""

    @property
    def status(self) -> int:
        """Its exit status."""

    @property
    def attempts(self) -> tuple[NetworkAttempt, ...]:
        """Who reached for a network."""


class Runs(Protocol):
    """A sandbox."""

    def run(self, plan: SandboxPlan, on_line: Callable[[bytes], None]) -> Ran:
        """Run a plan to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about one board, and all that the answer depends on.

    `buildroot` is the digest of the tree's archive; `environment` names the build environment
    (a digest, or the facts of a host); `kind` is its kind.
    """

    board: str
    defconfig: str
    overlays: Overlays
    versions: recipe.Versions
    buildroot: Digest
    environment: str
    kind: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where questions are put: trees, sandbox and cache.

    `tree` and `root` are only called when an answer is not in the cache; `root` gives the build
    environment's file system, None for the machine's own.
    """

    project: Path
    cache: Path
    tree: Callable[[], Path]
    root: Callable[[], Path | None]
    sandbox: Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Buildroot's answers: raw bytes, and the texts of the `.hash` files that it would check.

    `directory` is where they are kept; `requested` is the defconfig that was asked for.
    """

    digest: Digest
    directory: Path
    requested: str
    config: bytes
    show_info: bytes
    hash_files: Mapping[str, str] = field(repr=False)


def evaluate(question: Question, bench: Bench) -> Evaluation:
    """Return Buildroot's answers for a board, from the cache when they are there.

    Raises BuildError with the last lines when Buildroot fails or reaches for a network.
    """
    generated = _generated(question, bench)
    digest = _key(question, generated)
    place = bench.cache / "evaluations" / digest.hex
    with _turn(bench.cache / "locks" / f"evaluation-{digest.hex}"):
        cached = _read(place, digest, generated.defconfig)
        if cached is not None:
            return cached
        _ask(question, generated, bench, place)
        answer = _read(place, digest, generated.defconfig)
    if answer is None:
        raise KutterError(f"{place} was changed while it was written", hint="run it again")
    return answer


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Let one process or thread at a time ask this question; the others find its answer."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("wb")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _generated(question: Question, bench: Bench) -> Generated:
    linux = question.versions.inputs.get("linux")
    board = board_defconfig(bench.tree, question.overlays, question.defconfig)
    return Generated(
        makefile=recipe.makefile_text(question.versions, question.overlays.names),
        defconfig=recipe.defconfig_text(board, linux=linux, kind=question.kind),
        hashes={},
        overrides=question.versions.overrides,
    )


def _key(question: Question, generated: Generated) -> Digest:
    """Digest everything that the answers depend on."""
    overlays = question.overlays
    facts = {
        "recipe": RECIPE_VERSION,
        "buildroot": str(question.buildroot),
        "environment": question.environment,
        "overlays": [[name, str(overlays.digests[name])] for name in overlays.names],
        "makefile": generated.makefile,
        "defconfig": generated.defconfig,
        "patches": [
            [name, str(path), digest]
            for name, pin in sorted(generated.overrides.items())
            for path, digest in pin.patches
        ],
        "argv": [_configure(question), _show_info(question)],
        "variables": recipe.environment(question.epoch, Place()),
    }
    return Digest.of(json.dumps(facts, sort_keys=True).encode())


def _configure(question: Question) -> tuple[str, ...]:
    return recipe.configure_argv(question.overlays.names)


def _show_info(question: Question) -> tuple[str, ...]:
    return recipe.show_info_argv(question.overlays.names)


def _ask(question: Question, generated: Generated, bench: Bench, place: Path) -> None:
    """Run Buildroot and give the directory of its answers its name."""
    with staging(place.parent) as work:
        answers, build = work / "answers", work / "build"
        with explained(work):
            answers.mkdir(parents=True)
            build.mkdir()
        binds = lay_out(
            work, tree=bench.tree(), overlays=question.overlays, generated=generated,
            project=bench.project,
        )  # fmt: skip
        runner = _Runner(
            question, bench, (*binds, Bind(source=str(build), target="/build", writable=True))
        )
        runner.run("defconfig", _configure(question))
        runner.run("show-info", _show_info(question))
        _keep(answers, build, binds)
        _settle(answers, place)


@dataclass(slots=True)
class _Runner:
    """Runs one make after the other in the same sandbox view."""

    question: Question
    bench: Bench
    binds: tuple[Bind, ...]

    def run(self, goal: str, argv: tuple[str, ...]) -> None:
        root = self.bench.root()
        plan = SandboxPlan(
            root=None if root is None else str(root),
            binds=self.binds,
            argv=argv,
            environment=recipe.environment(self.question.epoch, Place()),
        )
        last: deque[bytes] = deque(maxlen=LAST_LINES)
        ran = self.bench.sandbox.run(plan, last.append)
        name = self.question.board
        if ran.attempts:
            raise BuildError(
                f"evaluating board {name!r} reached for a network",
                details=[str(attempt) for attempt in ran.attempts],
                hint="a makefile of an overlay does this while it is read",
            )
        if ran.status != 0:
            raise BuildError(
                f"Buildroot's `make {goal}` for board {name!r} failed with status {ran.status}",
                details=[line.decode("utf-8", "replace").rstrip() for line in last],
                hint="look at the board's defconfig and at the makefiles of its overlays",
            )


def _keep(answers: Path, build: Path, binds: tuple[Bind, ...]) -> None:
    """Copy the answers out of what the sandbox could write, and the `.hash` files they name."""
    show_info = _bounded(build, recipe.SHOW_INFO, LARGEST)
    (answers / "config").write_bytes(_bounded(build, recipe.CONFIG, LARGEST_CONFIG))
    (answers / "show-info").write_bytes(show_info)
    texts = dict(_hash_files(show_info, binds))
    (answers / "hashes.json").write_text(json.dumps(texts, sort_keys=True, indent=0))


def _bounded(root: Path, path: str, limit: int) -> bytes:
    """Read a file below a directory that the sandbox could write; no link leads out of it."""
    place = contained(root, RelativePath(path))
    with explained(place):
        if not place.is_file():
            raise KutterError(f"there is no file {path}, where Buildroot should have one")
        with place.open("rb") as file:
            data = file.read(limit + 1)
    if len(data) > limit:
        raise KutterError(f"Buildroot's {path} has more than {limit} bytes")
    return data


def _hash_files(show_info: bytes, binds: tuple[Bind, ...]) -> Iterator[tuple[str, str]]:
    """Yield each `.hash` file, by the name that Buildroot has for it."""
    packages = parse_show_info(show_info).packages.values()
    for name in sorted({file for package in packages for file in package.hash_files}):
        inside = PurePosixPath(posixpath.normpath(posixpath.join(recipe.TREE, name)))
        for bind in binds:
            if inside.is_relative_to(bind.target):
                below = str(inside.relative_to(bind.target))
                data = _bounded(Path(bind.source), below, LARGEST_HASH_FILE)
                yield name, data.decode("utf-8", "replace")


def _settle(answers: Path, place: Path) -> None:
    """Give the answers their name; damaged ones and those of a rival are moved out of the way."""
    write_atomically(_record(place), f"{digest_tree(answers)}\n".encode())
    for _ in range(RIVALS):
        with contextlib.suppress(FileNotFoundError):
            place.rename(answers.with_name(secrets.token_hex(8)))
        try:
            answers.rename(place)
        except OSError as error:
            if not place.exists():
                raise explain(error, place) from error
        else:
            return


def _read(place: Path, digest: Digest, requested: str) -> Evaluation | None:
    """Return kept answers; anything missing or unreadable means that there are none."""
    try:
        if _record(place).read_text().strip() != str(digest_tree(place)):
            return None
        hash_files = json.loads((place / "hashes.json").read_text())
        return Evaluation(
            digest=digest,
            directory=place,
            requested=requested,
            config=(place / "config").read_bytes(),
            show_info=(place / "show-info").read_bytes(),
            hash_files={str(name): str(text) for name, text in hash_files.items()},
        )
    except (OSError, KutterError, ValueError):
        return None


def _record(place: Path) -> Path:
    """Return where the digest of kept answers stands, so that damaged ones are asked for anew."""
    return place.with_name(place.name + ".digest")
