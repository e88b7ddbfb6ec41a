"""From kutter.toml to outputs on the embedded upstream: every verb, and every way to go wrong."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import hash_file
from tests.support.line import Line, copy_of
from tests.support.waiting import LONGEST, wait_until, waits_for_a_lock

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("make"), reason="make is not on this machine"),
    pytest.mark.skipif(not shutil.which("cc"), reason="a C compiler is not on this machine"),
]

ONE_BOARD = "demo-x86_64"


def store_blobs(line: Line) -> list[Path]:
    store = line.demonstration.directory / "store"
    return sorted(path for path in store.glob("sha*/*/*") if path.is_file())


def test_resolving_twice_changes_nothing(fresh: Line) -> None:
    assert "kutter.lock written" in fresh.must("resolve").output
    before = fresh.lock.read_bytes()
    assert "kutter.lock is as it was" in fresh.must("resolve").output
    assert fresh.lock.read_bytes() == before
    fresh.must("resolve", "--check")


def test_the_same_inputs_give_the_same_lock_anywhere(fresh: Line, vendored: Line) -> None:
    fresh.must("resolve")
    assert fresh.lock.read_bytes() == vendored.lock.read_bytes()


def test_offline_resolves_from_catalog_store_and_caches(line: Line) -> None:
    before = line.lock.read_bytes()
    line.must("resolve", "--offline")
    assert line.lock.read_bytes() == before


def test_an_upgrade_by_name_moves_nothing_else(fresh: Line) -> None:
    fresh.change({'linux = "==6.12.*"': 'linux = "==6.12.900"'})
    fresh.must("resolve")
    fresh.change({'linux = "==6.12.900"': 'linux = "==6.12.*"'})
    fresh.change({'buildroot = "*"': 'buildroot = "<2026.8.1"'})
    fresh.must("resolve")
    assert json.loads(fresh.must("resolve", "--json").output)["versions"]["linux"] == "6.12.900"
    fresh.change({'buildroot = "<2026.8.1"': 'buildroot = "*"'})
    moved = json.loads(fresh.must("resolve", "-P", "linux", "--json").output)
    assert moved["versions"] == {
        "buildroot": "2026.08", "kubernetes": "1.36.901", "linux": "6.12.901",
    }  # fmt: skip


def test_a_stale_lock_names_each_field(line: Line) -> None:
    line.change({'linux = "==6.12.*"': 'linux = "==6.12.900"'})
    with (line.project / "overlays/demo/Config.in").open("a") as file:
        file.write("\n")
    ran = line.run("resolve", "--check")
    assert ran.status == 3
    assert "error: kutter.lock is stale in 2 fields" in ran.errors
    assert "inputs.linux: was ==6.12.*, is ==6.12.900" in ran.errors
    assert "overlays.demo: was sha256:" in ran.errors
    assert line.run("build", "--offline").status == 3


def test_a_build_is_made_once_and_then_found(line: Line) -> None:
    first = json.loads(line.must("build", "--offline", "--board", ONE_BOARD, "--json").output)
    second = json.loads(line.must("build", "--offline", "--board", ONE_BOARD, "--json").output)
    assert [facts["outputs"][0]["fresh"] for facts in (first, second)] == [True, False]
    assert first["outputs"][0]["files"] == second["outputs"][0]["files"]
    output = line.project / "output" / ONE_BOARD
    assert sorted(path.name for path in output.resolve().iterdir()) == [
        "build.json", "build.log", "derivation.json", "files", "manifest.json", "sizes.json",
    ]  # fmt: skip


def test_an_output_is_found_again_under_a_lock_that_changes_nothing_of_it(line: Line) -> None:
    line.must("build", "--offline", "--board", ONE_BOARD)
    line.change({'version = "1"': 'version = "2"'})
    line.must("resolve", "--offline")
    ran = json.loads(line.must("build", "--offline", "--board", ONE_BOARD, "--json").output)
    assert ran["outputs"][0]["fresh"] is False
    manifest = json.loads((line.project / "output" / ONE_BOARD / "manifest.json").read_bytes())
    assert manifest["lock"] == ran["lock"] == str(hash_file(line.lock))


def test_a_rebuild_in_other_surroundings_gives_the_same_bytes(line: Line) -> None:
    ran = line.must(
        "build", "--offline", "--board", ONE_BOARD, "--rebuild",
        "--vary", "path,hostname,timezone,umask,clock",
    )  # fmt: skip
    assert "reproduced: a second build gave the same bytes" in ran.output
    record = json.loads((line.project / "output" / ONE_BOARD / "build.json").read_bytes())
    assert "clock" in record["reproduced"]["varied"]


@pytest.mark.parametrize("damage", ["[" * 100_000, "[]", "null"])
def test_an_output_whose_record_cannot_be_read_is_built_anew(damage: str, line: Line) -> None:
    words = ("build", "--offline", "--unsigned", "--board", ONE_BOARD)
    line.must(*words)
    record = line.project / "output" / ONE_BOARD / "build.json"
    record.write_text(damage)
    line.must(*words, "--rebuild")
    found = json.loads(record.read_bytes())
    assert (found["unsigned"], found["reproduced"]["varied"][0]) == (True, "outer path")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make /kutter and /build")
def test_none_builds_where_the_machine_itself_is_the_sandbox(line: Line) -> None:
    before = [(path.stat().st_nlink, path.read_bytes()) for path in store_blobs(line)]
    ran = line.must("build", "--offline", "--board", ONE_BOARD, "--sandbox", "none")
    assert "none: the build sees and can reach the whole machine" in ran.errors
    assert not Path("/kutter").exists()
    assert not Path("/build").exists()
    assert [(path.stat().st_nlink, path.read_bytes()) for path in store_blobs(line)] == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can build as another user")
@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not on this machine")
def test_root_rebuilds_as_another_user_where_that_user_can_reach_the_inputs(
    vendored: Line, open_directory: Path
) -> None:
    line = copy_of(vendored, open_directory / "demo")
    line.must("build", "--offline", "--board", ONE_BOARD, "--rebuild")
    record = json.loads((line.project / "output" / ONE_BOARD / "build.json").read_bytes())
    assert record["reproduced"]["varied"] == ["outer path", "outer user", "jobs", "cpus"]
    assert record["reproduced"]["not-varied"] == []


@pytest.mark.parametrize(
    ("sandbox", "why"),
    [
        ("unshare", "only root can become another, and only in bubblewrap"),
        ("bubblewrap", "another may not read the inputs"),
    ],
)
def test_a_rebuild_says_what_it_could_not_vary(
    sandbox: str, why: str, line: Line, tmp_path: Path
) -> None:
    if os.geteuid() != 0 or not shutil.which("bwrap"):
        pytest.skip("only root could build as another user, and only in bubblewrap")
    tmp_path.chmod(0o700)
    ran = line.must("build", "--offline", "--board", ONE_BOARD, "--rebuild", "--sandbox", sandbox)
    assert (
        "  reproduced: a second build gave the same bytes\n"
        "  varied: outer path, jobs, cpus\n"
        f"  not varied: outer user ({why})\n"
    ) in ran.output
    record = json.loads((line.project / "output" / ONE_BOARD / "build.json").read_bytes())
    assert record["reproduced"]["not-varied"] == [f"outer user ({why})"]


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user can reach, which pytest's own are not."""
    before = os.umask(0o022)
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
    os.umask(before)


