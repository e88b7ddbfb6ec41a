"""Short ways to ask the solver, with the shipped catalog read once for all tests."""

import datetime
import functools
from collections.abc import Mapping

from kutterlock.catalog.reader import Catalog, load_catalog
from kutterlock.model.manifest import INPUTS
from kutterlock.resolve.field import Request
from kutterlock.resolve.rules import Conditions
from kutterlock.resolve.solution import Solution
from kutterlock.resolve.solve import solve

ANY: Mapping[str, str] = dict.fromkeys((name for name in INPUTS if name != "cri-dockerd"), "*")
"""What a project without Docker asks for."""
AS_OF = datetime.date(2026, 8, 22)


@functools.cache
def shipped() -> Catalog:
    """The shipped catalog; its files are parsed once."""
    return load_catalog()


def ask(
    wanted: Mapping[str, str] | None = None,
    *,
    keep: Mapping[str, str] | None = None,
    upgrade: Mapping[str, str] | None = None,
    conditions: Conditions | None = None,
) -> Solution:
    """Solve for all inputs but cri-dockerd, `*` unless said otherwise."""
    return solve(
        Request(
            wanted={**ANY, **(wanted or {})},
            conditions=conditions or Conditions(as_of=AS_OF),
            keep=keep or {},
            upgrade=upgrade or {},
        ),
        shipped(),
    )
