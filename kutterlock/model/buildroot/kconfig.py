"""Defconfigs against `.config`: Kconfig drops what it cannot honour without a word.

Owns reading both forms and comparing them; evaluating Kconfig is Buildroot's own affair.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kutterlock.errors import ManifestError

_SET = re.compile(r"(?P<key>[A-Za-z0-9_]+)=(?P<value>.*)\Z")
_UNSET = re.compile(r"#\s*(?P<key>[A-Za-z0-9_]+) is not set\s*\Z")
_NOT_ANSWERED = frozenset({"BR2_DEFCONFIG"})
"""Keys that Buildroot overwrites by itself; `savedefconfig` writes this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One line of a defconfig that asks for something; value `n` is `is not set`."""

    line: int
    key: str
    value: str

    def __str__(self) -> str:
        return f"line {self.line}: {_worded(self.key, self.value)}"


def parse_config(text: str) -> dict[str, str]:
    """Return every symbol of a `.config`; strings keep their quotes, `is not set` is `n`."""
    return {request.key: request.value for request in _requests(text.splitlines())}


def requests(defconfig: str) -> tuple[Request, ...]:
    """Return what a defconfig asks for; of several lines about a key the last one counts.

    Raises ManifestError naming lines that are neither a setting nor a comment.
    """
    lines = defconfig.splitlines()
    unread = [
        f"line {number}: {line}"
        for number, line in enumerate(lines, 1)
        if (bare := line.strip()) and not bare.startswith("#") and not _SET.match(bare)
    ]
    if unread:
        raise ManifestError("the defconfig has lines that Kconfig ignores", details=unread)
    last = {request.key: request for request in _requests(lines)}
    return tuple(request for request in last.values() if request.key not in _NOT_ANSWERED)


def check_honoured(
    defconfig: str, config: Mapping[str, str], name: str, *, by: str = "Buildroot"
) -> None:
    """Compare a defconfig with the `.config` made from it.

    Raises ManifestError with a line for each request that is not there.
    """
    dropped = [
        f"{request}: {_found(request.key, config)}"
        for request in requests(defconfig)
        if not _is_honoured(request, config)
    ]
    if config.get("BR2_LEGACY") == "y":
        dropped.append("BR2_LEGACY=y: it uses options that Buildroot has removed")
    if dropped:
        raise ManifestError(
            f"{by} does not honour {_count(len(dropped))} of {name}",
            details=dropped,
            hint="the option is misspelt, of another Buildroot version, or something that it "
            "depends on is not set; `make menuconfig` in `kutterlock shell` shows which",
        )


def _requests(lines: Iterable[str]) -> Iterator[Request]:
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if match := _SET.match(bare):
            yield Request(line=number, key=match["key"], value=match["value"].strip())
        elif match := _UNSET.match(bare):
            yield Request(line=number, key=match["key"], value="n")


def _is_honoured(request: Request, config: Mapping[str, str]) -> bool:
    found = config.get(request.key, "n")
    return _plain(found) == _plain(request.value)


def _plain(value: str) -> str:
    """Return a value without quotes that only its type asks for; numbers as numbers."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value
    try:
        return str(int(value, 0))
    except ValueError:
        return value


def _found(key: str, config: Mapping[str, str]) -> str:
    if key not in config:
        return "not in .config"
    return f".config has {_worded(key, config[key])}"


def _worded(key: str, value: str) -> str:
    return f"# {key} is not set" if value == "n" else f"{key}={value}"


def _count(number: int) -> str:
    return "one line" if number == 1 else f"{number} lines"
