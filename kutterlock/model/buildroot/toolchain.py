"""How Debian's gcc becomes a toolchain that Buildroot takes as external: a plan, no file access.

Used in place, Debian's compiler finds the build environment's own C library first. Below
`/opt/kutter/toolchain/TRIPLET` it is laid out as Buildroot expects of a toolchain with a sysroot:

    bin/TRIPLET-gcc ...         copies: gcc finds its directories from where it lies
    libexec/gcc/TRIPLET/N       links to cc1 and its kin (`gcc-cross` for a cross compiler)
    lib/gcc/TRIPLET/N           gcc's own libraries and headers
    TRIPLET/                    sysroot and gcc's tool directory in one
    TRIPLET/lib                 every library, flat
    TRIPLET/usr/include         every header of C
    TRIPLET/include/c++/N       those of C++: g++ looks beside itself, never in the sysroot
    include                     a link to TRIPLET/include, which is where a native g++ looks

Nothing here is Debian's paths as they stand, so a rebuild in another root gives the same files.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TOOLCHAINS = "opt/kutter/toolchain"
TRIPLETS: Mapping[str, str] = {"aarch64-linux-gnu": "arm64", "x86_64-linux-gnu": "amd64"}
"""The toolchains that can be asked for, with Debian's name of what they build for."""

_NOT_TAKEN = re.compile(
    r"plugin/|lib(?:cc1|asan|hwasan|lsan|tsan|ubsan|itm|lto_plugin)|libsanitizer"
)
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Make a symlink at `place` (below the root) to `target`."""

    place: str
    target: str


@dataclass(frozen=True, slots=True, order=True)
class Copy:
    """Copy the file `source` to `place` (both below the root)."""

    place: str
    source: str


Step = Link | Copy


def toolchain_packages(triplet: str, architecture: str) -> tuple[str, ...]:
    """Name the packages to ask for, on a build environment of `architecture`.

    Raises ValueError for a triplet that is not known.
    """
    if triplet not in TRIPLETS:
        raise ValueError(f"toolchain {triplet!r} is not one of {', '.join(sorted(TRIPLETS))}")
    if TRIPLETS[triplet] == architecture:
        return ("gcc", "g++", "libc6-dev")
    suffix = f"{TRIPLETS[triplet]}-cross"
    return (f"gcc-{triplet}".replace("_", "-"), f"g++-{triplet}".replace("_", "-"),
            f"libc6-dev-{suffix}", f"linux-libc-dev-{suffix}")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What the packages put where: paths of each package, and the target of each symlink."""

    members: Mapping[str, tuple[str, ...]]
    links: Mapping[str, str]

    def real(self, path: str) -> str:
        """Follow links within the root. Raises ValueError when they go in circles."""
        for _ in range(_MOST_LINKS):
            followed = self._follow(path)
            if followed == path:
                return path
            path = followed
        raise ValueError(f"links go in circles at {path!r}")

    def _follow(self, path: str) -> str:
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            head = "/".join(parts[:count])
            if head in self.links:
                target = posixpath.join("/", posixpath.dirname(head), self.links[head])
                return posixpath.normpath(posixpath.join(target, *parts[count:])).lstrip("/")
        return path


def plan_toolchain(triplet: str, architecture: str, installed: Installed) -> tuple[Step, ...]:
    """Return every step, in the order of their places.

    Raises ValueError when a package that the toolchain is made of is not installed.
    """
    return _Plan(triplet, architecture, installed).steps()


