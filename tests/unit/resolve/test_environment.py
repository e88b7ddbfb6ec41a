import datetime
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kutterlock.adapters.disk.index_cache import IndexCache
from kutterlock.errors import (
    HashMismatchError,
    KutterError,
    ManifestError,
    MissingInputError,
    NetworkError,
    NoSolutionError,
    UntrustedError,
)
from kutterlock.model.digest import Digest
from kutterlock.model.lock import EnvironmentPin
from kutterlock.model.manifest import EnvironmentRequest
from kutterlock.model.progress import Silence
from kutterlock.resolve.environment import (
    DEFAULT_PACKAGES,
    resolve_environment,
    suites,
    wanted_packages,
)
from tests.support.archive import DATE, packages_xz, release, stanza

NOW = DATE + datetime.timedelta(days=1)
NOW_STAMP = "20261122T021046Z"
LIST = "main/binary-amd64/Packages.xz"


@dataclass
class Answer:
    body: bytes
    status: int = 200


@dataclass
class Snapshots:
    """Serves files by what follows the time stamp; `direct` is what no mirror rewrites."""

    cache: IndexCache
    files: dict[str, bytes] = field(default_factory=dict)
    direct: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get_bytes(
        self, url: str, *, limit: int, pinned: bool = False, missing_ok: bool = False
    ) -> Answer:
        assert pinned
        self.asked.append(url)
        archive, _, path = url.removeprefix("https://snapshot.debian.org/archive/").split("/", 2)
        name = f"{archive}/{path}"
        if name not in self.files and missing_ok:
            return Answer(b"", 404)
        if name not in self.files:
            raise NetworkError(f"{url} answered 404")
        return Answer(self.files[name])

    def request(self, method: str, url: str, *, limit: int) -> Answer:
        assert method == "GET"
        if url not in self.direct:
            raise NetworkError(f"{url} cannot be reached")
        return Answer(self.direct[url])

    def add(self, archive: str, suite: str, *stanzas: str, **fields: str) -> None:
        """Publish a suite."""
        packed = packages_xz(*stanzas)
        place = f"{archive}/dists/{suite}"
        self.files[f"{place}/{LIST}"] = packed
        self.files[f"{place}/InRelease"] = release(suite, {LIST: packed}, **fields)


def everything(version: str = "1") -> list[str]:
    return [stanza(name, version) for name in DEFAULT_PACKAGES]


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    made = Snapshots(cache=IndexCache(tmp_path))
    made.add("debian", "trixie", *everything())
    made.add(
        "debian-security",
        "trixie-security",
        stanza("git", "1+deb13u1", depends="libssl"),
        stanza("libssl"),
        date="Fri, 20 Nov 2026 23:00:00 UTC",
    )
    return made


def verified(data: bytes, what: str) -> bytes:
    return data


def resolve(
    snapshots: Snapshots,
    verify: Callable[[bytes, str], bytes] = verified,
    *,
    snapshot: str = "",
    now: datetime.datetime = NOW,
    packages: tuple[str, ...] = (),
    progress: Silence | None = None,
    offline: bool = False,
) -> EnvironmentPin:
    request = EnvironmentRequest(
        kind="debian", suite="trixie", snapshot=snapshot, packages=packages
    )
    return resolve_environment(
        request, None if offline else snapshots, verify, cache=snapshots.cache, now=now,
        progress=progress or Silence(),
    )  # fmt: skip


def test_pins_every_package_by_snapshot_and_digest(snapshots: Snapshots) -> None:
    pin = resolve(snapshots)
    assert (pin.kind, pin.architecture, pin.suite) == ("debian", "amd64", "trixie")
    assert sorted(package.name for package in pin.packages) == sorted([*DEFAULT_PACKAGES, "libssl"])
    git = next(package for package in pin.packages if package.name == "git")
    assert (git.version, git.archive) == ("1+deb13u1", "debian-security")
    assert pin.url(git) == (
        "https://snapshot.debian.org/archive/debian-security/20261121T110000Z/"
        "pool/main/g/git_1+deb13u1_amd64.deb"
    )


