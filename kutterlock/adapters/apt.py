"""The machine's own apt configuration, read for one thing: where its Debian mirror is.

Formats: sources.list(5), both the one-line and the deb822 style. Used only when the user says
so; what a mirror serves is checked like everything else, and it never gets into the lock.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kutterlock.errors import UsageError
from kutterlock.model.encoding.deb822 import parse_stanzas

CONFIGURATION = Path("/etc/apt")
ARCHIVES = ("debian", "debian-security")
LARGEST = 1 << 20

_ONE_LINE = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)")


@dataclass(frozen=True, slots=True)
class Source:
    """One place that apt fetches from."""

    uri: str
    suite: str

    @property
    def archive(self) -> str:
        """Which of Debian's archives it mirrors, `""` for anything else."""
        last = self.uri.rstrip("/").rpartition("/")[2]
        if last not in ARCHIVES:
            return ""
        return "debian-security" if self.suite.endswith("-security") else last


def debian_mirrors(setting: str, configuration: Path = CONFIGURATION) -> dict[str, tuple[str, ...]]:
    """Return mirrors of snapshot.debian.org as `HttpOptions.mirrors` takes them.

    `setting` is `auto` (what apt on this machine uses) or the URL of Debian's archive on a mirror,
    beside which `debian-security` is looked for. Raises UsageError.
    """
    if setting != "auto":
        return _prefixes(_named(setting))
    found = _prefixes(tuple(apt_sources(configuration)))
    if not found:
        raise UsageError(
            f"{configuration} names no mirror of Debian",
            hint="name one: KUTTER_DEBIAN_MIRROR=http://mirror.example/debian",
        )
    return found


def apt_sources(configuration: Path) -> Iterator[Source]:
    """Read every source of binary packages that apt is configured with."""
    parts = configuration / "sources.list.d"
    files = [configuration / "sources.list", *sorted(parts.glob("*.list"))]
    for path in files:
        yield from parse_one_line(_text(path))
    for path in sorted(parts.glob("*.sources")):
        yield from parse_deb822(_text(path))


def parse_one_line(text: str) -> Iterator[Source]:
    """Read the lines of a `.list` file."""
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0].strip())
        if match:
            yield Source(match["uri"], match["suite"])


def parse_deb822(text: str) -> Iterator[Source]:
    """Read the stanzas of a `.sources` file; one that is damaged counts for nothing."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    try:
        stanzas = list(parse_stanzas(lines))
    except ValueError:
        return
    for stanza in stanzas:
        if "deb" in stanza.get("types", "").split() and stanza.get("enabled", "yes") != "no":
            for uri in stanza.get("uris", "").split():
                for suite in stanza.get("suites", "").split():
                    yield Source(uri, suite)


def _named(url: str) -> tuple[Source, ...]:
    if not re.match(r"(?:https?|file)://", url):
        raise UsageError(f"debian-mirror: {url!r} is neither 'auto' nor an http, https or file URL")
    bare = url.rstrip("/")
    base = bare.removesuffix("/debian")
    return (Source(f"{base}/debian", ""), Source(f"{base}/debian-security", "-security"))


def _prefixes(sources: tuple[Source, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for source in sources:
        if source.archive and re.match(r"(?:https?|file)://", source.uri):
            prefix = f"https://snapshot.debian.org/archive/{source.archive}/*/"
            uri = source.uri.rstrip("/") + "/"
            if uri not in found.setdefault(prefix, []):
                found[prefix].append(uri)
    return {prefix: tuple(uris) for prefix, uris in found.items()}


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""
