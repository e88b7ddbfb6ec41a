"""The build environment for real: the machine's own mirror, apt, bubblewrap, Buildroot.

Downloads 150 MB, so it runs only where KUTTER_TEST_MIRROR names a folder of real files (which may
hold .debs, and holds Buildroot's tarball).
"""

import datetime
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.apt import debian_mirrors
from kutterlock.adapters.disk.index_cache import IndexCache
from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.http.client import Http, HttpOptions
from kutterlock.adapters.process import Finished, find_program, run
from kutterlock.adapters.signing.gpg import Gpg
from kutterlock.build.environment import prepare_environment
from kutterlock.errors import NetworkError, UsageError
from kutterlock.model.lock import EnvironmentPin
from kutterlock.model.manifest import EnvironmentRequest
from kutterlock.model.progress import Silence
from kutterlock.resolve.archive_keys import KEYRING, ArchiveKeys
from kutterlock.resolve.environment import resolve_environment, suites, wanted_packages
from kutterlock.vendor.fetch import FetchOptions, fetch
from kutterlock.vendor.wants import Want
from tests.support.unpacking import unpack

pytestmark = [pytest.mark.integration, pytest.mark.real]

PATH = os.environ.get("PATH", "")
BUILDROOT = "buildroot-2025.02.16"
REQUEST = EnvironmentRequest(
    kind="debian",
    suite="trixie",
    architecture="amd64",
    toolchains=("aarch64-linux-gnu", "x86_64-linux-gnu"),
)
HELLO_CXX = "#include <iostream>\nint main() { std::cout << 1; }\n"
HELLO = '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n'


@pytest.fixture(scope="module")
def folder() -> Path:
    named = os.environ.get("KUTTER_TEST_MIRROR")
    if not named:
        pytest.skip("KUTTER_TEST_MIRROR names no folder of real files")
    return Path(named)


@pytest.fixture(scope="module")
def http(folder: Path) -> Iterator[Http]:
    try:
        mirrors = debian_mirrors("auto")
    except UsageError as error:
        pytest.skip(error.reason)
    with Http(HttpOptions(mirrors=mirrors)) as door:
        yield door


@pytest.fixture(scope="module")
def pin(http: Http, tmp_path_factory: pytest.TempPathFactory) -> EnvironmentPin:
    if not KEYRING.is_file() or not find_program("gpgv", PATH):
        pytest.skip("gpgv or the keyring of Debian's archive is missing")
    return resolved(http, REQUEST, tmp_path_factory.mktemp("indices"))


def resolved(http: Http, request: EnvironmentRequest, cache: Path) -> EnvironmentPin:
    now = datetime.datetime.now(datetime.UTC)
    try:
        return resolve_environment(
            request, http, ArchiveKeys(Gpg(PATH)), cache=IndexCache(cache), now=now,
            progress=Silence(),
        )  # fmt: skip
    except NetworkError as error:
        pytest.skip(f"no mirror of Debian to be had: {error.reason}")


