import os
import tarfile
from pathlib import Path

import pytest

from kutterlock.build.environment import layout_digest, prepare_environment
from kutterlock.errors import HashMismatchError, KutterError, MissingInputError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import DebianPackagePin, EnvironmentPin
from kutterlock.model.progress import Silence
from tests.support.debs import Entry, FakeStore, deb_bytes, directory, link

BASE = [
    directory("./"),
    directory("./etc/"),
    link("./bin", "usr/bin"),
    link("./lib64", "usr/lib64"),
]
TOOLS = [
    Entry(name="./bin/gcc", data=b"gcc", mode=0o4755),
    Entry(name="./usr/bin/gawk", data=b"gawk", mode=0o755),
    Entry(name="./usr/bin/gawk-1", kind=tarfile.LNKTYPE, target="./usr/bin/gawk"),
    Entry(name="./lib64/ld.so", data=b"ld", mode=0o600),
    link("./usr/bin/aw", "/usr/bin/gawk"),
    Entry(name="./usr/share/doc/gawk/README", data=b"words"),
    Entry(name="./usr/share/locale/de/LC_MESSAGES/gawk.mo", data=b"Wort"),
]


def pin_of(packages: tuple[DebianPackagePin, ...]) -> EnvironmentPin:
    return EnvironmentPin(kind="debian", architecture="amd64", suite="trixie", packages=packages)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


def listing(root: Path) -> dict[str, str]:
    found = {}
    for directory_, names, files in os.walk(root):
        for name in [*names, *files]:
            path = Path(directory_, name)
            if path.is_symlink():
                found[str(path.relative_to(root))] = f"-> {path.readlink()}"
            elif path.is_file():
                found[str(path.relative_to(root))] = f"{path.stat().st_mode & 0o7777:o}"
    return found


def test_unpacks_packages_and_adds_what_scripts_would(store: FakeStore, tmp_path: Path) -> None:
    pin = pin_of(store.add_all({"base": BASE, "tools": TOOLS}))
    made = prepare_environment(pin, store, tmp_path, Silence())
    assert made.root is not None
    assert listing(made.root) == {
        "bin": "-> usr/bin",
        "etc/group": "644",
        "etc/hosts": "644",
        "etc/nsswitch.conf": "644",
        "etc/passwd": "644",
        "lib": "-> usr/lib",
        "lib64": "-> usr/lib64",
        "sbin": "-> usr/sbin",
        "usr/bin/aw": "-> /usr/bin/gawk",
        "usr/bin/awk": "-> gawk",
        "usr/bin/cc": "-> gcc",
        "usr/bin/gawk": "755",
        "usr/bin/gawk-1": "755",
        "usr/bin/gcc": "755",
        "usr/bin/nawk": "-> gawk",
        "usr/lib64/ld.so": "644",
    }
    assert {"build", "dev", "kutter", "proc", "tmp"} <= {path.name for path in made.root.iterdir()}
    assert not (made.root / "etc/resolv.conf").exists()


def test_gives_the_same_tree_whatever_the_order(store: FakeStore, tmp_path: Path) -> None:
    packages = store.add_all({"base": BASE, "tools": TOOLS, "more": [Entry(name="./a/b")]})
    first = prepare_environment(pin_of(packages), store, tmp_path / "1", Silence())
    second = prepare_environment(pin_of(packages[::-1]), store, tmp_path / "2", Silence())
    assert first.digest == second.digest
    assert layout_digest(pin_of(packages)) == layout_digest(pin_of(packages[::-1]))


class Notes(Silence):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)

    def done(self, summary: str) -> None:
        self.lines.append(summary)


def prepared(store: FakeStore, cache: Path) -> tuple[EnvironmentPin, Path, Digest]:
    pin = pin_of(store.add_all({"base": BASE, "tools": TOOLS}))
    made = prepare_environment(pin, store, cache, Silence())
    assert made.root is not None
    assert made.digest is not None
    return pin, made.root, made.digest


