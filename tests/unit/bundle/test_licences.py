"""Licences out of the files that cross: .debs, wheels, our own."""

import io
import zipfile
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.bundle.licences import (
    BUILDROOT,
    UNREADABLE,
    UNSTATED,
    closure_licences,
    package_licences,
    tool_licences,
    wheel_licence,
)
from kutterlock.bundle.wheels import collect_tools
from kutterlock.model.digest import Digest
from kutterlock.model.lock import DebianPackagePin, EnvironmentPin, Lock
from kutterlock.model.paths import RelativePath
from kutterlock.model.sbom.copyright import LARGEST, PROSE
from tests.support.debs import Entry, deb_bytes, link
from tests.support.projects import lock_of

DEP5 = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nLicense: "


def copyright_of(name: str, text: bytes) -> Entry:
    return Entry(name=f"./usr/share/doc/{name}/copyright", data=text)


PACKAGES = {
    "plain": [
        Entry(name="./usr/bin/x", data=b"x" * 5000),
        copyright_of("plain", DEP5 + b"GPL-2\n"),
    ],
    "prose": [copyright_of("prose", b"do what you want\n")],
    "none": [Entry(name="./usr/bin/y", data=b"y")],
    "linked": [link("./usr/share/doc/linked", "plain")],
    "file-linked": [link("./usr/share/doc/file-linked/copyright", "../plain/copyright")],
    "round": [link("./usr/share/doc/round", "trip")],
    "trip": [link("./usr/share/doc/trip", "round")],
    "outside": [link("./usr/share/doc/outside", "../../../etc/passwd")],
    "liar": [copyright_of("none", DEP5 + b"Beerware\n")],
    "huge": [copyright_of("huge", DEP5 + b"GPL-2\n" + b"\n" * LARGEST)],
}
EXPECTED = {
    "plain": "GPL-2", "linked": "GPL-2", "file-linked": "GPL-2", "broken": UNREADABLE,
    **dict.fromkeys(["prose", "none", "round", "trip", "outside", "liar", "huge"], PROSE),
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def locked(store: Store) -> Lock:
    debs = {name: deb_bytes(name, entries) for name, entries in PACKAGES.items()}
    debs["broken"] = debs["plain"][:-300]
    pins = tuple(
        DebianPackagePin(name=name, version="1", archive="debian", digest=store.add_bytes(data),
                         path=RelativePath(f"pool/{name}.deb"))
        for name, data in debs.items()
    )  # fmt: skip
    environment = EnvironmentPin(kind="debian", architecture="amd64", packages=pins)
    files = {"buildroot/b.tar": b"buildroot", "p/p.tar": b"p", "q/q.tar": b"q"}
    return lock_of(files, "https://x.example")._replace(environment=environment)


def test_each_package_says_what_it_is_under(store: Store) -> None:
    lock = locked(store)
    found = package_licences(store, lock)
    assert {p.name: found[p.digest] for p in lock.environment.packages} == EXPECTED


def test_everything_that_the_lock_pins_has_a_line(store: Store) -> None:
    lock = locked(store)
    found = closure_licences(store, lock, {Digest.of(b"p"): "MIT"})
    assert found[Digest.of(b"buildroot")] == BUILDROOT
    assert found[Digest.of(b"p")] == "MIT"
    assert found[Digest.of(b"q")] == UNSTATED
    assert len(found) == 3 + len(EXPECTED)


def wheel(path: Path, metadata: str, name: str = "a-1.dist-info/METADATA") -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, metadata)
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other\n", "MIT OR Apache-2.0"),
        ("License: BSD 3-Clause\n", "BSD 3-Clause"),
        ("License: " + "long text " * 50 + "\nClassifier: License :: OSI Approved :: MIT License\n",
         "MIT License"),
        ("Name: a\n", UNSTATED),
    ],
)  # fmt: skip
def test_a_wheel_says_it_in_its_metadata(tmp_path: Path, metadata: str, found: str) -> None:
    assert wheel_licence(wheel(tmp_path / "a-1-py3-none-any.whl", metadata)) == found


def test_a_wheel_that_is_none_is_said_so(tmp_path: Path) -> None:
    broken = tmp_path / "a-1-py3-none-any.whl"
    broken.write_bytes(b"PK nothing")
    assert wheel_licence(broken) == UNREADABLE
    assert wheel_licence(wheel(broken, "Name: a\n", "METADATA")) == UNREADABLE
    assert wheel_licence(tmp_path / "absent.whl") == UNREADABLE


def test_our_own_files_say_ours(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    tools = collect_tools(tmp_path / "wheels", tmp_path)
    assert set(tool_licences(tools).values()) == {"Apache-2.0"}
    assert len(tool_licences(tools)) == 2