@pytest.fixture(scope="module")
def store(
    pin: EnvironmentPin, http: Http, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Store:
    made = Store(tmp_path_factory.mktemp("store"))
    wants = [
        Want(digest=package.digest, name=package.path, urls=(pin.url(package),))
        for package in pin.packages
    ]
    report = fetch(wants, made, lambda: http, Silence(), FetchOptions(folders=(folder,)))
    assert not report.failures
    return made


@pytest.fixture(scope="module")
def root(pin: EnvironmentPin, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = prepare_environment(pin, store, tmp_path_factory.mktemp("cache"), Silence())
    assert made.root is not None
    return made.root


def in_sandbox(root: Path, binds: list[str], argv: list[str]) -> Finished:
    bwrap = find_program("bwrap", PATH)
    if bwrap is None:
        pytest.skip("bubblewrap is not on this machine")
    options = ["--unshare-all", "--uid", "1000", "--gid", "1000", "--ro-bind", str(root), "/",
               "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # fmt: skip
    return run(
        [str(bwrap), *options, *binds, "--", *argv],
        {"PATH": "/usr/bin:/usr/sbin", "LC_ALL": "C", "HOME": "/tmp"},
    )


def test_the_closure_is_what_apt_would_install(pin: EnvironmentPin, tmp_path: Path) -> None:
    apt = find_program("apt-get", PATH)
    if apt is None:
        pytest.skip("apt is not on this machine")
    environment = isolated_apt(tmp_path)
    run([str(apt), "update"], environment)
    wanted = ["?essential", *wanted_packages(REQUEST)]
    argv = [str(apt), "--simulate", "install", *wanted]
    lines = run(argv, environment).output.decode().splitlines()
    theirs = {line.split()[1]: line.split()[2][1:] for line in lines if line.startswith("Inst ")}
    ours = {package.name: package.version for package in pin.packages}
    # apt counts itself, and what it needs itself, as essential.
    assert set(theirs) - set(ours) == {
        "apt", "debian-archive-keyring", "libapt-pkg7.0", "libseccomp2", "sqv",
    }  # fmt: skip
    assert ours == {name: version for name, version in theirs.items() if name in ours}


def isolated_apt(place: Path) -> dict[str, str]:
    for name in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (place / name).mkdir(parents=True)
    (place / "status").touch()
    mirrors = {key.split("/")[4]: urls[0] for key, urls in debian_mirrors("auto").items()}
    (place / "sources.list").write_text(
        "".join(
            f"deb [signed-by={KEYRING}] {mirrors[suite.archive]} {suite.name} main\n"
            for suite in suites(REQUEST)
        )
    )
    (place / "conf").write_text(
        f'Dir::State "{place}/state"; Dir::State::status "{place}/status";\n'
        f'Dir::Cache "{place}/cache"; Dir::Etc "{place}/etc"; Dir::Etc::parts "-";\n'
        f'Dir::Etc::sourcelist "{place}/sources.list"; Dir::Etc::sourceparts "-";\n'
        'APT::Architecture "amd64"; APT::Architectures { "amd64"; };\n'
        'APT::Install-Recommends "false"; Acquire::Languages "none"; APT::Sandbox::User "";\n'
    )
    return {"APT_CONFIG": str(place / "conf"), "PATH": PATH, "LC_ALL": "C"}


def test_an_environment_can_be_resolved_for_arm64(
    http: Http, pin: EnvironmentPin, tmp_path: Path
) -> None:
    request = EnvironmentRequest(
        kind="debian", suite="trixie", architecture="arm64", toolchains=("x86_64-linux-gnu",)
    )
    found = {package.name: package for package in resolved(http, request, tmp_path).packages}
    assert "gcc-14-x86-64-linux-gnu" in found
    assert found["make"].path.endswith("_arm64.deb")
    assert pin.architecture == "amd64"


def test_unpacking_twice_gives_the_same_tree(
    pin: EnvironmentPin, store: Store, root: Path, tmp_path: Path
) -> None:
    first = prepare_environment(pin, store, root.parents[2], Silence())
    second = prepare_environment(pin, store, tmp_path, Silence())
    assert first.root == root
    assert first.digest == second.digest


def test_its_compilers_make_programs_that_run(root: Path, tmp_path: Path) -> None:
    (tmp_path / "hello.c").write_text(HELLO)
    for compiler in ("cc", "c++ -x c++", f"{own_compiler('x86_64-linux-gnu', 'gcc')} -static"):
        command = f"cd /build && {compiler} -o hello hello.c && ./hello"
        done = in_sandbox(root, ["--bind", str(tmp_path), "/build"], ["sh", "-c", command])
        assert (done.status, done.output, done.errors) == (0, b"hello\n", b"")


@pytest.mark.parametrize(
    ("triplet", "machine"), [("aarch64-linux-gnu", b"AArch64"), ("x86_64-linux-gnu", b"X86-64")]
)
def test_a_toolchain_makes_programs_for_its_target(
    root: Path, tmp_path: Path, triplet: str, machine: bytes
) -> None:
    (tmp_path / "hello.c").write_text(HELLO)
    (tmp_path / "hello.cc").write_text(HELLO_CXX)
    for compiler, source in (("gcc", "hello.c"), ("g++", "hello.cc")):
        command = (
            f"cd /build && {own_compiler(triplet, compiler)} -o hello {source}"
            f" && {toolchain(triplet)}-readelf -h hello"
        )
        done = in_sandbox(root, ["--bind", str(tmp_path), "/build"], ["sh", "-c", command])
        assert (done.status, done.errors) == (0, b"")
        assert machine in done.output


@pytest.mark.parametrize("triplet", REQUEST.toolchains)
def test_a_toolchain_finds_its_own_libraries(root: Path, triplet: str) -> None:
    top = toolchain(triplet).partition("/bin/")[0]
    for name in ("libc.a", "libc.so", "crt1.o", "libgcc.a", "libstdc++.a"):
        argv = [f"{toolchain(triplet)}-g++", f"-print-file-name={name}"]
        found = in_sandbox(root, [], argv).output.decode().strip()
        assert os.path.normpath(found).startswith(f"{top}/"), name


def own_compiler(triplet: str, name: str) -> str:
    """Call it as Buildroot's wrapper does."""
    return f"{toolchain(triplet)}-{name} --sysroot=/opt/kutter/toolchain/{triplet}/{triplet}"


def toolchain(triplet: str) -> str:
    return f"/opt/kutter/toolchain/{triplet}/bin/{triplet}"


def test_buildroot_accepts_it(root: Path, folder: Path, tmp_path: Path) -> None:
    tarball = folder / f"{BUILDROOT}.tar.gz"
    if not tarball.is_file():
        pytest.skip(f"{tarball.name} is not in KUTTER_TEST_MIRROR")
    unpack(tarball, tmp_path)
    tree = next(tmp_path.glob("buildroot-*"))
    (tmp_path / "out").mkdir()
    binds = ["--ro-bind", str(tree), "/kutter", "--bind", str(tmp_path / "out"), "/build"]
    command = "make -C /kutter O=/build qemu_x86_64_defconfig && make -C /build dependencies"
    done = in_sandbox(root, binds, ["sh", "-c", command])
    assert done.status == 0, done.errors.decode() + done.output.decode()[-2000:]
