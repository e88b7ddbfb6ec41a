"""Put one file into the download directory: ``python3 -m support.download --uri ... FILE``.

The file gets its name only once its hashes are right, with one exception that the real program
makes too: a file that no .hash line names is kept, and the run fails.
"""

import argparse
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.hashes import Verdict, check

CANNOT_LOCK = 66


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One file, where it may come from, and what is known of it."""

    file: Path
    uris: tuple[str, ...]
    hash_files: tuple[Path, ...]
    exempt: frozenset[str]
    scratch: Path
    commands: dict[str, list[str]]

    def check(self, file: Path) -> Verdict:
        """Check some file as the one wanted."""
        return check(file, self.file.name, self.hash_files, self.exempt)


def main() -> int:
    """Read the command line; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uri", action="append", default=[])
    parser.add_argument("--hash-file", action="append", default=[], type=Path)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    request = Request(
        file=options.file,
        uris=tuple(options.uri),
        hash_files=tuple(options.hash_file),
        exempt=frozenset(os.environ.get("BR_NO_CHECK_HASH_FOR", "").split()),
        scratch=Path(os.environ["BUILD_DIR"]),
        commands={name: shlex.split(os.environ[name]) for name in ("WGET", "CURL", "LOCALFILES")},
    )
    lock = request.file.parent / ".lock"
    try:
        with _locked(lock):
            return obtain(request)
    except OSError as error:
        if error.filename != str(lock):
            raise
        print(f"flock: cannot open lock file {lock}: {error.strerror}", file=sys.stderr)
        return CANNOT_LOCK


def obtain(request: Request) -> int:
    """Keep a good file that is there, or try one URI after the other."""
    if request.file.exists():
        verdict = request.check(request.file)
        if verdict is not Verdict.WRONG:
            return 0 if verdict is Verdict.ACCEPTED else 1
        request.file.unlink()
        print(f"Re-downloading '{request.file.name}'...", file=sys.stderr, flush=True)
    request.scratch.mkdir(parents=True, exist_ok=True)
    for uri in request.uris:
        prefix = f".{request.file.name}."
        with tempfile.TemporaryDirectory(prefix=prefix, dir=request.scratch) as directory:
            candidate = Path(directory) / "output"
            if not _get(uri, candidate, request):
                continue
            verdict = request.check(candidate)
            if verdict in {Verdict.ACCEPTED, Verdict.UNLISTED}:
                _publish(candidate, request.file)
                return 0 if verdict is Verdict.ACCEPTED else 1
    return 1


def _get(uri: str, candidate: Path, request: Request) -> bool:
    """Run the program for the URI's scheme; a bare URL is never a local file."""
    method, plus, url = uri.partition("+")
    scheme, _, encoding = method.partition("|")
    name = request.file.name
    if plus and scheme == "file":
        source = f"{url.removeprefix('file://')}/{name}"
        return _run([*request.commands["LOCALFILES"], "-v", source, str(candidate)])
    if encoding == "urlencode":
        name = name.replace("?", "%3F")
    command, option = request.commands["WGET"], "-O"
    if not shutil.which(command[0]):
        command, option = request.commands["CURL"], "-o"
    return _run([*command, option, str(candidate), f"{url if plus else uri}/{name}"])


def _run(command: list[str]) -> bool:
    print(*command, flush=True)
    try:
        return subprocess.run(command, check=False).returncode == 0
    except FileNotFoundError:
        print(f"{command[0]}: not found", file=sys.stderr, flush=True)
        return False


def _publish(candidate: Path, file: Path) -> None:
    """Copy next to the final name, then rename: nobody ever sees half a file."""
    with tempfile.NamedTemporaryFile(prefix=f"{file.name}.", dir=file.parent, delete=False) as new:
        with candidate.open("rb") as stream:
            shutil.copyfileobj(stream, new)
        mode = 0o755 if os.access(candidate, os.X_OK) else 0o644
        os.fchmod(new.fileno(), mode)
    Path(new.name).replace(file)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
