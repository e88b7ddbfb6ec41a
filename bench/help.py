"""CPU of `kutterlock --help`, beside that of Python alone."""

import sys

from harness import KUTTERLOCK, Contender, compete, environment

LIMIT = 0.1
"""Target, in seconds of CPU."""


def main() -> None:
    subject = Contender("kutterlock --help", [*KUTTERLOCK, "--help"], environment())
    bare = Contender("python -c pass", [sys.executable, "-c", "pass"], environment())
    compete("help", subject, [bare], rounds=9)
    cpu = sorted(subject.cpu[1:])[len(subject.cpu[1:]) // 2]
    print(f"  CPU {cpu * 1000:.0f} ms, target {LIMIT * 1000:.0f}: "
          f"{'met' if cpu <= LIMIT else 'MISSED'}")  # fmt: skip


if __name__ == "__main__":
    main()
