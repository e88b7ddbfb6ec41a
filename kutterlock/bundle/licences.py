"""The licence of every file of a bundle that can say so itself: .debs, wheels, our own files.

Read from the bytes that cross, which are hostile until proven otherwise: what cannot be read is
said to be so, and is no error, for nobody builds by it. Sources are Buildroot's to tell (the bill
of materials); what an image is under, nobody states in one place.
"""

import email.message
import email.parser
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kutterlock.adapters.archives.deb import Deb
from kutterlock.adapters.archives.tarstream import TarStream
from kutterlock.adapters.disk.files import explained
from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.workers import in_threads
from kutterlock.bundle.create import Tool
from kutterlock.bundle.wheels import LICENCE
from kutterlock.errors import KutterError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import DebianPackagePin, Lock
from kutterlock.model.sbom.copyright import LARGEST, PROSE, licences_of

BUILDROOT = "GPL-2.0-or-later"
"""Buildroot's own files (its COPYING and README); a patch has the licence of what it patches."""

UNREADABLE = "unknown: the file cannot be read"
UNSTATED = "not stated"
PROJECT = "the project's own"
MOST_LINKS = 10
_DOC = re.compile(r"(?:\./)?usr/share/doc/([^/]+)(/copyright)?\Z")


@dataclass(slots=True)
class _Docs:
    """What packages say: texts by name, and names whose directory or file is another's."""

    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def read(self, tar: TarStream, package: str) -> None:
        for member in tar.members():
            match = _DOC.match(member.name.rstrip("/"))
            if not match or match[1] != package:  # nobody speaks for another package
                continue
            is_file = match[2] is not None
            if member.kind == "link" and (other := _linked(member.target, is_file=is_file)):
                self.links[package] = other
                return
            if member.kind == "file" and is_file:
                large = member.size > LARGEST
                self.texts[package] = PROSE if large else licences_of(b"".join(tar.content()))
                return

    def of(self, name: str) -> str:
        for _ in range(MOST_LINKS):
            if name in self.texts:
                return self.texts[name]
            name = self.links.get(name, "")
        return PROSE


def package_licences(store: Store, lock: Lock) -> dict[Digest, str]:
    """Return what each package of the build environment says of itself."""
    docs, broken = _Docs(), set[Digest]()

    def read(package: DebianPackagePin) -> None:
        try:
            with store.open(package.digest) as file:
                deb = Deb(file, package.name, package.digest.algorithm)
                deb.control()
                docs.read(deb.data(), package.name)
        except KutterError:
            broken.add(package.digest)

    in_threads(read, lock.environment.packages)
    return {
        package.digest: UNREADABLE if package.digest in broken else docs.of(package.name)
        for package in lock.environment.packages
    }


def wheel_licence(path: Path) -> str:
    """Return what a wheel's metadata says (PEP 639, else the older fields)."""
    try:
        with explained(path), zipfile.ZipFile(path) as wheel:
            (name,) = (n for n in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
            if wheel.getinfo(name).file_size > LARGEST:
                return UNREADABLE
            text = wheel.read(name).decode("utf-8", "replace")
    except (KutterError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return UNREADABLE
    return _stated(email.parser.HeaderParser().parsestr(text))


def closure_licences(store: Store, lock: Lock, stated: Mapping[Digest, str]) -> dict[Digest, str]:
    """Return what is known of all that the lock pins; `stated`: what Buildroot says of sources."""
    sources = {pin.digest: stated.get(pin.digest, "") or UNSTATED for pin in lock.sources.values()}
    sources[lock.sources[lock.buildroot].digest] = BUILDROOT
    return {**sources, **package_licences(store, lock)}


def tool_licences(tools: Iterable[Tool]) -> dict[Digest, str]:
    """Return the licences of kutterlock's own files and wheels."""
    return {
        tool.blob.digest: wheel_licence(tool.path) if tool.path.suffix == ".whl" else LICENCE
        for tool in tools
    }


def _linked(target: str, *, is_file: bool) -> str:
    """Return the package whose documentation a symlink leads to, else nothing."""
    parts = target.rstrip("/").split("/")
    parts = parts[:-1] if is_file and parts[-1] == "copyright" else parts
    inside = target.startswith(("/usr/share/doc/", "../")) or (not is_file and len(parts) == 1)
    return parts[-1] if inside and parts and parts[-1] not in (".", "..", "") else ""


def _stated(headers: email.message.Message) -> str:
    expression = headers.get("License-Expression") or ""
    words = " ".join((headers.get("License") or "").split())
    classified = [
        line.rpartition(" :: ")[2]
        for line in headers.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    if expression:
        return " ".join(expression.split())[:200]
    if words and len(words) <= 80:
        return words
    return ", ".join(classified)[:200] or UNSTATED
