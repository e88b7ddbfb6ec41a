"""What a sandbox costs: a build of about 1000 small compiler processes, plain and in each kind.

    python bench/sandbox.py [ROUNDS]

Prints the ratio of wall time and of CPU time (user + system of the build) to plain make. Rounds
are interleaved and the least of each is compared, so that other work on the machine weighs less.
The target is 1.03.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kutterlock.adapters.sandbox.run import Sandbox, choose_sandbox
from kutterlock.errors import NoSandboxError
from kutterlock.model.sandbox.plan import Bind, SandboxPlan

FILES = 330
"""Each is three processes: the driver, the compiler, the assembler."""

PATH = "/usr/bin:/bin"
SCRIPT = "make -s -C $1 clean; make -s -j2 -C $1 && times"
"""The shell's `times` counts the build alone, in every kind of sandbox alike."""


def write_tree(directory: Path) -> None:
    (directory / "Makefile").write_text(
        "OBJECTS := $(patsubst %.c,%.o,$(wildcard *.c))\n"
        "all: $(OBJECTS)\n"
        "%.o: %.c\n\t@$(CC) -O1 -c -o $@ $<\n"
        "clean:\n\t@rm -f *.o\n"
    )
    for number in range(FILES):
        (directory / f"f{number}.c").write_text(
            f'#include <stdio.h>\nint f{number}(int x) {{ return printf("%d", x + {number}); }}\n'
        )


def plain(directory: Path) -> bytes:
    argv = ("sh", "-c", SCRIPT, "sh", directory)
    return subprocess.run(argv, check=True, env={"PATH": PATH}, stdout=subprocess.PIPE).stdout


def sandboxed(sandbox: Sandbox) -> Callable[[Path], bytes]:
    def build(directory: Path) -> bytes:
        binds = (Bind(source=str(directory), target="/build", writable=True),)
        argv = ("sh", "-c", SCRIPT, "sh", "/build")
        plan = SandboxPlan(root=None, binds=binds, argv=argv, environment=(("PATH", PATH),))
        lines: list[bytes] = []
        assert sandbox.run(plan, lines.append).status == 0
        return b"".join(lines)

    return build


def measure(build: Callable[[Path], bytes], directory: Path) -> tuple[float, float]:
    """Return wall and CPU time in seconds."""
    started = time.perf_counter()
    printed = build(directory)
    return time.perf_counter() - started, sum(seconds(w) for w in printed.split()[-2:])


def seconds(word: bytes) -> float:
    minutes, rest = word.decode().rstrip("s").split("m")
    return 60 * int(minutes) + float(rest)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    builds: dict[str, Callable[[Path], bytes]] = {"plain make": plain}
    for kind in ("bubblewrap", "unshare"):
        try:
            chosen = choose_sandbox(PATH, kind)
        except NoSandboxError as error:
            print(f"{kind}: {error}")
        else:
            builds[chosen.describe()] = sandboxed(chosen)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_tree(directory)
        measure(plain, directory)
        runs = [{k: measure(b, directory) for k, b in builds.items()} for _ in range(rounds)]
    best = {kind: tuple(min(run[kind][i] for run in runs) for i in (0, 1)) for kind in builds}
    wall, cpu = best["plain make"]
    for kind, (its_wall, its_cpu) in best.items():
        print(f"{kind:<28}{its_wall:6.2f} s wall ({its_wall / wall:.3f})"
              f"{its_cpu:7.2f} s CPU ({its_cpu / cpu:.3f})")  # fmt: skip


if __name__ == "__main__":
    main()