@pytest.mark.parametrize("kind", ["bubblewrap", "unshare"])
def test_every_sandbox_gives_the_same_bytes(line: Line, kind: str) -> None:
    if kind == "bubblewrap" and not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not on this machine")
    ran = line.must("build", "--offline", "--board", ONE_BOARD, "--sandbox", kind, "--json")
    files = json.loads(ran.output)["outputs"][0]["files"]
    assert files["kernel.bin"].startswith("sha256:")
    record = json.loads((line.project / "output" / ONE_BOARD / "build.json").read_bytes())
    assert record["sandbox"] == kind
    _same_as_other_kinds.setdefault("files", files)
    assert _same_as_other_kinds["files"] == files


_same_as_other_kinds: dict[str, dict[str, str]] = {}


def test_a_flipped_byte_in_the_store_is_named_and_nothing_is_built(line: Line) -> None:
    blob = next(path for path in store_blobs(line) if path.stat().st_size > 5000)
    blob.chmod(0o644)
    data = bytearray(blob.read_bytes())
    data[100] ^= 1
    blob.write_bytes(data)
    for words in (["verify"], ["build", "--offline"]):
        ran = line.run(*words)
        assert ran.status == 5
        assert blob.name in ran.errors
    assert not (line.project / "output" / ONE_BOARD).exists()


def test_an_exported_view_verifies_and_a_change_of_it_leaves_the_store_alone(
    line: Line, tmp_path: Path
) -> None:
    view = tmp_path / "dl"
    line.must("vendor", "--offline", "--board", ONE_BOARD, "--export", str(view))
    assert line.run("vendor", "--offline", "--export", str(view)).status == 2, "not empty"
    line.must("verify", "view", str(view), "--board", ONE_BOARD)
    (view / "worldclock/worldclock-0.9.tar.gz").write_bytes(b"other")
    (view / "worldclock/surplus").write_bytes(b"")
    ran = line.run("verify", "view", str(view), "--board", ONE_BOARD)
    assert ran.status == 5
    assert "corrupted: worldclock/worldclock-0.9.tar.gz" in ran.errors
    assert "surplus: worldclock/surplus" in ran.errors
    line.must("verify")


def test_a_missing_blob_is_named_and_fetched_when_there_is_a_network(line: Line) -> None:
    blob = store_blobs(line)[0]
    blob.unlink()
    ran = line.run("build", "--offline")
    assert ran.status == 7
    assert "run `kutterlock vendor`" in ran.errors
    with line.connected():
        line.must("build", "--board", ONE_BOARD)
    assert blob.is_file() or line.run("verify").status == 7


