"""kutterlock itself, for the bundle: its wheel, made here, those that it needs, and the bootstrap.

Dependencies come from a folder of wheels, or from pip, which holds them against the hashes of
`requirements/run.txt`. Our own wheel is written without times, so that its bytes are the same.
"""

import base64
import hashlib
import io
import re
import shlex
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from kutterlock import __version__
from kutterlock.adapters import process
from kutterlock.adapters.disk.files import explained, hash_file, write_atomically
from kutterlock.bundle.create import Tool
from kutterlock.bundle.review import BOOTSTRAP
from kutterlock.errors import HashMismatchError, NetworkError, UsageError
from kutterlock.model.bundle.manifest import BundleBlob

_WHEEL = re.compile(r"[A-Za-z0-9_.+!-]+\.whl\Z")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
LICENCE = "Apache-2.0"
_PIP_NEEDS = re.compile(
    r"PATH|HOME|TMPDIR|LANG|LC_\w+|XDG_\w+|PIP_\w+|NETRC|LD_LIBRARY_PATH|SSL_CERT_(FILE|DIR)|"
    r"(REQUESTS|CURL)_CA_BUNDLE|(?i:(https?|all|no)_proxy)"
)
_LOGIN = re.compile(r"(?<=://)[^\s/]+@")
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Python (`3.12`) on an architecture (`x86_64`, `aarch64`) that has to run kutterlock."""

    python: str
    architecture: str


def find_requirements() -> Path:
    """Return the hash-pinned requirements: of a clone, or as installed. Raises UsageError."""
    package = Path(str(files("kutterlock")))
    for path in (package / "requirements.txt", package.parent / "requirements/run.txt"):
        if path.is_file():
            return path
    raise UsageError("the hash-pinned requirements of kutterlock are not here")


def download_wheels(
    targets: Iterable[Target], directory: Path, environment: Mapping[str, str]
) -> None:
    """Let pip fetch the dependencies' wheels for each target. Raises NetworkError.

    `environment` is the user's; pip sees `pip_environment` of it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for target in targets:
        argv = pip_command(target, find_requirements(), directory)
        done = process.run(argv, pip_environment(environment))
        if done.status:
            lines = _LOGIN.sub("", done.errors.decode(errors="replace")).splitlines()
            raise NetworkError(
                f"pip could not fetch the wheels for Python {target.python} on "
                f"{target.architecture}",
                details=lines[-5:],
                hint="run the command again, or name a folder that has the wheels with --wheels; "
                f"pip was run as: {shlex.join(argv)}",
            )


def pip_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what pip gets of the user's environment: its settings, and the way to an index.

    Nothing else: there may be secrets that are for signing alone.
    """
    return {name: value for name, value in environment.items() if _PIP_NEEDS.fullmatch(name)}


def pip_command(target: Target, requirements: Path, directory: Path) -> list[str]:
    """Return pip's argv: wheels only, every one held against its hash."""
    platforms = [f"manylinux_2_{minor}_{target.architecture}" for minor in (34, 28, 17)]
    platforms.append(f"manylinux2014_{target.architecture}")
    return [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--require-hashes", "--only-binary", ":all:", "--python-version", target.python,
        *(word for platform in platforms for word in ("--platform", platform)),
        "--dest", str(directory), "--requirement", str(requirements),
    ]  # fmt: skip


def collect_tools(directory: Path, workplace: Path) -> tuple[Tool, ...]:
    """Return the bootstrap, our own wheel (written into `workplace`) and those of a folder.

    Raises HashMismatchError for a wheel that the hash-pinned requirements do not name.
    """
    known = set(_HASH.findall(find_requirements().read_text()))
    wheels = sorted(path for path in directory.iterdir() if _WHEEL.match(path.name))
    foreign = [path for path in wheels if hash_file(path).hex not in known]
    if foreign:
        raise HashMismatchError(
            f"{directory} has wheels that kutterlock's hash-pinned requirements do not name",
            details=[f"{path.name}: {hash_file(path)}" for path in foreign],
            hint="remove them, or fetch them again",
        )
    own = workplace / own_wheel_name()
    write_atomically(own, own_wheel(Path(str(files("kutterlock")))))
    start = workplace / BOOTSTRAP
    write_atomically(start, files("kutterlock.bundle").joinpath("bootstrap.py").read_bytes())
    return tuple(tool_at(path) for path in (start, own, *wheels))


def own_wheel_name() -> str:
    """Return the name of kutterlock's own wheel."""
    return f"kutterlock-{__version__}-py3-none-any.whl"


def own_wheel(package: Path) -> bytes:
    """Make kutterlock's wheel from its installed files: the same files, the same bytes."""
    info = f"kutterlock-{__version__}.dist-info"
    members = [(f"kutterlock/{name}", data) for name, data in _package_files(package)]
    requirements = find_requirements().read_bytes()
    members.append(("kutterlock/requirements.txt", requirements))
    metadata = (
        f"Metadata-Version: 2.4\nName: kutterlock\nVersion: {__version__}\n"
        f"License-Expression: {LICENCE}\n"
    )
    wheel = "Wheel-Version: 1.0\nGenerator: kutterlock\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    entry = "[console_scripts]\nkutterlock = kutterlock.cli.main:main\n"
    members += [
        (f"{info}/METADATA", metadata.encode()), (f"{info}/WHEEL", wheel.encode()),
        (f"{info}/entry_points.txt", entry.encode()),
    ]  # fmt: skip
    members = sorted(dict(members).items())
    return _zip([*members, (f"{info}/RECORD", _record(members, f"{info}/RECORD"))])


def tool_at(path: Path) -> Tool:
    """Describe one file of the tools."""
    digest = hash_file(path)
    with explained(path):
        size = path.stat().st_size
    blob = BundleBlob(name=path.name, digest=digest, sha256=digest.hex, size=size)
    return Tool(blob=blob, path=path)


def _package_files(package: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(package.rglob("*")):
        name = path.relative_to(package).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and name != "requirements.txt":
            yield name, path.read_bytes()


def _record(members: Sequence[tuple[str, bytes]], own: str) -> bytes:
    lines = []
    for name, data in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join([*lines, f"{own},,\n"]).encode()


def _zip(members: Iterable[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            member = zipfile.ZipInfo(name, _NO_TIME)
            member.external_attr = 0o100644 << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()