def test_takes_for_each_archive_a_snapshot_made_after_what_was_read(snapshots: Snapshots) -> None:
    pin = resolve(snapshots)
    assert pin.archives == {
        "debian": "https://snapshot.debian.org/archive/debian/20261121T141046Z/",
        "debian-security": "https://snapshot.debian.org/archive/debian-security/20261121T110000Z/",
    }
    assert pin.snapshot == "20261121T141046Z"
    assert all(f"/{NOW_STAMP}/" in url for url in snapshots.asked)


def test_updates_are_read_where_they_exist(snapshots: Snapshots) -> None:
    snapshots.add("debian", "trixie-updates", stanza("make", "2"))
    pin = resolve(snapshots)
    assert {p.name: p.version for p in pin.packages}["make"] == "2"


def test_a_named_snapshot_is_pinned_as_it_is(snapshots: Snapshots) -> None:
    pin = resolve(snapshots, snapshot="20261121T060000Z")
    assert set(pin.archives.values()) == {
        "https://snapshot.debian.org/archive/debian/20261121T060000Z/",
        "https://snapshot.debian.org/archive/debian-security/20261121T060000Z/",
    }


def test_a_snapshot_that_mirrors_have_left_behind_is_asked_of_its_own_server(
    snapshots: Snapshots,
) -> None:
    top = "https://snapshot.debian.org/archive"
    old = packages_xz(*everything("0"))
    digest = Digest.of(old).hex
    snapshots.files[f"debian/dists/trixie/main/binary-amd64/by-hash/SHA256/{digest}"] = old
    security = snapshots.files[f"debian-security/dists/trixie-security/{LIST}"]
    for archive, suite, packed in (
        ("debian", "trixie", old),
        ("debian-security", "trixie-security", security),
    ):
        text = release(suite, {LIST: packed}, date="Sat, 31 Oct 2026 12:00:00 UTC")
        snapshots.direct[f"{top}/{archive}/20261101T000000Z/dists/{suite}/InRelease"] = text
    pin = resolve(snapshots, snapshot="20261101T000000Z")
    assert {p.name: p.version for p in pin.packages}["make"] == "0"


def test_a_snapshot_that_nobody_has_is_a_network_error(snapshots: Snapshots) -> None:
    with pytest.raises(NetworkError) as caught:
        resolve(snapshots, snapshot="20261101T000000Z")
    assert caught.value.reason == "no mirror has trixie as of 20261101T000000Z"
    assert caught.value.details == (
        "they have it as of 20261121T021046Z",
        "https://snapshot.debian.org/archive/debian/20261101T000000Z/dists/trixie/InRelease"
        " cannot be reached",
    )
    assert caught.value.hint == (
        "leave `snapshot` out of kutter.toml to take what the mirrors have now"
    )


class Notes(Silence):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def test_an_old_release_file_is_refused_now_and_noted_for_a_snapshot(snapshots: Snapshots) -> None:
    until = "Sat, 21 Nov 2026 03:00:00 UTC"
    snapshots.add("debian", "trixie", *everything(), valid_until=until)
    with pytest.raises(UntrustedError) as caught:
        resolve(snapshots)
    assert caught.value.reason == (
        "InRelease of trixie was valid until 20261121T030000Z: it is an old one"
    )
    notes = Notes()
    resolve(snapshots, snapshot="20261122T000000Z", progress=notes)
    assert notes.lines == ["trixie was valid until 20261121T030000Z, before the snapshot"]


def test_a_release_file_that_nobody_vouches_for_stops_it(snapshots: Snapshots) -> None:
    def refuse(data: bytes, what: str) -> bytes:
        raise UntrustedError(f"{what}: nobody signed it")

    with pytest.raises(UntrustedError) as caught:
        resolve(snapshots, refuse)
    assert caught.value.reason == "InRelease of trixie: nobody signed it"
    assert len(snapshots.asked) == 1


def test_a_release_file_of_another_suite_is_refused(snapshots: Snapshots) -> None:
    other = snapshots.files["debian-security/dists/trixie-security/InRelease"]
    snapshots.files["debian/dists/trixie/InRelease"] = other
    with pytest.raises(UntrustedError) as caught:
        resolve(snapshots)
    assert caught.value.reason == "InRelease of trixie is that of another suite: 'trixie-security'"


