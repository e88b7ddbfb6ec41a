"""`kutterlock tree --sizes`: what takes how much room, as a table, as JSON and as a picture."""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kutterlock.adapters.disk.files import write_atomically
from kutterlock.build.outputs import read_output
from kutterlock.build.sizes import read_sizes
from kutterlock.cli.context import Context
from kutterlock.cli.doors import output_root
from kutterlock.model.buildroot.sizes import Bars, bars_svg, megabytes, shortened
from kutterlock.model.encoding.text import counted
from kutterlock.model.output import MANIFEST_NAME

if TYPE_CHECKING:
    from kutterlock.model.lock import BoardPin

MOST_BARS = 25


def print_sizes(
    arguments: argparse.Namespace, context: Context, boards: Sequence["BoardPin"]
) -> None:
    """Print and draw what is known; what was not built or vendored is said to be unknown."""
    found = {}
    for board in boards:
        facts = found[board.name] = _sizes(context, output_root(context, arguments), board)
        _print(context, board.name, facts)
        if arguments.svg:
            _draw(Path(arguments.svg), board.name, facts)
    context.output.json(found)


def _sizes(context: Context, outputs: Path, board: "BoardPin") -> dict[str, Any]:
    directory = outputs / board.name
    is_built = (directory / MANIFEST_NAME).is_file()
    files = read_output(directory).files if is_built else ()
    return {
        "files": {str(file.path): file.size for file in files},
        "packages": read_sizes(directory) if is_built else {},
        "images": _images(context, board),
    }


def _images(context: Context, board: "BoardPin") -> dict[str, int | None]:
    """Return the compressed bytes of each image for the board's platform, None where not here."""
    from kutterlock.vendor.images import read_tree, wanted_images

    store, sizes = context.store(), {}
    for wanted in wanted_images(context.lock(), [board.name]):
        tree = read_tree(store, wanted, lenient=True)
        is_here = not tree.unread and all(store.has(part.digest) for part in tree.parts)
        sizes[wanted.pin.reference] = sum(p.size or 0 for p in tree.parts) if is_here else None
    return sizes


def _print(context: Context, name: str, facts: dict[str, Any]) -> None:
    say, table = context.output.say, context.output.table
    say(f"{name}: files of its newest output")
    _table(table, facts["files"], "not built")
    packages = facts["packages"]
    say(f"{name}: as installed, {megabytes(sum(packages.values()))}")
    _table(table, packages, "not built")
    images = facts["images"]
    known = [size for size in images.values() if size is not None]
    say(f"{name}: {counted(len(images), 'image')}, compressed, {megabytes(sum(known))}")
    _table(table, images, "none")


def _table(
    table: Callable[[Iterable[Sequence[str]]], None], sizes: Mapping[str, int | None], none: str
) -> None:
    rows = [(k, "not vendored" if size is None else megabytes(size)) for k, size in sizes.items()]
    table(rows or [(none,)])


def _draw(directory: Path, name: str, facts: dict[str, Any]) -> None:
    images = {key: size for key, size in facts["images"].items() if size is not None}
    for kind, sizes in (("packages", facts["packages"]), ("images", images)):
        if sizes:
            title = f"{name}: {kind}, {megabytes(sum(sizes.values()))}"
            picture = Bars(title=title, bars=shortened(sizes, MOST_BARS))
            directory.mkdir(parents=True, exist_ok=True)
            write_atomically(directory / f"{name}-{kind}.svg", bars_svg(picture).encode())
