"""The most memory that each verb has of its own, whatever the size of what goes in.

Large inputs: a file of 1 GiB, one of 2 GiB over HTTP, a lock of 10 000 sources, the real
kutter.lock, a build whose log and images are large, and the real thing, where KUTTER_TEST_MIRROR
names a folder with Buildroot's tag archive and apt here has a mirror of Debian.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import (  # first: it makes kutterlock importable
    MIB,
    REPOSITORY,
    environment,
    program,
    scratch,
    skipped,
)
from images import SIZES, Server, fill, layout_digests, make_layout, put_buildroot
from project import write_current_project, write_images_project
from vendor import nginx

from kutterlock.demo.project import Demonstration, lay_out, point_at
from kutterlock.demo.server import serve

GIB = 1024 * MIB
SOURCES = 10_000
TARGET = 150 * MIB

RUN = """
import sys
from kutterlock.cli.main import main
status = main()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1], file=sys.stderr)
sys.exit(status)
"""
"""The peak of kutterlock itself: the programs that it starts have memory of their own."""

NOISY = """
echo "a long line follows"; head -c 50000000 /dev/zero | tr '\\0' x; echo
yes "a log of many lines" | head -n 5000000
head -c 500000000 /dev/urandom >huge.img
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where verbs are run, with which variables."""

    project: Path
    variables: Mapping[str, str]

    def measure(self, title: str, *words: str, fine: tuple[int, ...] = (0,)) -> bool:
        """Run a verb and print its peak; say whether it is within the target."""
        verb, *rest = words
        done = subprocess.run(
            [sys.executable, "-c", RUN, verb, *rest, "--project", str(self.project)],
            cwd=self.project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            check=False, env=environment(**self.variables),
        )  # fmt: skip
        if done.returncode not in fine:
            words_said = done.stderr[-2000:]
            raise SystemExit(f"kutterlock {' '.join(words)} gave {done.returncode}:\n{words_said}")
        peak = int(done.stderr.splitlines()[-1]) << 10
        met = peak <= TARGET
        print(f"  {title:<52}{peak / MIB:6.0f} MiB  {'met' if met else 'MISSED'}", flush=True)
        return met


def plain(directory: Path) -> Place:
    """Return a place whose store lies in it."""
    return Place(project=directory, variables={
        "HOME": str(directory), "KUTTER_STORE": str(directory / "s"),
    })  # fmt: skip


def make_huge(directory: Path, size: int) -> Path:
    """Make a file that is mostly holes, in a folder of its own."""
    path = directory / "mirror" / "huge-1.0.tar.xz"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.write(b"huge")
        file.truncate(size)
    return path


def huge(directory: Path) -> bool:
    """One file of 1 GiB, through every verb that reads or writes blobs."""
    path = make_huge(directory, GIB)
    write_current_project(directory, [path], "https://upstream.example/")
    print(f"one file of {GIB // MIB} MiB")
    place = plain(directory)
    results = [
        place.measure("vendor --mirror", "vendor", "--offline", "--mirror", str(path.parent)),
        place.measure("vendor --export", "vendor", "--export", str(directory / "view")),
        place.measure("verify", "verify"),
        place.measure("verify view", "verify", "view", str(directory / "view")),
        place.measure("store check", "store", "check"),
        place.measure("store gc --dry-run", "store", "gc", "--dry-run"),
        place.measure("bundle create", "bundle", "create", "-o", "huge.bundle.tar"),
        place.measure("bundle inspect", "bundle", "inspect", "huge.bundle.tar"),
        place.measure("bundle import", "bundle", "import", "--unsigned", "huge.bundle.tar",
                      "--into", str(directory / "there"), "--store", str(directory / "s2")),
    ]  # fmt: skip
    return all(results)


def over_http(directory: Path) -> bool:
    """One file of 2 GiB from nginx on loopback."""
    directory.chmod(0o755)
    path = make_huge(directory, 2 * GIB)
    with nginx(directory, path.parent) as url:
        if not url:
            return True
        print(f"one file of {2 * GIB // MIB} MiB over HTTP")
        write_current_project(directory, [path], url)
        return plain(directory).measure("vendor", "vendor")


def many(directory: Path) -> bool:
    """Ten thousand sources through every verb that reads a lock."""
    files = []
    (directory / "files").mkdir()
    for number in range(SOURCES):
        path = directory / "files" / f"package-{number}-1.0.tar.xz"
        path.write_bytes(str(number).encode())
        files.append(path)
    write_current_project(directory, files, "https://upstream.example/")
    print(f"a lock of {SOURCES} sources")
    return read_verbs(plain(directory), "package-7-1.0.tar.xz")


def real_lock(directory: Path) -> bool:
    """The lock of Kutter OS with its boards."""
    print("the lock of Kutter OS")
    variables = {"HOME": str(directory), "KUTTER_STORE": str(directory / "s")}
    place = Place(project=REPOSITORY, variables=variables)
    results = [read_verbs(place, "openssl"), place.measure("audit", "audit")]
    return all(results)


def read_verbs(place: Place, name: str) -> bool:
    """Measure what reads a lock and nothing else."""
    results = [
        place.measure("tree --json", "tree", "--json"),
        place.measure("why", "why", name),
        place.measure("diff", "diff", str(place.project / "kutter.lock")),
        place.measure("resolve --check", "resolve", "--check"),
        place.measure("vendor --offline, nothing there", "vendor", "--offline", fine=(7,)),
        place.measure("verify, nothing there", "verify", fine=(7,)),
    ]
    return all(results)


def line(directory: Path) -> bool:
    """The demonstration, with a build that says and makes a lot."""
    demonstration = lay_out(directory / "demo")
    project = demonstration.project
    with (project / "overlays/demo/board/common/post-image.sh").open("a") as script:
        script.write(NOISY)
    manifest = project / "kutter.toml"
    manifest.write_text(manifest.read_text().replace('"disk.img"', '"huge.img"', 1))
    place = Place(project=project, variables=demonstration.environment())
    board = ("--board", "demo-x86_64")
    print("the demonstration, with a log of 150 MB and an image of 500 MB")
    with served(demonstration):
        results = [place.measure("resolve", "resolve"), place.measure("vendor", "vendor")]
    results += [
        place.measure("build", "build", "--offline", *board),
        place.measure("build, done before", "build", "--offline", *board),
        place.measure("sbom", "sbom", *board),
        place.measure("attest --unsigned", "attest", "--unsigned", *board),
        place.measure("verify output", "verify", "output", "demo-x86_64", fine=(0, 6)),
    ]
    return all(results)


def images(directory: Path) -> bool:
    """Eight images of 208 MB: from a registry, out into layouts, and to another registry."""
    if not program("docker-registry") or not program("skopeo"):
        skipped("images", "docker-registry or skopeo is not installed")
        return True
    print("eight images of 208 MB")
    layout = make_layout(directory / "source")
    project = directory / "project"
    place = Place(project=project, variables={
        "HOME": str(directory), "KUTTER_STORE": str(directory / "s"),
    })  # fmt: skip
    put_buildroot(directory / "s")
    with Server(directory / "registry") as server:
        fill(layout, server, directory)
        digests = layout_digests(layout)
        pins = {f"{server.host}/{name}:v1": digests[name] for name in SIZES}
        write_images_project(project, pins)
        results = [place.measure("vendor", "vendor")]
    with Server(directory / "empty") as target:
        results += [
            place.measure("images export", "images", "export", str(directory / "out")),
            place.measure("images push", "images", "push", target.host),
            place.measure("verify", "verify"),
        ]
    return all(results)


@contextmanager
def served(demonstration: Demonstration) -> Iterator[None]:
    """Let the embedded upstream answer."""
    with serve(demonstration.upstream) as url:
        point_at(demonstration, url)
        yield


def real(directory: Path) -> bool:
    """examples/mini: Debian's package lists, 180 packages and Buildroot, nothing cached."""
    mirror = os.environ.get("KUTTER_TEST_MIRROR")
    if not mirror or not program("gpgv"):
        skipped("examples/mini", "KUTTER_TEST_MIRROR names no folder, or gpgv is missing")
        return True
    print("examples/mini, nothing cached")
    project = directory / "mini"
    subprocess.run(["cp", "-a", str(REPOSITORY / "examples/mini"), str(project)], check=True)
    place = plain(project)
    network = ("--mirror", mirror, "--debian-mirror", "auto")
    results = [
        place.measure("resolve", "resolve", "-P", "build-environment", *network),
        place.measure("resolve --offline", "resolve", "--offline", "-P", "build-environment"),
        place.measure("vendor", "vendor", *network),
        place.measure("sbom", "sbom"),
    ]
    return all(results)


def main() -> None:
    print(f"the most memory of kutterlock itself, at most {TARGET // MIB} MiB")
    met = []
    for part in (huge, over_http, many, real_lock, line, images, real):
        with scratch() as directory:
            met.append(part(Path(directory)))
    if not all(met):
        raise SystemExit("a verb has more memory than it may")


if __name__ == "__main__":
    main()
