"""What Buildroot says about a locked board: its packages, licences and patches, for a bill.

Asked in the board's own sandbox like the closure, from the same cache: after a `resolve` on the
same machine it is there. Only an answer whose `.config` is the locked one counts.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from kutterlock.adapters.disk.staging import staging
from kutterlock.build.inputs import Overlays, check_overlays, copy_overlays, versions_of
from kutterlock.build.workshop import Workshop
from kutterlock.errors import HashMismatchError
from kutterlock.model.buildroot.showinfo import ShowInfo, parse_show_info
from kutterlock.model.digest import Digest
from kutterlock.model.lock import BoardPin, Lock
from kutterlock.resolve.evaluation import Bench, Question, evaluate


def board_info(lock: Lock, board: BoardPin, workshop: Workshop) -> ShowInfo:
    """Return show-info of a locked board.

    Raises HashMismatchError when Buildroot configures the board otherwise than the lock says.
    """
    environment = workshop.environment(lock)
    name = str(environment.digest or json.dumps(dict(environment.facts), sort_keys=True))
    with _overlays(lock, board, workshop) as overlays:
        question = Question(
            board=board.name,
            defconfig=board.defconfig,
            overlays=overlays,
            versions=versions_of(lock, board),
            buildroot=lock.sources[lock.buildroot].digest,
            environment=name,
            kind=environment.kind,
            epoch=lock.source_date_epoch,
        )
        bench = Bench(
            project=workshop.project,
            cache=workshop.cache,
            tree=lambda: workshop.tree(lock),
            root=lambda: environment.root,
            sandbox=workshop.sandbox(),
        )
        answer = evaluate(question, bench)
    if Digest.of(answer.config) != board.config:
        raise HashMismatchError(
            f"Buildroot configures {board.name} otherwise than the lock says",
            details=[f"expected {board.config}", f"got      {Digest.of(answer.config)}"],
            hint="the build environment is another one: pin a Debian one in kutter.toml",
        )
    return parse_show_info(answer.show_info)


@contextmanager
def _overlays(lock: Lock, board: BoardPin, workshop: Workshop) -> Iterator[Overlays]:
    with staging(workshop.cache) as directory:
        overlays = copy_overlays(workshop.project, board.overlays, directory)
        check_overlays(overlays, lock.overlays)
        yield overlays.only(board.overlays)
