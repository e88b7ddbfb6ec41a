"""What every benchmark shares: test data, rounds, and a table of ratios against named peers.

Peers run in turn with the subject in the same rounds, so that a busy machine slows all of them;
the medians are compared. A peer that is missing is left out, and the table says so.
"""

import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))  # not installed: run from a clone
MIB = 1 << 20
KUTTERLOCK = (sys.executable, "-m", "kutterlock")


@dataclass
class Contender:
    """A command to be timed. `prepare` runs before each round, untimed: it removes what the command
    made the last time, so that nobody is timed at freeing another's memory or at getting memory
    anew that a virtual machine has given back. `target`: the subject's time divided by this one's
    is to be at most so much."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    prepare: Callable[[], object] = lambda: None
    target: float | None = None
    elapsed: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: int = 0

    def run(self) -> None:
        self.prepare()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        done = subprocess.run(
            self.argv, env=dict(self.environment), capture_output=True, check=False
        )
        self.elapsed.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"{self.name} failed:\n{done.stderr.decode()[-2000:]}")
        self.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def environment(**more: str) -> dict[str, str]:
    """Return what every command gets, with `more`."""
    named = os.environ.get("KUTTER_TEST_PROGRAMS", "")
    path = f"{named}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
    return {"PATH": path, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(REPOSITORY), **more}


def compete(title: str, subject: Contender, peers: Sequence[Contender], *, rounds: int = 5) -> None:
    """Time all of them and print the table. The first round warms caches and is not counted.

    Every other round goes backwards: after a peer that waits much a machine is rested, and after
    one that computes much it may be throttled, or still be giving memory back.
    """
    everyone = [subject, *peers]
    for number in range(rounds + 1):
        for contender in everyone[:: -1 if number % 2 else 1]:
            contender.run()
    print(f"\n{title} (median of {rounds})")
    mine = statistics.median(subject.elapsed[1:])
    _row(subject.name, mine, statistics.median(subject.cpu[1:]), "")
    for peer in peers:
        theirs = statistics.median(peer.elapsed[1:])
        verdict = f"ratio {mine / theirs:.2f}"
        if peer.target is not None:
            met = "met" if mine / theirs <= peer.target else "MISSED"
            verdict += f", target {peer.target:.2f}: {met}"
        _row(peer.name, theirs, statistics.median(peer.cpu[1:]), verdict)


def _row(name: str, elapsed: float, cpu: float, verdict: str) -> None:
    print(f"  {name:<44}{elapsed:8.3f} s  {cpu:8.3f} s CPU  {verdict}".rstrip())


def skipped(name: str, reason: str) -> None:
    """Say that a peer is left out."""
    print(f"  {name}: left out, {reason}")


def program(name: str) -> str | None:
    """Return where a peer is, None where it is missing."""
    return shutil.which(name, path=environment()["PATH"])


def peer(name: str, *words: str) -> str | None:
    """Return where a peer is and print its version, which it says when it is run with `words`.

    None where it is missing; the output says so.
    """
    found = program(name)
    if found:
        print(f"  {name}: {version([found, *words])}")
    else:
        skipped(name, "it is not installed")
    return found


def clean(*places: Path) -> None:
    """Remove files and trees, read-only ones included."""
    for place in places:
        subprocess.run(["chmod", "-R", "u+w", str(place)], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", str(place)], check=True)


def version(argv: Sequence[str]) -> str:
    """Return the first line of what a peer says of itself."""
    done = subprocess.run(argv, capture_output=True, check=False, text=True, env=environment())
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "warning" not in line]
    return lines[0] if lines else argv[0]


def scratch() -> "tempfile.TemporaryDirectory[str]":
    """Return a directory in memory where there is one, so that no disk is measured."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(
        prefix="kutterlock-bench-", dir=memory if memory.is_dir() else None
    )


def make_files(directory: Path, count: int, total: int) -> list[Path]:
    """Write `count` files of `total` bytes together, sized like source archives: a few large."""
    chance = random.Random(1)
    weights = [chance.lognormvariate(0, 1.5) for _ in range(count)]
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for number, weight in enumerate(weights):
        path = directory / f"package-{number}-1.0.tar.xz"
        path.write_bytes(chance.randbytes(max(1, int(weight / sum(weights) * total))))
        files.append(path)
    return files