def test_a_signed_text_that_is_no_release_file_is_refused(snapshots: Snapshots) -> None:
    snapshots.files["debian/dists/trixie/InRelease"] = b"Suite: stable\n"
    with pytest.raises(UntrustedError) as caught:
        resolve(snapshots)
    assert caught.value.reason == (
        "InRelease of trixie is signed, but cannot be read: field 'date' is missing"
    )


def test_a_package_list_of_other_bytes_is_asked_for_by_hash(snapshots: Snapshots) -> None:
    path = f"debian/dists/trixie/{LIST}"
    good = snapshots.files[path]
    by_hash = f"debian/dists/trixie/main/binary-amd64/by-hash/SHA256/{Digest.of(good).hex}"
    snapshots.files.update({path: b"newer", by_hash: good})
    assert resolve(snapshots).packages
    shutil.rmtree(snapshots.cache.root / "debian")
    snapshots.files[by_hash] = b"newer"
    with pytest.raises(HashMismatchError) as caught:
        resolve(snapshots)
    assert caught.value.reason == f"{LIST} of trixie is not what InRelease says"
    assert caught.value.details == (
        f"expected {Digest.of(good)}",
        f"got      {Digest.of(b'newer')}",
    )


def test_a_package_list_that_is_damaged_though_signed_is_an_error(snapshots: Snapshots) -> None:
    for bad, reason in (
        (b"no xz", f"{LIST} of trixie cannot be unpacked: it is truncated"),
        (packages_xz("nonsense"), f"{LIST} of trixie cannot be read: a stanza has no package name"
                                  " or version: b'nonsense'"),
    ):  # fmt: skip
        snapshots.files[f"debian/dists/trixie/{LIST}"] = bad
        snapshots.files["debian/dists/trixie/InRelease"] = release("trixie", {LIST: bad})
        with pytest.raises(KutterError) as caught:
            resolve(snapshots)
        assert caught.value.reason == reason


def test_a_package_list_larger_than_signed_is_stopped(snapshots: Snapshots) -> None:
    packed = packages_xz(*everything())
    text = release("trixie", {LIST: packed, LIST.removesuffix(".xz"): b"short"})
    snapshots.files["debian/dists/trixie/InRelease"] = text
    with pytest.raises(KutterError) as caught:
        resolve(snapshots)
    assert caught.value.reason == f"{LIST} of trixie unpacks to more than 5 bytes"


def test_a_suite_without_the_architecture_is_no_solution(snapshots: Snapshots) -> None:
    snapshots.files["debian/dists/trixie/InRelease"] = release("trixie", {"main/x": b""})
    with pytest.raises(NoSolutionError) as caught:
        resolve(snapshots)
    assert caught.value.reason == "Debian suite 'trixie' has no packages for amd64"


def test_a_missing_security_suite_is_an_error(snapshots: Snapshots) -> None:
    del snapshots.files["debian-security/dists/trixie-security/InRelease"]
    with pytest.raises(NetworkError):
        resolve(snapshots)


def test_a_package_that_does_not_exist_is_no_solution(snapshots: Snapshots) -> None:
    with pytest.raises(NoSolutionError) as caught:
        resolve(snapshots, packages=("gti",))
    assert caught.value.reason == "the build environment cannot have package 'gti'"


@pytest.mark.parametrize(
    "text", ["yesterday", "20261131T000000Z", "20261101T000000", "2026111T00000Z"]
)
def test_a_snapshot_of_another_form_is_a_manifest_error(snapshots: Snapshots, text: str) -> None:
    with pytest.raises(ManifestError) as caught:
        resolve(snapshots, snapshot=text)
    assert caught.value.details == (
        f"build-environment.snapshot: {text!r} is not of the form 20260131T000000Z",
    )


def test_toolchains_add_what_they_are_made_of() -> None:
    request = EnvironmentRequest(toolchains=("aarch64-linux-gnu",), packages=("vim",))
    assert set(wanted_packages(request)) - set(DEFAULT_PACKAGES) == {
        "vim", "gcc-aarch64-linux-gnu", "g++-aarch64-linux-gnu", "libc6-dev-arm64-cross",
        "linux-libc-dev-arm64-cross",
    }  # fmt: skip
    native = EnvironmentRequest(toolchains=("x86_64-linux-gnu",))
    assert set(wanted_packages(native)) == set(DEFAULT_PACKAGES)
    with pytest.raises(ManifestError) as caught:
        wanted_packages(EnvironmentRequest(toolchains=("arm-none-eabi",)))
    assert caught.value.details == (
        "build-environment.toolchains: toolchain 'arm-none-eabi' is not one of"
        " aarch64-linux-gnu, x86_64-linux-gnu",
    )


