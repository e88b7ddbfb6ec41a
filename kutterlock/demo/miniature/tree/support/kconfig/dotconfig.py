"""The text form of a configuration: .config and the shorter defconfig."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from support.kconfig.evaluate import Configuration, is_acceptable
from support.kconfig.model import Heading, Option, Tree

_ASSIGNMENT = re.compile(r"(\w+)=(.*)")
_UNSET = re.compile(r"# (\w+) is not set")


def read_wishes(path: Path, tree: Tree) -> dict[str, str]:
    """Read the assignments of a .config or defconfig; names without an option are dropped."""
    wishes: dict[str, str] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        name, text = _parse_line(line)
        option = tree.options.get(name)
        if option is None or option.kind is None:
            continue
        if not is_acceptable(option, text):
            message = f"symbol value '{text}' invalid for {name}"
        else:
            message = f"override: reassigning to symbol {name}" if name in wishes else ""
            wishes.pop(name, None)  # the last line decides which member of a choice wins
            wishes[name] = text
        if message:
            print(f"{path}:{number}:warning: {message}", file=sys.stderr)
    return wishes


def full_text(configuration: Configuration) -> str:
    """Render .config."""
    title = configuration.tree.title
    header = f"#\n# Automatically generated file; DO NOT EDIT.\n# {title}\n#\n"
    return header + "".join(_full_lines(configuration))


def minimal_text(configuration: Configuration) -> str:
    """Render a defconfig: only what differs from the defaults."""
    return "".join(
        _line(option, configuration)
        for option in _written(configuration)
        if configuration.is_visible(option) and not configuration.is_default(option)
    )


def _parse_line(line: str) -> tuple[str, str]:
    if match := _UNSET.match(line):
        return match[1], "n"
    match = _ASSIGNMENT.fullmatch(line)
    if match is None:
        return "", ""
    name, text = match[1], match[2]
    if quoted := re.match(r'"((?:\\.|[^"\\])*)"', text):
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    return name, text


def _full_lines(configuration: Configuration) -> Iterator[str]:
    seen: set[str] = set()
    for entry in configuration.tree.entries:
        if isinstance(entry, Heading):
            if configuration.shows(entry):
                yield f"\n#\n# {entry.title}\n#\n"
        elif entry.name not in seen and configuration.is_written(entry):
            seen.add(entry.name)
            yield _line(entry, configuration)


def _written(configuration: Configuration) -> Iterator[Option]:
    options = (entry for entry in configuration.tree.entries if isinstance(entry, Option))
    return (option for option in dict.fromkeys(options) if configuration.is_written(option))


def _line(option: Option, configuration: Configuration) -> str:
    value = configuration.value(option.name)
    if option.kind == "bool" and value == "n":
        return f"# {option.name} is not set\n"
    if option.kind == "string":
        value = '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    return f"{option.name}={value}\n"
