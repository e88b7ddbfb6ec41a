"""How kutterlock drives Buildroot, as values: argv, environment, and the files it generates.

A build is these texts, the trees that they are mounted beside, and nothing else. Whatever changes
what comes out of here for the same lock must raise `RECIPE_VERSION` in `kutterlock.model.lock`.

What goes where, as measured on 2025.02.16, 2026.02.3 and 2026.05.1:

- the generated defconfig carries what must be the same whenever the tree is asked anything
  (download directory, patch directories, override file, forced hash checks), so that `.config`
  and with it the lock's digest of it says so too;
- the command line carries where the tree writes (`O`), which external trees it reads, and, in a
  build only, the primary site (with it `show-info` would hide upstream's URLs) and the job count.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kutterlock.errors import ManifestError
from kutterlock.model.lock import OverridePin, SourcePin
from kutterlock.model.sandbox.plan import Place

TREE = "/kutter/buildroot"
OVERLAYS = "/kutter/overlays"
DOWNLOADS = "/kutter/dl"
HASHES = "/kutter/hashes"
MAKEFILE = "/kutter/kutter.mk"
DEFCONFIG = "/kutter/defconfig"

CONFIG = "out/.config"
SHOW_INFO = "show-info"
"""Where the two answers are, below the build path."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PACKAGED_INPUTS = ("cni-plugins", "containerd", "flannel", "runc")
"""Inputs that Buildroot has a package for, whose version is overridden from outside."""

OVERLAY_OVERRIDES = "override.mk"
GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
CUSTOM_KERNEL = "BR2_LINUX_KERNEL_CUSTOM_VERSION"
GLOBAL_PATCHES = "BR2_GLOBAL_PATCH_DIR"
OVERRIDE_FILE = "BR2_PACKAGE_OVERRIDE_FILE"

