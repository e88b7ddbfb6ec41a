"""`kutterlock bundle rehearse`: prove on this side that a bundle is enough on the other.

An empty store, an empty cache, nothing but what the user pinned, and no network: whoever opens a
connection fails.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from kutterlock.cli.context import Context
from kutterlock.errors import NetworkError, VolumeMissingError

Step = tuple[str, ...]
_NETWORK = {
    "socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0, "socket.gethostbyaddr": 0,
}  # fmt: skip
"""Audit events of Python's socket module, and which argument names the host."""


def run_rehearse(arguments: argparse.Namespace, context: Context) -> None:
    """Cross an imaginary gap. Raises what the first step raises that fails."""
    import tempfile

    from kutterlock.adapters.disk.files import remove_tree

    context.cache.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=context.cache))
    try:
        with no_network():
            _cross(arguments, context, place)
    except VolumeMissingError as error:
        raise VolumeMissingError(
            error.reason,
            details=error.details,
            hint="name all volumes at once: of what arrives, a rehearsal keeps nothing",
        ) from error
    finally:
        remove_tree(place)
    context.output.say(" rehearsed   the bundle is enough: " + _done(arguments))
    context.output.json({"rehearsed": [str(path) for path in arguments.file]})


def steps(arguments: argparse.Namespace) -> list[Step]:
    """Return the commands, from `bundle import` on."""
    trust = [*_said(arguments, "--unsigned"), *_said(arguments, "--allow-rollback")]
    at = ["--at", arguments.at] if arguments.at else []
    own = ["--unsigned"] if arguments.unsigned else []
    boards = [word for board in arguments.board or [] for word in ("--board", board)]
    before = [("bundle", "import", *paths, *trust, *at) for paths in grouped(arguments.after)]
    found: list[Step] = [
        *before,
        ("bundle", "import", *map(str, arguments.file), *trust, *at),
        ("verify", *boards, *at) if not own else ("verify", "store"),
        ("resolve", "--check"),
    ]
    if arguments.build:
        found.append(("build", "--offline", *boards, *own, *at))
    return found


def grouped(paths: list[Path]) -> list[list[str]]:
    """Put the volumes of each bundle together, in the order of their first ones."""
    from kutterlock.bundle.volume import Volume

    found: dict[object, list[str]] = {}
    for path in paths:
        with Volume(path) as volume:
            found.setdefault(volume.head.id, []).append(str(path))
    return list(found.values())


@contextlib.contextmanager
def no_network() -> Iterator[None]:
    """Let whoever in this process reaches for a network fail while the block runs."""
    is_active = [True]

    def refuse(event: str, values: tuple[object, ...]) -> None:
        if not is_active or event not in _NETWORK:
            return
        asked = values[_NETWORK[event]]
        if event.startswith("socket.get") or isinstance(asked, tuple):
            host = asked[0] if isinstance(asked, tuple) else asked
            raise NetworkError(f"a rehearsal has no network, and {host} was asked for")

    sys.addaudithook(refuse)  # there is no way to remove one
    try:
        yield
    finally:
        is_active.clear()


def _cross(arguments: argparse.Namespace, context: Context, place: Path) -> None:
    from kutterlock.cli.main import run_command

    environ = {
        **context.environ,
        "KUTTER_STORE": str(place / "store"),
        "KUTTER_STORE_MIRRORS": "",
        "KUTTER_CACHE": str(place / "cache"),
        "KUTTER_STATE": str(place / "state"),
        "XDG_CACHE_HOME": str(place / "cache"),
    }
    for step in steps(arguments):
        context.output.step(step)
        words = [step[0], "--project", str(place / "project"), *step[1:]]
        run_command(words, environ, context.output.for_steps())


def _said(arguments: argparse.Namespace, option: str) -> list[str]:
    return [option] if getattr(arguments, option[2:].replace("-", "_")) else []


def _done(arguments: argparse.Namespace) -> str:
    built = ", built" if arguments.build else ""
    return f"imported into an empty store, verified, its lock current{built}; no network"