def test_a_default_package_may_be_taken_out() -> None:
    toolchains = ("x86_64-linux-gnu",)
    request = EnvironmentRequest(packages=("vim", "-g++"), toolchains=toolchains)
    assert set(wanted_packages(request)) == {*DEFAULT_PACKAGES, "vim"} - {"g++"}
    with pytest.raises(ManifestError) as caught:
        wanted_packages(EnvironmentRequest(packages=("-gpp",)))
    assert caught.value.details == (
        "build-environment.packages: '-gpp' takes out what is not in the default list",
    )


def test_security_may_be_left_out() -> None:
    request = EnvironmentRequest(kind="debian", suite="sid", security=False)
    assert [(suite.name, suite.optional) for suite in suites(request)] == [
        ("sid", False),
        ("sid-updates", True),
    ]


def test_the_host_needs_no_archive(tmp_path: Path) -> None:
    snapshots = Snapshots(cache=IndexCache(tmp_path))
    pin = resolve_environment(
        EnvironmentRequest(kind="host"), snapshots, verified, cache=snapshots.cache, now=NOW,
        progress=Silence(),
    )  # fmt: skip
    assert pin == EnvironmentPin(kind="host", architecture="amd64")
    assert snapshots.asked == []


def test_offline_another_request_is_solved_from_what_was_read_before(snapshots: Snapshots) -> None:
    snapshots.add("debian", "trixie", *everything(), stanza("hello"))
    online = resolve(snapshots, packages=("hello",))
    resolve(snapshots)
    snapshots.files.clear()
    later = NOW + datetime.timedelta(days=100)
    assert resolve(snapshots, packages=("hello",), offline=True, now=later) == online


def test_offline_the_signature_is_checked_again(snapshots: Snapshots) -> None:
    resolve(snapshots)
    checked: list[str] = []

    def verify(data: bytes, what: str) -> bytes:
        checked.append(what)
        return data

    resolve(snapshots, verify, offline=True)
    assert checked == ["InRelease of trixie", "InRelease of trixie-security"]


@pytest.mark.parametrize(
    ("snapshot", "detail"),
    [("", f"{LIST} of trixie"), ("20261121T060000Z", "InRelease of trixie")],
)
def test_offline_what_was_not_read_before_is_missing(
    snapshot: str, detail: str, snapshots: Snapshots
) -> None:
    resolve(snapshots)
    for path in snapshots.cache.root.glob("debian/trixie/newest/sha256-*"):
        path.write_bytes(b"damaged")
    with pytest.raises(MissingInputError) as caught:
        resolve(snapshots, snapshot=snapshot, offline=True)
    assert caught.value.reason == (
        "Debian's package lists are not here, and --offline forbids to fetch them"
    )
    assert caught.value.details == (detail,)
    assert caught.value.hint == "resolve once without --offline: afterwards they are in the cache"


def test_a_list_that_is_here_is_not_fetched_again(snapshots: Snapshots) -> None:
    first = resolve(snapshots)
    snapshots.asked.clear()
    assert resolve(snapshots) == first
    assert {url.rpartition("/")[2] for url in snapshots.asked} == {"InRelease"}


def test_lists_of_an_older_release_go(snapshots: Snapshots) -> None:
    resolve(snapshots)
    snapshots.add("debian", "trixie", *everything("2"))
    resolve(snapshots)
    kept = sorted(path.name for path in (snapshots.cache.root / "debian/trixie/newest").iterdir())
    packed = snapshots.files[f"debian/dists/trixie/{LIST}"]
    assert kept == ["release", f"sha256-{Digest.of(packed).hex}"]


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(
    snapshots: Snapshots, tmp_path: Path
) -> None:
    whole = resolve(snapshots)
    (tmp_path / "file").write_bytes(b"")
    snapshots.cache = IndexCache(tmp_path / "file")
    assert resolve(snapshots) == whole
