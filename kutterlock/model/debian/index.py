"""What Debian's archives offer: Release files and package lists, read with bounds.

Formats: https://wiki.debian.org/DebianRepository/Format. A package list has 60,000 stanzas of
which a closure needs some hundred, so a stanza is kept as the lines that matter and parsed when
somebody asks for it.
"""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from kutterlock.model.debian.version import Clause, DebianVersion, Relation, parse_relations
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.deb822 import Stanza, parse_stanza
from kutterlock.model.paths import RelativePath

LONGEST_STANZA = 1 << 20
MOST_PACKAGES = 500_000

_FIELDS = (b"Package|Version|Architecture|Essential|Multi-Arch|Pre-Depends|Depends|Provides|"
           b"Conflicts|Breaks|Filename|Size|SHA256")  # fmt: skip
_WANTED = re.compile(rb"^(?:" + _FIELDS + rb"):.*(?:\n[ \t].*)*", re.MULTILINE)
_NAME = re.compile(rb"^Package: *([a-z0-9][a-z0-9+.-]*) *$", re.MULTILINE)
_VERSION = re.compile(rb"^Version: *(\S+) *$", re.MULTILINE)
_PROVIDES = re.compile(rb"^Provides: *(.+)$", re.MULTILINE)
_PROVIDED_NAME = re.compile(r"(?:^|,)\s*([a-z0-9][a-z0-9+.-]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a signed Release file says. Times are UTC; `files` maps a path to digest and size."""

    suite: str
    codename: str
    date: datetime.datetime
    valid_until: datetime.datetime | None
    architectures: tuple[str, ...]
    files: Mapping[str, tuple[Digest, int]] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Release":
        """Read the text that was signed. Raises ValueError."""
        stanza = parse_stanza(text)
        until = stanza.get("valid-until")
        return cls(
            suite=stanza.get("suite", ""),
            codename=stanza.get("codename", ""),
            date=_time(_field(stanza, "date")),
            valid_until=_time(until) if until else None,
            architectures=tuple(stanza.get("architectures", "").split()),
            files=_files(_field(stanza, "sha256")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One binary package that an archive offers; `archive` is where its `path` is below."""

    name: str
    version: DebianVersion
    architecture: str
    archive: str
    path: RelativePath
    digest: Digest
    size: int
    multi_arch: str
    depends: tuple[Clause, ...]
    conflicts: tuple[Relation, ...]
    provides: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A stanza's lines that matter, not parsed yet."""

    archive: str
    lines: bytes

    @property
    def version(self) -> DebianVersion:
        found = _VERSION.search(self.lines)
        assert found is not None, "looked for when the stanza was taken in"
        return DebianVersion.parse(found[1].decode("ascii", "replace"))


class PackageIndex:
    """The newest version of every package, from any number of package lists."""

    def __init__(self, architecture: str) -> None:
        """Start empty; packages of other architectures (but `all`) are refused."""
        self.architecture = architecture
        self._kept: dict[str, _Kept] = {}
        self._parsed: dict[str, Package] = {}
        self._providers: dict[str, tuple[str, ...]] = {}
        self._essential: set[str] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def add_list(self, pieces: Iterable[bytes], archive: str) -> None:
        """Take in a `Packages` file, piece by piece. Raises ValueError."""
        for stanza in _stanzas(pieces):
            self._add(stanza, archive)
            if len(self._kept) > MOST_PACKAGES:
                raise ValueError(f"there are more than {MOST_PACKAGES} packages")

    def get(self, name: str) -> Package | None:
        """Return a package by its own name. Raises ValueError for a stanza that is wrong."""
        if name not in self._parsed:
            if name not in self._kept:
                return None
            self._parsed[name] = self._parse(name, self._kept[name])
        return self._parsed[name]

    def providers(self, name: str) -> tuple[Package, ...]:
        """Return the packages that provide `name`, sorted by name."""
        found = [self.get(provider) for provider in sorted(self._providers.get(name, ()))]
        return tuple(
            package
            for package in found
            if package and any(provided.name == name for provided in package.provides)
        )

    @property
    def essential(self) -> tuple[str, ...]:
        """The names of the essential packages, sorted."""
        return tuple(sorted(self._essential))

    def _add(self, stanza: bytes, archive: str) -> None:
        lines = b"\n".join(_WANTED.findall(stanza))
        name = _NAME.search(lines)
        if not name or not _VERSION.search(lines):
            raise ValueError(f"a stanza has no package name or version: {stanza[:80]!r}")
        text = name[1].decode()
        kept = _Kept(archive, lines)
        first = self._kept.get(text)
        if first is not None and first.version >= kept.version:
            return
        self._kept[text] = kept
        self._note(text, lines)

    def _note(self, name: str, lines: bytes) -> None:
        self._essential.discard(name)
        if b"\nEssential: yes" in lines:
            self._essential.add(name)
        if provides := _PROVIDES.search(lines):
            for provided in _PROVIDED_NAME.findall(provides[1].decode("ascii", "replace")):
                known = self._providers.get(provided, ())
                self._providers[provided] = known if name in known else (*known, name)

    def _parse(self, name: str, kept: _Kept) -> Package:
        try:
            stanza = parse_stanza(kept.lines.decode())
            return _package(stanza, kept, self.architecture)
        except ValueError as error:
            raise ValueError(f"package {name}: {error}") from error


def _package(stanza: Stanza, kept: _Kept, architecture: str) -> Package:
    found = _field(stanza, "architecture")
    if found not in (architecture, "all"):
        raise ValueError(f"is for {found}, in a list for {architecture}")
    depends = [stanza.get("pre-depends", ""), stanza.get("depends", "")]
    conflicts = [stanza.get("conflicts", ""), stanza.get("breaks", "")]
    return Package(
        name=_field(stanza, "package"),
        version=kept.version,
        architecture=found,
        archive=kept.archive,
        path=RelativePath(_field(stanza, "filename")),
        digest=Digest.parse("sha256:" + _field(stanza, "sha256")),
        size=_size(_field(stanza, "size")),
        multi_arch=stanza.get("multi-arch", ""),
        depends=tuple(clause for text in depends for clause in parse_relations(text)),
        conflicts=tuple(
            r for text in conflicts for clause in parse_relations(text) for r in clause
        ),
        provides=tuple(r for clause in parse_relations(stanza.get("provides", "")) for r in clause),
    )


def _stanzas(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n\n")
        yield from (stanza for stanza in whole if stanza.strip())
        if len(rest) > LONGEST_STANZA:
            raise ValueError(f"a stanza is longer than {LONGEST_STANZA} bytes")
    if rest.strip():
        yield rest


def _field(stanza: Stanza, name: str) -> str:
    if not stanza.get(name):
        raise ValueError(f"field {name!r} is missing")
    return stanza[name]


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError(f"{text[:80]!r} is not a size")
    return int(text)


def _time(text: str) -> datetime.datetime:
    try:
        time = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{text[:80]!r} is not a time") from error
    return time.astimezone(datetime.UTC) if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def _files(text: str) -> Mapping[str, tuple[Digest, int]]:
    found: dict[str, tuple[Digest, int]] = {}
    for line in text.splitlines():
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 3:
            raise ValueError(f"{line[:80]!r} is not of the form 'hash size path'")
        found[parts[2]] = (Digest.parse("sha256:" + parts[0]), _size(parts[1]))
    return found
