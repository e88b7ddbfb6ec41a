"""Resolving two boards against the longer board's own defconfig + show-info: at most 1.3.

Needs KUTTER_TEST_MIRROR with a Buildroot tag archive. The peer is plain `make` on this machine,
without a sandbox, on the same tree and configuration. Rounds alternate; the least time counts.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from kutterlock.resolve.closure import evaluate_boards
from kutterlock.resolve.evaluation import Bench, Question
from tests.support.real import RealTree, real_tree

VERSION = "2025.02.16"
ROUNDS = 3
LIMIT = 1.3


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        found = real_tree(VERSION, Path(directory))
        if isinstance(found, str):
            print(f"bench resolve: skipped: {found}")
            return 0
        return report(found)


def report(tree: RealTree) -> int:
    questions = [question for question, _ in tree.items({"linux": "6.12.95"}, "copies")]
    tree.bench()
    ours, peers = [], []
    for number in range(ROUNDS):
        ours.append(timed_resolve(tree, number))
        peers.append(max(timed_make(tree.bench(), question) for question in questions))
    ratio = min(ours) / min(peers)
    print(f"bench resolve: two boards {min(ours):.2f} s, the longer board's own defconfig and "
          f"show-info {min(peers):.2f} s, ratio {ratio:.2f} (at most {LIMIT})")  # fmt: skip
    return 0 if ratio <= LIMIT else 1


def timed_resolve(tree: RealTree, number: int) -> float:
    """Time everything from the unpacked tree on: its check, copies of overlays, both boards."""
    started = time.perf_counter()
    bench = tree.bench(f"cache{number}")
    items = tree.items({"linux": "6.12.95"}, f"copies{number}")
    evaluate_boards(items, bench, workers=len(os.sched_getaffinity(0)))
    return time.perf_counter() - started


def timed_make(bench: Bench, question: Question) -> float:
    with tempfile.TemporaryDirectory() as out:
        overlay = question.overlays.places["kutter"]
        make = ["make", "-C", str(bench.tree()), f"O={out}/out", f"BR2_EXTERNAL={overlay}"]
        started = time.perf_counter()
        for goal in (question.defconfig, "show-info"):
            subprocess.run([*make, goal], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)  # fmt: skip
        return time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