def test_uses_again_what_is_there_without_the_store(store: FakeStore, tmp_path: Path) -> None:
    pin, root, digest = prepared(store, tmp_path)
    notes = Notes()
    again = prepare_environment(pin, FakeStore(), tmp_path, notes)
    assert (again.root, again.digest, notes.lines) == (root, digest, [])


@pytest.mark.parametrize("what", ["bytes", "mode", "time", "surplus", "removed", "link"])
def test_notices_a_changed_tree_and_unpacks_again(
    store: FakeStore, tmp_path: Path, what: str
) -> None:
    pin, root, digest = prepared(store, tmp_path)
    victim = root / "usr/bin/gcc"
    sealed = victim.stat()
    if what == "bytes":
        victim.write_bytes(b"evl")
        os.utime(victim, (sealed.st_atime, sealed.st_mtime))
    elif what == "mode":
        victim.chmod(0o4755)
    elif what == "time":
        os.utime(victim, (1, 1))
    elif what == "surplus":
        (root / "usr/bin/extra").mkdir()
        os.utime(root / "usr/bin/extra", (sealed.st_mtime, sealed.st_mtime))
        os.utime(root / "usr/bin", (sealed.st_mtime, sealed.st_mtime))
    elif what == "removed":
        (root / "lib64").unlink()
        os.utime(root, (sealed.st_mtime, sealed.st_mtime))
    else:
        (root / "usr/bin/aw").unlink()
        (root / "usr/bin/aw").symlink_to("/usr/bin/gcc")
    notes = Notes()
    again = prepare_environment(pin, store, tmp_path, notes)
    assert again.digest == digest
    assert notes.lines == [
        "the unpacked build environment was changed since it was made: unpacking again",
        "build environment of 2 packages unpacked",
    ]


def test_what_a_killed_run_left_is_removed(store: FakeStore, tmp_path: Path) -> None:
    pin = pin_of(store.add_all({"base": BASE, "tools": TOOLS}))
    left = tmp_path / "environments" / f".unverified-{layout_digest(pin).hex}"
    (left / "root/usr/bin").mkdir(parents=True)
    (left / "root/usr/bin/half").write_text("x")
    half = tmp_path / "environments" / layout_digest(pin).hex / "root/usr"
    half.mkdir(parents=True)
    made = prepare_environment(pin, store, tmp_path, Silence())
    assert made.root is not None
    assert not (made.root / "usr/bin/half").exists()
    assert not left.exists()


def test_names_the_packages_that_are_missing(store: FakeStore, tmp_path: Path) -> None:
    packages = store.add_all({"base": BASE, "tools": TOOLS})
    del store.blobs[packages[1].digest]
    with pytest.raises(MissingInputError) as caught:
        prepare_environment(pin_of(packages), store, tmp_path, Silence())
    assert caught.value.reason == "1 of 2 packages of the build environment are not in the store"
    assert caught.value.details == (f"tools_1.0_amd64.deb {packages[1].digest}",)
    assert caught.value.hint == (
        "run `kutterlock vendor` where there is a network or with --mirror DIR, or import a bundle "
        "that has what is missing"
    )


def test_a_blob_that_changed_in_the_store_stops_it(store: FakeStore, tmp_path: Path) -> None:
    packages = store.add_all({"base": BASE})
    other = deb_bytes("base", [*BASE, Entry(name="./etc/more")])
    store.blobs[packages[0].digest] = other
    with pytest.raises(HashMismatchError) as caught:
        prepare_environment(pin_of(packages), store, tmp_path, Silence())
    assert caught.value.reason == "base_1.0_amd64.deb is not what was pinned"
    assert caught.value.details == (
        f"expected {packages[0].digest}",
        f"got      {Digest.of(other)}",
    )
    assert not (tmp_path / "environments" / layout_digest(pin_of(packages)).hex).exists()


def test_another_package_under_the_pinned_name_stops_it(store: FakeStore, tmp_path: Path) -> None:
    pin = store.add("make", deb_bytes("sudo", [Entry(name="./a")]))
    with pytest.raises(HashMismatchError) as caught:
        prepare_environment(pin_of((pin,)), store, tmp_path, Silence())
    assert caught.value.reason == "make_1.0_amd64.deb is not the package that was pinned"
    assert caught.value.details == ("expected make 1.0", "got      sudo 1.0")


