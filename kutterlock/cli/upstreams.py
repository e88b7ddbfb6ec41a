"""Asks upstreams for a command, and keeps what they said in the user's cache."""

import contextlib
from collections.abc import Collection
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.errors import UsageError

if TYPE_CHECKING:
    from kutterlock.catalog.reader import Catalog
    from kutterlock.resolve.live import Heard


def ask_upstreams(context: Context, catalog: "Catalog", names: Collection[str]) -> "Heard":
    """Ask about these inputs. Raises HashMismatchError when one contradicts what is known.

    The catalog's date, at which ends of life are judged, moves only when every upstream answered.
    """
    from kutterlock.catalog.updates import Findings
    from kutterlock.model.manifest import INPUTS
    from kutterlock.resolve.live import all_upstreams, ask, learn, signatures_of

    if catalog.updates is None:
        raise UsageError("KUTTER_CATALOG names a catalog of your own, which is not updated")
    signatures = signatures_of(context.settings, context.environ.get("PATH", ""))
    upstreams = [item for item in all_upstreams(signatures) if item.name in set(names)]
    with contextlib.closing(context.registries()) as registries, context.http() as http:
        heard = ask(catalog, upstreams, http, context.progress, registries.manifest)
    is_whole = not heard.failures and set(names) == set(INPUTS)
    date = context.now().date() if is_whole else catalog.date
    findings = Findings(
        date=date, releases=heard.releases, support=heard.support, images=heard.images
    )
    if heard.releases or heard.support or heard.images or is_whole:
        learn(catalog, findings, catalog.updates)
    return heard
