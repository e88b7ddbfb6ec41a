"""The newest set of versions that the manifest and the rules allow.

Pure: catalog and conditions in, `Solution` or `NoSolutionError` out; the same for any order of
the request. Pins of an existing lock stay, and as few of them move as possible.
"""

from collections.abc import Iterator
from itertools import combinations

from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import Release
from kutterlock.resolve.field import PRIORITY, Field, Request
from kutterlock.resolve.reasons import describe, explain_conflict
from kutterlock.resolve.solution import Solution


def solve(request: Request, catalog: Catalog) -> Solution:
    """Find the newest coherent set. Raises NoSolutionError, which says what stands against it."""
    field_ = Field(request, catalog)
    newest = field_.search(request.wanted)
    if newest is None:
        raise explain_conflict(field_)
    return describe(field_, _fewest_moves(field_, newest))


def _fewest_moves(field_: Field, newest: dict[str, Release]) -> dict[str, Release]:
    """Solve with every kept pin in force, else with the fewest and least weighty of them free.

    `newest` is the answer when none is in force.
    """
    wanted = field_.request.wanted
    pinned = dict(_still_allowed(field_))
    weighty = [name for name in PRIORITY if name in pinned]
    for count in range(len(weighty)):
        for freed in combinations(reversed(weighty), count):
            kept = {name: pinned[name] for name in weighty if name not in freed}
            found = field_.search(wanted, kept)
            if found is not None:
                return found
    return newest


def _still_allowed(field_: Field) -> Iterator[tuple[str, str]]:
    request = field_.request
    for name, version in request.keep.items():
        if name not in request.wanted or name in request.upgrade:
            continue
        if any(release.version.text == version for release in field_.allowed(name)):
            yield name, version