def test_a_step_that_reaches_for_a_network_fails_the_build(fresh: Line) -> None:
    fresh.use_fault("network")
    fresh.must("resolve")
    fresh.must("vendor")
    ran = fresh.run("build", "--offline")
    assert ran.status == 10
    assert "error: the build of fault reached for a network" in ran.errors
    assert "198.51.100.7:80" in ran.errors
    assert "fault network" in ran.errors
    assert not (fresh.project / "output/fault").exists()


def test_a_failing_package_shows_its_last_lines_and_the_way_in(fresh: Line) -> None:
    fresh.use_fault("build")
    fresh.must("resolve")
    fresh.must("vendor")
    ran = fresh.run("build", "--offline")
    assert ran.status == 10
    assert "at fault-build  Building" in ran.errors
    assert "fault.c: error: this package never builds" in ran.errors
    assert f"hint: step into its sandbox: kutterlock shell --project {fresh.project}" in ran.errors
    inside = fresh.run("shell", "--board", "fault", "--", "test", "-d", "/build/out/build")
    assert inside.status == 0, inside.errors


def test_a_package_that_embeds_a_clock_is_named_with_file_and_offset(fresh: Line) -> None:
    fresh.use_fault("clock")
    fresh.must("resolve")
    fresh.must("vendor")
    ran = fresh.run("build", "--offline", "--rebuild")
    assert ran.status == 11
    assert "error: two builds of fault differ in" in ran.errors
    assert "differs from byte" in ran.errors


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("nohash", 2, "no hash is known for one file that board 'fault' downloads"),
        ("unlisted", 2, "no hash is known for one file that board 'fault' downloads"),
        ("unsatisfied", 2, "BR2_PACKAGE_NO_SUCH_THING=y"),
    ],
)
def test_what_buildroot_would_let_pass_is_an_error(
    fresh: Line, fault: str, status: int, text: str
) -> None:
    fresh.use_fault(fault)
    ran = fresh.run("resolve")
    assert ran.status == status
    assert text in ran.errors
    assert not fresh.lock.exists()


def test_a_hash_from_the_manifest_cures_a_package_without_one(fresh: Line) -> None:
    fresh.use_fault("nohash")
    archive = fresh.demonstration.upstream / "downloads.example/fault/fault-1.0.tar.gz"
    digest = hash_file(archive).hex
    with fresh.manifest.open("a") as manifest:
        manifest.write(
            f'\n[packages.fault-nohash]\nsha256 = "{digest}"\nreason = "none upstream"\n'
        )
    fresh.must("resolve")
    fresh.must("vendor")
    fresh.must("build", "--offline")


def test_a_pin_of_a_package_that_no_board_builds_is_refused(fresh: Line) -> None:
    with fresh.manifest.open("a") as manifest:
        manifest.write('\n[packages.libgliph]\nversion = "2.2"\n')
    ran = fresh.run("resolve")
    assert ran.status == 2
    assert "packages.libgliph: did you mean libglyph?" in ran.errors


def test_a_symlink_out_of_an_overlay_is_refused(fresh: Line) -> None:
    (fresh.project / "overlays/demo/escape").symlink_to("/etc/passwd")
    ran = fresh.run("resolve")
    assert ran.status == 2
    assert "escape is a symlink that leaves its tree (to /etc/passwd)" in ran.errors


def test_a_missing_overlay_is_named(line: Line) -> None:
    shutil.rmtree(line.project / "overlays/demo")
    ran = line.run("build", "--offline")
    assert ran.status == 3
    assert "overlays.demo: there is no directory overlays/demo" in ran.errors


def test_two_builds_of_one_board_at_once_give_one_output(line: Line) -> None:
    words = ("build", "--offline", "--board", ONE_BOARD)
    first = line.start(*words)
    wait_until(lambda: list(line.demonstration.directory.glob("cache/work/*/build/out/build")))
    first.send_signal(signal.SIGSTOP)
    both = [first, line.start(*words)]
    wait_until(lambda: waits_for_a_lock(both[1].pid))
    first.send_signal(signal.SIGCONT)
    errors = [process.communicate(timeout=LONGEST)[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert errors[1].startswith(" another build of demo-x86_64 ended; looking at its output\n")


@pytest.mark.parametrize("moment", [0.3, 1.0, 2.5])
def test_a_killed_build_leaves_no_output_and_the_next_one_finishes(
    line: Line, moment: float
) -> None:
    process = line.start("build", "--offline", "--board", ONE_BOARD)
    time.sleep(moment)
    process.kill()
    process.communicate()
    line.must("build", "--offline", "--board", ONE_BOARD)
    leftovers = [p.name for p in (line.project / "output").iterdir() if "unverified" in p.name]
    assert leftovers == []


def test_a_lock_of_another_recipe_is_refused(line: Line) -> None:
    line.lock.write_text(line.lock.read_text().replace("recipe-version = 1", "recipe-version = 9"))
    ran = line.run("build", "--offline")
    assert ran.status == 3
    assert "kutter.lock has recipe version 9; this kutterlock reads 1" in ran.errors
