"""What takes how much room in a board: packages as installed, and a picture of it.

Pure. Buildroot notes which package installed which file (`packages-file-list.txt`); of several the
last one counts, as in its own `graph-size`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

UNOWNED = "(made at the end)"
"""Files of no package: overlays, post-build scripts, what is compiled when the root is finished."""

ROW, TOP, LEFT, BAR, RIGHT = 20, 44, 220, 460, 110
"""The picture's measures, in pixels."""


def installed_sizes(file_list: str, files: Mapping[str, int]) -> dict[str, int]:
    """Return bytes by package, the largest first; `files` maps `usr/bin/x` to bytes."""
    owners: dict[str, str] = {}
    for line in file_list.splitlines():
        package, _, path = line.partition(",")
        owners[path.removeprefix("./")] = package
    sums: dict[str, int] = {}
    for path, size in files.items():
        owner = owners.get(path, UNOWNED)
        sums[owner] = sums.get(owner, 0) + size
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A picture's title and bars: name, bytes. The longest bar is the largest value."""

    title: str
    bars: Sequence[tuple[str, int]]


def shortened(sizes: Mapping[str, int], count: int) -> list[tuple[str, int]]:
    """Return the `count` largest, and all others as one."""
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    rest = ordered[count:]
    others = [(f"{len(rest)} others", sum(size for _, size in rest))] if rest else []
    return [*ordered[:count], *others]


def megabytes(size: int) -> str:
    """Word a size in millions of bytes, as the aims are worded."""
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size / 1e3:.1f} kB"


def text(words: str) -> str:
    """Word what XML may hold between two tags."""
    return escape(words, quote=False)


def bars_svg(picture: Bars) -> str:
    """Draw the bars; the same value is the same text. Legible on a light and a dark page."""
    width, height = LEFT + BAR + RIGHT, TOP + ROW * len(picture.bars) + 8
    largest = max((size for _, size in picture.bars), default=0) or 1
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">'
    )
    title = f'<text x="8" y="24" font-size="15" fill="#222222">{text(picture.title)}</text>'
    lines = [head, f'<rect width="{width}" height="{height}" fill="#ffffff"/>', title]
    for number, (name, size) in enumerate(picture.bars):
        y = TOP + ROW * number
        length = max(round(BAR * size / largest), 1)
        label = f'x="{LEFT - 8}" y="{y + 13}" text-anchor="end" fill="#222222"'
        bar = f'x="{LEFT}" y="{y + 2}" width="{length}" height="{ROW - 5}" fill="#3b6ea5"'
        value = f'x="{LEFT + length + 6}" y="{y + 13}" fill="#222222"'
        lines += [
            f"<text {label}>{text(name)}</text>",
            f"<rect {bar}/>",
            f"<text {value}>{megabytes(size)}</text>",
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"
