"""Disks that are full or read-only under the cache, the project or the output."""

import re
import shutil

import pytest

from tests.support.disks import FULL, READ_ONLY, last_words, mounted
from tests.support.line import Line

pytestmark = pytest.mark.integration

RESOLVE = "resolve --offline"
BUILD = "build --offline --board demo-x86_64"
TREE = "sha256-630f7cecaa2fd4e23d2f7fcddd1b967d0b9ffe69701a941960e096f2ca37a4b5"


@pytest.mark.parametrize(
    ("place", "size", "words", "error"),
    [
        pytest.param("cache", "200k", RESOLVE, f"D/cache/trees/{TREE}", id="unpacking"),
        pytest.param("project/output", "20k", BUILD, "D/project/output/ANY/files/disk.img",
                     id="keeping-an-output"),
    ],
)  # fmt: skip
def test_a_full_disk_is_exit_14_and_with_room_the_next_run_finishes(
    place: str, size: str, words: str, error: str, line: Line
) -> None:
    done = mounted(line, f"""
        mkdir -p $D/{place}
        mount -t tmpfs -o size={size} tmpfs $D/{place} || exit 99
        $K {words}; echo "status $?"
        mount -o remount,size=64m tmpfs $D/{place} || exit 99
        $K {words} 2>/dev/null; echo "status $?"
        find $D -name '.unverified-*'
    """)  # fmt: skip
    said = last_words(line, done.stderr)
    for part in said.split("/"):
        said = said.replace(part, "ANY") if part.startswith(".unverified-") else said
    assert said == f"error: no space left while writing {error}\n{FULL}"
    statuses = [text for text in done.stdout.splitlines() if text.startswith("status")]
    assert statuses == ["status 14", "status 0"]
    assert ".unverified-" not in done.stdout


KEPT = " the last build of demo-x86_64 ended well and was not kept: keeping it now"


def test_a_build_whose_output_found_no_room_is_kept_by_the_next_run_not_made_again(
    line: Line,
) -> None:
    done = mounted(line, f"""
        mkdir -p $D/project/output
        mount -t tmpfs -o size=20k tmpfs $D/project/output || exit 99
        $K {BUILD}; echo "status $?"
        echo again >&2
        mount -o remount,size=64m tmpfs $D/project/output || exit 99
        $K {BUILD}; echo "status $?"
        test ! -e $D/cache/work/*-1 && echo tidy
        $K {BUILD} --output $D/other 2>/dev/null
        cd $D/project/output/demo-x86_64 && diff -r . $D/other/demo-x86_64
    """)  # fmt: skip
    found = re.findall("^(?:status .*|tidy|diff.*|Only.*)$", done.stdout, re.MULTILINE)
    assert found[:3] == ["status 14", "status 0", "tidy"]
    assert {text.rpartition("/")[2] for text in found[3:]} <= {"build.json", "build.log"}
    again = done.stderr.partition("again\n")[2].splitlines()
    assert KEPT in again
    assert not any("building" in text for text in again)


def test_a_finished_build_that_a_shell_was_in_is_made_again(line: Line) -> None:
    done = mounted(line, f"""
        mkdir -p $D/project/output
        mount -t tmpfs -o size=20k tmpfs $D/project/output || exit 99
        $K {BUILD}; echo "status $?"
        umount $D/project/output
        $K shell --board demo-x86_64 -- sh -c 'echo changed >/build/out/images/disk.img'
        grep -q changed $D/cache/work/*-1/build/out/images/disk.img && echo changed
        $K {BUILD} 2>&1; echo "status $?"
        grep -q changed $D/project/output/demo-x86_64/files/disk.img || echo right
    """)  # fmt: skip
    found = re.findall("^(?:status .*|changed|right)$", done.stdout, re.MULTILINE)
    assert found == ["status 14", "changed", "status 0", "right"]
    assert KEPT not in done.stdout


def test_a_full_disk_under_the_lock_leaves_the_old_one(line: Line) -> None:
    before = line.lock.read_bytes()
    line.change({'version = "1"': 'version = "2"'})
    done = mounted(line, f"""
        mkdir $D/other && mount -t tmpfs -o size=200k tmpfs $D/other || exit 99
        cp -a $D/project/. $D/other/
        cmp $D/other/kutter.lock $D/project/kutter.lock || exit 98
        dd if=/dev/zero of=$D/other/filler 2>/dev/null
        $K {RESOLVE} --project $D/other; echo "status $?"
        cmp $D/other/kutter.lock $D/project/kutter.lock && echo same
    """)  # fmt: skip
    assert done.stdout.splitlines()[-2:] == ["status 14", "same"], done.stdout + done.stderr
    assert last_words(line, done.stderr) == (
        f"error: no space left while writing D/other/kutter.lock\n{FULL}"
    )
    line.must("resolve", "--offline")
    assert line.lock.read_bytes() != before


@pytest.mark.parametrize(
    ("place", "words", "status", "error"),
    [
        pytest.param("cache", BUILD, 1, f"D/cache/trees/{TREE}", id="cache"),
        pytest.param("project", BUILD, 1, "D/project/output", id="output"),
        pytest.param("project", "resolve --offline", 1, "D/project/kutter.lock", id="lock"),
    ],
)
def test_a_read_only_place_is_named(
    place: str, words: str, status: int, error: str, line: Line
) -> None:
    line.change({'version = "1"': 'version = "2"'} if "resolve" in words else {})
    shutil.rmtree(line.demonstration.directory / "cache/trees")
    done = mounted(line, f"""
        mount --bind $D/{place} $D/{place} && mount -o remount,bind,ro $D/{place} || exit 99
        $K {words}
    """)  # fmt: skip
    assert done.returncode == status
    assert (
        last_words(line, done.stderr)
        == f"error: {error} is on a read-only file system\n{READ_ONLY}"
    )


def test_read_only_store_and_project_are_enough_to_build_from(line: Line) -> None:
    done = mounted(line, f"""
        for place in store project; do
            mount --bind $D/$place $D/$place && mount -o remount,bind,ro $D/$place || exit 99
        done
        $K verify && $K {BUILD} --output $D/out
    """)  # fmt: skip
    assert done.returncode == 0, done.stderr
