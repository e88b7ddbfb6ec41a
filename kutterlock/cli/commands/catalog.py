"""`kutterlock catalog`: what is known of upstream versions, and where that stands."""

import argparse
from typing import TYPE_CHECKING, Any

from kutterlock.cli.context import Context
from kutterlock.errors import UsageError
from kutterlock.model.encoding.text import counted

if TYPE_CHECKING:  # the parser is built from this module: it may cost next to nothing
    from kutterlock.catalog.reader import Catalog
    from kutterlock.catalog.types import Release


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("catalog")
    parser.add_argument(
        "action",
        choices=("show", "update"),
        help="show: releases, hashes, rules, support; update: ask the upstreams what is new",
    )
    parser.add_argument("input", nargs="?", metavar="INPUT", help="one input, or `rules`")
    parser.add_argument("version", nargs="?", metavar="VERSION", help="one release of it")
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Print facts of the catalog, or learn new ones."""
    from kutterlock.model.manifest import INPUTS

    catalog = context.catalog()
    if arguments.action == "update":
        _update(catalog, context, arguments.input)
    elif arguments.input is None:
        _show_all(catalog, context)
    elif arguments.input == "rules":
        _show_rules(catalog, context)
    elif arguments.input not in INPUTS:
        raise UsageError(
            f"the catalog has no input {arguments.input!r}",
            hint=f"it has {', '.join(INPUTS)}, and `rules`",
        )
    elif arguments.version is None:
        _show_input(catalog, arguments.input, context)
    else:
        _show_release(catalog, arguments.input, arguments.version, context)


def _update(catalog: "Catalog", context: Context, only: str | None) -> None:
    from kutterlock.cli.upstreams import ask_upstreams
    from kutterlock.model.manifest import INPUTS
    from kutterlock.resolve.live import unanswered

    if only not in (None, *INPUTS):
        raise UsageError(f"there is no upstream {only!r}", hint=f"there are {', '.join(INPUTS)}")
    asked = INPUTS if only is None else (only,)
    heard = ask_upstreams(context, catalog, asked)
    new = [one for one in heard.releases if not catalog.release(one.name, one.version.text)]
    silent = sorted(heard.failures)
    context.output.json(
        {"asked": list(asked), "silent": silent, "new": [str(release) for release in new]}
    )
    if heard.answered:
        told = f"nothing {'of what was heard ' if silent else ''}contradicts the catalog"
        context.output.say(f"upstreams asked: {len(asked)}, new releases: {len(new)}; {told}")
        context.output.table((one.name, one.version.text, str(one.released or "-")) for one in new)
    if silent:
        raise unanswered(heard)


def _show_all(catalog: "Catalog", context: Context) -> None:
    from kutterlock.model.manifest import INPUTS

    counts = {name: catalog.releases(name) for name in INPUTS}
    context.output.say(f"catalog of {catalog.date}, {catalog.digest}")
    context.output.table(
        (name, counted(len(known), "release"), f"{known[-1].version} to {known[0].version}")
        if known
        else (name, "none")
        for name, known in counts.items()
    )
    context.output.json(
        {
            "date": catalog.date,
            "digest": catalog.digest,
            "inputs": {name: [r.version.text for r in known] for name, known in counts.items()},
        }
    )


def _show_rules(catalog: "Catalog", context: Context) -> None:
    context.output.table((rule.name, rule.demand, str(rule.source)) for rule in catalog.rules)
    facts = [
        {
            "name": rule.name,
            "of": rule.of,
            "on": rule.on,
            "kind": rule.kind,
            "demand": rule.demand,
            "source": str(rule.source),
            "commit": rule.source.commit,
            "table": {key: list(row) for key, row in rule.table.items()},
        }
        for rule in catalog.rules
    ]
    context.output.json({"rules": facts})


def _show_input(catalog: "Catalog", name: str, context: Context) -> None:
    releases = catalog.releases(name)
    context.output.table(
        (
            release.version.text,
            str(release.released or "-"),
            _support(catalog, release),
            _unknown(catalog, release),
        )
        for release in releases
    )
    context.output.json({"releases": [_release_json(catalog, release) for release in releases]})


def _show_release(catalog: "Catalog", name: str, version: str, context: Context) -> None:
    release = catalog.release(name, version)
    if release is None:
        raise UsageError(
            f"the catalog knows no {name} {version}",
            hint=f"`kutterlock catalog show {name}` lists what it knows",
        )
    context.output.say(f"{release}, released {release.released or 'unknown'}")
    context.output.table([("support", _support(catalog, release) or "-")])
    context.output.table(sorted(release.facts.items()))
    context.output.table(
        (file.name, str(file.digest or "unknown"), file.trust.by) for file in release.files
    )
    context.output.table(
        (image.reference, str(image.digest or "unknown"), image.trust.by)
        for image in catalog.images_of(release)
    )
    context.output.json({"releases": [_release_json(catalog, release)]})


def _support(catalog: "Catalog", release: "Release") -> str:
    support = catalog.support_of(release)
    if support is None:
        return ""
    return f"{'long-term, ' if support.long_term else ''}until {support.text}"


def _unknown(catalog: "Catalog", release: "Release") -> str:
    missing = [file.name for file in release.files if file.digest is None]
    missing += [image.reference for image in catalog.images_of(release) if image.digest is None]
    return f"{len(missing)} unknown" if missing else ""


def _release_json(catalog: "Catalog", release: "Release") -> dict[str, Any]:
    return {
        "version": release.version.text,
        "released": release.released,
        "support": _support(catalog, release),
        "facts": dict(release.facts),
        "files": [
            {
                "role": file.role,
                "name": file.name,
                "arch": file.arch,
                "url": file.url,
                "digest": file.digest,
                "trust": file.trust.level,
                "trusted-by": file.trust.by,
            }
            for file in release.files
        ],
        "images": {image.reference: image.digest for image in catalog.images_of(release)},
    }