_SAFE_VALUE = re.compile(r"[A-Za-z0-9._+~:/@%=,-]*\Z")
_SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]*\Z")
_SAFE_OVERLAY = re.compile(r"[A-Za-z0-9._/-]+\Z")
_SAFE_FILE = re.compile(r"[A-Za-z0-9._+~@%=,-]+\Z")
_ASSIGNMENT = re.compile(r"(?P<key>[A-Za-z0-9_]+)=(?P<value>.*)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What the generated makefile says: versions of every input, and the pins of packages."""

    arch: str
    inputs: Mapping[str, str]
    overrides: Mapping[str, OverridePin]


def configure_argv(overlays: Iterable[str], *, build_path: str = "/build") -> tuple[str, ...]:
    """Return the argv that turns the generated defconfig into `<build_path>/out/.config`."""
    return (*_make(overlays, build_path), f"BR2_DEFCONFIG={DEFCONFIG}", "defconfig")


def show_info_argv(overlays: Iterable[str], *, build_path: str = "/build") -> tuple[str, ...]:
    """Return the argv that leaves what Buildroot knows in `<build_path>/show-info`.

    One line of JSON, and a line `<PKG>_OVERRIDE_SRCDIR=...` for each package that may take its
    source from a directory; both goals are read from one pass over the makefiles.
    """
    goals = ("-s", "show-info", "printvars", "VARS=%_OVERRIDE_SRCDIR")
    make = (*_make(overlays, build_path), *goals)
    return ("/bin/sh", "-c", 'exec "$@" >"$0"', f"{build_path}/{SHOW_INFO}", *make)


def build_argv(
    overlays: Iterable[str], *, jobs: int, build_path: str = "/build", goals: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the argv that builds `goals` (default: all) with `jobs` parallel jobs a package."""
    return (
        *_make(overlays, build_path),
        f"BR2_PRIMARY_SITE=file://{DOWNLOADS}",
        "BR2_PRIMARY_SITE_ONLY=y",
        f"BR2_JLEVEL={jobs}",
        *(goals or ("all",)),
    )


def environment(epoch: int, place: Place) -> tuple[tuple[str, str], ...]:
    """Return the whole environment of a build; `epoch` is SOURCE_DATE_EPOCH in seconds.

    GIT_DIR keeps a git work tree around the build out of version texts; Go may neither fetch a
    module nor another Go.
    """
    return (
        ("GIT_DIR", "/nonexistent"),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
        ("HOME", f"{place.build_path}/home"),
        ("LC_ALL", "C"),
        ("LOGNAME", "builder"),
        ("PATH", PATH),
        ("SHELL", "/bin/sh"),
        ("SOURCE_DATE_EPOCH", str(epoch)),
        ("TERM", "dumb"),
        ("TZ", place.timezone),
        ("USER", "builder"),
    )


def makefile_text(versions: Versions, overlays: Iterable[str]) -> str:
    """Return `kutter.mk`, which Buildroot reads as its package override file.

    An overlay may have an `override.mk` of its own, which is read last: an `external.mk` comes
    after the packages, too late to change one. External trees find `KUTTER_ARCH`,
    `KUTTER_GOARCH` and `KUTTER_<INPUT>_VERSION` in it. Raises ManifestError for a value
    that could be read as anything but itself.
    """
    lines = ["# Written by kutterlock from kutter.lock: do not edit.", ""]
    lines.append(_assign("KUTTER_ARCH", versions.arch))
    lines.append(_assign("KUTTER_GOARCH", GO_ARCHITECTURES.get(versions.arch, versions.arch)))
    for name, version in sorted(versions.inputs.items()):
        lines.append(_assign(f"KUTTER_{make_name(name)}_VERSION", version))
    lines.extend(
        _override(name, "VERSION", versions.inputs[name])
        for name in PACKAGED_INPUTS
        if name in versions.inputs and not _pins_version(versions.overrides.get(name))
    )
    for _, pin in sorted(versions.overrides.items()):
        lines.extend(_override_lines(pin))
    lines.extend(f"-include {overlay_path(name)}/{OVERLAY_OVERRIDES}" for name in overlays)
    return "\n".join(lines) + "\n"


def defconfig_text(board: str, *, linux: str | None, kind: str) -> str:
    """Return the board's defconfig with the generated lines after it; the last line of a key wins.

    `linux` is the locked kernel, used where the board asks for a custom version; `kind` is the
    build environment's. Raises ManifestError where the board names an override file of its own.
    """
    settings = _settings(board)
    if OVERRIDE_FILE in settings:
        raise ManifestError(
            f"the defconfig sets {OVERRIDE_FILE}, which kutterlock needs for itself",
            hint="pin versions with [packages.NAME] in kutter.toml",
        )
    lines = [
        'BR2_DL_DIR="/kutter/dl"',
        "BR2_DOWNLOAD_FORCE_CHECK_HASHES=y",
        f'{GLOBAL_PATCHES}="{_patch_folders(settings)}"',
        f'{OVERRIDE_FILE}="{MAKEFILE}"',
        "BR2_REPRODUCIBLE=y",
    ]
    if linux is not None and settings.get(CUSTOM_KERNEL) == "y":
        lines.append(f'{CUSTOM_KERNEL}_VALUE="{_checked(linux, "the version of linux")}"')
    if kind == "host":
        lines.append("BR2_FORCE_HOST_BUILD=y")
    separator = "" if board.endswith("\n") or not board else "\n"
    return f"{board}{separator}\n# Added by kutterlock\n" + "\n".join(lines) + "\n"


def hash_texts(sources: Iterable[SourcePin]) -> dict[str, str]:
    """Return a `.hash` file for every package that downloads, by the package's raw name.

    Buildroot accepts any file of a package that has no `.hash` at all, so every package gets one.
    """
    lines: dict[str, set[str]] = {}
    for source in sources:
        if not _SAFE_FILE.match(source.path.name):
            raise ManifestError(
                f"source {source.key!r} has a file name that no .hash file can hold"
            )
        for package in source.packages:
            line = f"{source.digest.algorithm}  {source.digest.hex}  {source.path.name}\n"
            lines.setdefault(_checked_name(package), set()).add(line)
    header = "# Written by kutterlock from kutter.lock: do not edit.\n"
    return {name: header + "".join(sorted(found)) for name, found in sorted(lines.items())}


def make_name(package: str) -> str:
    """Return the prefix of a package's make variables, as Buildroot forms it."""
    return _checked_name(package).upper().replace("-", "_").replace(".", "_")


def external(overlays: Iterable[str]) -> str:
    """Return the value of BR2_EXTERNAL: the overlays' places in the sandbox, in order."""
    return ":".join(overlay_path(name) for name in overlays)


def overlay_path(name: str) -> str:
    """Return where an overlay is seen in the sandbox."""
    if not _SAFE_OVERLAY.match(name):
        raise ManifestError(
            f"overlay {name!r} has a name that BR2_EXTERNAL cannot hold",
            hint="letters, digits and . _ / - are allowed",
        )
    return f"{OVERLAYS}/{name}"


def _make(overlays: Iterable[str], build_path: str) -> tuple[str, ...]:
    return (
        "make", "-C", TREE, "--no-print-directory",
        f"O={build_path}/out", f"BR2_EXTERNAL={external(overlays)}",
    )  # fmt: skip


def _pins_version(pin: OverridePin | None) -> bool:
    return pin is not None and bool(pin.version)


def _override_lines(pin: OverridePin) -> Iterable[str]:
    if pin.version:
        yield _override(pin.name, "VERSION", pin.version)
    if pin.url:
        site, _, source = pin.url.rpartition("/")
        yield _override(pin.name, "SITE", site)
        yield _override(pin.name, "SITE_METHOD", site.partition(":")[0])
        yield _override(pin.name, "SOURCE", source)


def _override(package: str, variable: str, value: str) -> str:
    return "override " + _assign(f"{make_name(package)}_{variable}", value)


def _assign(variable: str, value: str) -> str:
    return f"{variable} = {_checked(value, variable)}"


def _checked(value: str, what: str) -> str:
    if not _SAFE_VALUE.match(value):
        raise ManifestError(
            f"{what} is {value!r}, which a makefile could read as something else",
            hint="letters, digits and . _ + ~ : / @ % = , - are allowed",
        )
    return value


def _checked_name(name: str) -> str:
    if not _SAFE_NAME.match(name):
        raise ManifestError(f"{name!r} is not the name of a Buildroot package")
    return name


def _settings(board: str) -> dict[str, str]:
    matches = (_ASSIGNMENT.match(line.strip()) for line in board.splitlines())
    return {match["key"]: match["value"] for match in matches if match}


def _patch_folders(settings: Mapping[str, str]) -> str:
    """Put ours last: Buildroot checks a file against every `.hash` that names it."""
    return " ".join([*settings.get(GLOBAL_PATCHES, "").strip('"').split(), HASHES])
