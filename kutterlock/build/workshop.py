"""Where builds happen: the places and doors that every build step shares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.archives.unpack import unpacked_tree
from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.sandbox.run import Sandbox
from kutterlock.build import recipe
from kutterlock.build.environment import PreparedEnvironment, prepare_environment
from kutterlock.build.inputs import versions_of
from kutterlock.build.rendered import rendered_inputs
from kutterlock.model.derivation import Derivation, derive
from kutterlock.model.encoding.text import counted
from kutterlock.model.lock import BoardPin, Lock
from kutterlock.model.progress import Progress
from kutterlock.model.sandbox.plan import Place
from kutterlock.vendor.names import closure_names
from kutterlock.vendor.verify import verify_blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The machine as a build sees it.

    `sandbox` makes one when it is first needed: a build that is a no-op needs none. `search_path`
    finds programs that identify a build environment of kind `host`.
    """

    project: Path
    cache: Path
    outputs: Path
    store: Store
    sandbox: Callable[[], Sandbox]
    progress: Progress
    search_path: str = ""

    def tree(self, lock: Lock) -> Path:
        """Return Buildroot's tree, unpacked from its verified archive and checked."""
        pin = lock.sources[lock.buildroot]
        return unpacked_tree(self.store.path(pin.digest), pin.digest, self.cache, name=pin.key)

    def environment(self, lock: Lock) -> PreparedEnvironment:
        """Return the build environment, unpacked and checked."""
        return prepare_environment(
            lock.environment, self.store, self.cache, self.progress, search_path=self.search_path
        )

    def require_closure(self, lock: Lock, board: BoardPin) -> None:
        """Re-hash everything that the board needs. Raises naming what is missing or wrong."""
        names = closure_names(lock, self.store, [board.name])
        self.progress.start("closure")
        report = verify_blobs(self.store, names, self.progress)
        if error := report.error(f"the closure of {board.name} is not whole", report.remedy):
            raise error
        self.progress.done(f"{counted(report.right, 'file')}: all present, all digests right")


def board_derivation(lock: Lock, board: BoardPin) -> Derivation:
    """Return the derivation of a board: a pure function of the lock."""
    sources = [lock.sources[key] for key in board.sources]
    texts = {
        recipe.MAKEFILE: recipe.makefile_text(versions_of(lock, board), board.overlays).encode()
    }
    for name, text in recipe.hash_texts(sources).items():
        texts[f"{recipe.HASHES}/{name}/{name}.hash"] = text.encode()
    texts |= {path: text.encode() for path, text in rendered_inputs(lock, board).items()}
    return derive(
        lock,
        board,
        argv=recipe.build_argv(board.overlays, jobs=0),
        environment=dict(recipe.environment(lock.source_date_epoch, Place())),
        texts=texts,
    )