class _Plan:
    def __init__(self, triplet: str, architecture: str, installed: Installed) -> None:
        self._triplet = triplet
        self._installed = installed
        self._native = TRIPLETS[triplet] == architecture
        self._number = self._compiler()
        self._top = f"{TOOLCHAINS}/{triplet}"
        self._sysroot = f"{self._top}/{triplet}"
        family = "gcc" if self._native else "gcc-cross"
        self._own = f"{family}/{triplet}/{self._number}"

    def steps(self) -> tuple[Step, ...]:
        found: dict[str, Step] = {}
        for name in self._programs():
            for path in self._members(name):
                for step in (*self._program(name, path), *self._own_file(path)):
                    self._add(found, step)
        for name in self._libraries():
            for path in self._members(name):
                for step in self._own_file(path) or self._sysroot_file(path):
                    self._add(found, step)
        if any(place.startswith(f"{self._sysroot}/include/") for place in found):
            self._add(found, Link(f"{self._top}/include", f"{self._triplet}/include"))
        return tuple(found[place] for place in sorted(found))

    def _add(self, found: dict[str, Step], step: Step) -> None:
        first = found.setdefault(step.place, step)
        if first != step and isinstance(first, Link) != isinstance(step, Link):
            found[step.place] = first if isinstance(first, Copy) else step

    def _compiler(self) -> str:
        dashed = re.escape(self._triplet.replace("_", "-"))
        pattern = re.compile(rf"gcc-(\d+)-{dashed}")
        found = [match[1] for name in self._installed.members if (match := pattern.fullmatch(name))]
        if len(found) != 1:
            raise ValueError(f"toolchain {self._triplet} needs one gcc for it, found {len(found)}")
        return found[0]

    def _programs(self) -> tuple[str, ...]:
        dashed, number = self._triplet.replace("_", "-"), self._number
        names = (f"binutils-{dashed}", f"cpp-{number}-{dashed}", f"gcc-{number}-{dashed}")
        return (*names, *self._where_installed(f"g++-{number}-{dashed}"))

    def _libraries(self) -> tuple[str, ...]:
        suffix = "" if self._native else f"-{TRIPLETS[self._triplet]}-cross"
        names = (f"libgcc-{self._number}-dev", "libgcc-s1", "libgomp1", "libatomic1", "libc6",
                 "libc6-dev", "linux-libc-dev")  # fmt: skip
        optional = ["libquadmath0"]
        if any(name.startswith("g++") for name in self._programs()):
            optional += [f"libstdc++-{self._number}-dev", "libstdc++6"]
        return (
            *(name + suffix for name in names),
            *self._where_installed(*(name + suffix for name in optional)),
        )

    def _where_installed(self, *names: str) -> tuple[str, ...]:
        return tuple(name for name in names if name in self._installed.members)

    def _members(self, name: str) -> tuple[str, ...]:
        if name not in self._installed.members:
            raise ValueError(f"toolchain {self._triplet} needs package {name}, which is not there")
        return self._installed.members[name]

    def _program(self, package: str, path: str) -> Iterator[Step]:
        prefix = f"usr/bin/{self._triplet}-"
        if path.startswith(prefix):
            name = path.removeprefix(prefix)
            place = f"{self._top}/bin/{self._triplet}-{name.removesuffix('-' + self._number)}"
            if not package.startswith("binutils"):
                yield Copy(place, self._installed.real(path))
                return
            yield Link(place, "/" + self._installed.real(path))
            yield Link(f"{self._sysroot}/bin/{name}", f"../../bin/{self._triplet}-{name}")
        elif path.startswith(f"usr/libexec/{self._own}/"):
            yield Link(f"{self._top}/{path.removeprefix('usr/')}", "/" + path)

    def _own_file(self, path: str) -> tuple[Step, ...]:
        prefix = f"usr/lib/{self._own}/"
        name = path.removeprefix(prefix)
        if name == path or _NOT_TAKEN.match(name):
            return ()
        place = f"{self._top}/{path.removeprefix('usr/')}"
        back = "../" * (place.count("/") - self._top.count("/") - 1) + f"{self._triplet}/lib"
        target = self._installed.links.get(path, "")
        if re.search(r"\.so\.\d", target):
            return (Link(place, f"{back}/{posixpath.basename(target)}"),)
        if name == "libstdc++.a":
            return (Copy(f"{self._sysroot}/lib/{name}", path), Link(place, f"{back}/{name}"))
        return (Copy(place, self._installed.real(path)),)

    def _sysroot_file(self, path: str) -> tuple[Step, ...]:
        if header := self._header(path):
            number, triplet = self._number, re.escape(self._triplet)
            header = re.sub(rf"^c\+\+/{number}/{triplet}/", f"c++/{number}/", header)
            where = "include" if header.startswith("c++/") else "usr/include"
            return (Copy(f"{self._sysroot}/{where}/{header}", self._installed.real(path)),)
        return self._library(path)

    def _header(self, path: str) -> str:
        if not self._native:
            match = re.match(rf"usr/{re.escape(self._triplet)}/include/(.+)", path)
            return match[1] if match else ""
        match = re.match(rf"usr/include/(?:{re.escape(self._triplet)}/)?(.+)", path)
        return "" if not match or re.match(r"[^/]*-linux-[^/]*/", match[1]) else match[1]

    def _library(self, path: str) -> tuple[Step, ...]:
        triplet = re.escape(self._triplet)
        place = (
            rf"usr/lib(?:64)?/(?:{triplet}/)?" if self._native else rf"usr/{triplet}/lib(?:64)?/"
        )
        match = re.match(place + r"([^/]+(?:\.[oa]|\.so|\.so\.[\d.]+))\Z", path)
        if not match:
            return ()
        target = self._installed.links.get(path)
        if target is None:
            return (Copy(f"{self._sysroot}/lib/{match[1]}", path),)
        if posixpath.basename(target) == match[1]:
            return ()
        return (Link(f"{self._sysroot}/lib/{match[1]}", posixpath.basename(target)),)