FILE = Entry(name="./a", data=b"1")

HOSTILE = {
    "parent": ([Entry(name="./../a")], "member './../a' is not a plain path below the root"),
    "inner parent": (
        [Entry(name="./usr/../../a")], "member './usr/../../a' is not a plain path below the root",
    ),
    "absolute": ([Entry(name="/etc/passwd")], "member '/etc/passwd' is absolute or empty"),
    "control": ([Entry(name="./a\nb")], "member './a\\nb' has control characters or is too long"),
    "link out": (
        [link("./usr/a", "../../x")], "link 'usr/a' leads out of the root (to '../../x')",
    ),
    "link through merged usr": (
        [link("./bin/a", "../../../x")], "link 'usr/bin/a' leads out of the root (to '../../../x')",
    ),
    "link up from the root": (
        [link("./a", "/../x")], "link 'a' leads out of the root (to '/../x')",
    ),
    "twice": ([FILE, FILE], "member 'a' comes twice"),
    "twice through merged usr": (
        [Entry(name="./bin/a"), Entry(name="./usr/bin/a")], "member 'usr/bin/a' comes twice",
    ),
    "file below a file": ([FILE, Entry(name="./a/b")], "directory 'a' is a file as well"),
    "hard link out": (
        [Entry(name="./a", kind=tarfile.LNKTYPE, target="../../etc/passwd")],
        "member '../../etc/passwd' is not a plain path below the root",
    ),
    "hard link to a foreign file": (
        [Entry(name="./b", kind=tarfile.LNKTYPE, target="./etc/passwd")],
        "'b' is a hard link to 'etc/passwd', which is no file of it",
    ),
    "hard link to a link": (
        [link("./a", "/etc"), Entry(name="./b", kind=tarfile.LNKTYPE, target="./a")],
        "'b' is a hard link to 'a', which is no file of it",
    ),
    "merged directory elsewhere": ([link("./bin", "/etc")], "'usr/bin' is a directory of the root"),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(HOSTILE))
def test_a_hostile_member_stops_it(store: FakeStore, tmp_path: Path, case: str) -> None:
    entries, reason = HOSTILE[case]
    pin = pin_of(store.add_all({"bad": entries}))
    with pytest.raises(KutterError) as caught:
        prepare_environment(pin, store, tmp_path / "cache", Silence())
    assert caught.value.reason == f"bad_1.0_amd64.deb: {reason}"
    assert list(tmp_path.iterdir()) == [tmp_path / "cache"]


def test_nothing_is_written_through_a_link(store: FakeStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    entries = [link("./a", str(outside)), Entry(name="./a/b", data=b"1")]
    pin = pin_of(store.add_all({"bad": entries}))
    with pytest.raises(KutterError) as caught:
        prepare_environment(pin, store, tmp_path / "cache", Silence())
    assert caught.value.reason == "bad: 'a' is a directory of another package"
    assert list(outside.iterdir()) == []


def test_packages_must_agree_about_a_shared_file(store: FakeStore, tmp_path: Path) -> None:
    same = pin_of(store.add_all({"one": [FILE], "two": [FILE]}))
    prepare_environment(same, store, tmp_path, Silence())
    other = pin_of(store.add_all({"one": [FILE], "three": [Entry(name="./a", data=b"2")]}))
    with pytest.raises(KutterError) as caught:
        prepare_environment(other, store, tmp_path, Silence())
    assert set(caught.value.reason.split()[:3]) == {"one", "and", "three"}
    assert caught.value.reason.endswith("both have a file 'a'")


def test_the_host_is_described_and_has_no_root(store: FakeStore, tmp_path: Path) -> None:
    pin = EnvironmentPin(kind="host", architecture="amd64")
    made = prepare_environment(pin, store, tmp_path, Silence(), search_path=str(tmp_path))
    assert (made.root, made.digest) == (None, None)
    assert made.facts["gcc"] == "missing"
    assert list(tmp_path.iterdir()) == []
