"""`vendor`, `verify` and `store` as a user meets them: texts, JSON and exit codes."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import hash_file
from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main
from kutterlock.model.digest import Digest
from tests.support import samples

MAKE = "pool/main/m/make-dfsg/make_4.4.1-2_amd64.deb"
CONTENT = {
    "buildroot-2026.08.tar.gz": b"buildroot-2026.08.tar.gz",
    "hello-1.0.tar.gz": b"hello/hello-1.0.tar.gz",
    "make_4.4.1-2_amd64.deb": b"make",
}

FOLDER_AT_FAULT = (
    "the folder has another file under that name: copy the right one there, or take the file away "
    "and run `kutterlock vendor` where there is a network"
)
MANIFEST = """\
[project]
name = "p"
version = "1"
[inputs]
buildroot = "*"
[boards.b]
arch = "x86_64"
defconfig = "b_defconfig"
"""

Run = Callable[..., int]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_lock(tmp_path / "kutter.lock", samples.lock_without_images())
    (tmp_path / "mirror").mkdir()
    for name, data in CONTENT.items():
        (tmp_path / "mirror" / name).write_bytes(data)
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    places = ["--project", str(project), "--store", str(project / "store")]
    environ = {**os.environ, "KUTTER_CACHE": str(project / "cache")}
    return lambda *words: main([*words, *places], environ)


@pytest.fixture
def vendored(run: Run, project: Path, capsys: pytest.CaptureFixture[str]) -> Store:
    assert run("vendor", "--mirror", str(project / "mirror"), "--offline") == 0
    capsys.readouterr()
    return Store(project / "store")


def test_vendor_takes_everything_from_a_folder(
    run: Run, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("vendor", "--mirror", str(project / "mirror"), "--offline") == 0
    assert capsys.readouterr().out == " closure     3 files: 3 fetched (50 B)\n"
    assert len(list(Store(project / "store").blobs())) == 3


def test_vendor_again_has_nothing_to_do_and_loads_no_http(
    run: Run, vendored: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "httpx"]:
        monkeypatch.delitem(sys.modules, name)
    assert run("vendor") == 0
    assert capsys.readouterr().out == " closure     3 files: all present\n"
    assert "httpx" not in sys.modules


def test_vendor_ends_with_what_is_missing(
    run: Run, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "mirror" / "make_4.4.1-2_amd64.deb").unlink()
    (project / "mirror" / "hello-1.0.tar.gz").write_bytes(b"other")
    words = ["vendor", "--offline", "--keep-going", "--mirror", str(project / "mirror")]
    assert run(*words) == 5
    hello, make = Digest.of(b"hello/hello-1.0.tar.gz"), Digest.of(b"make")
    err = capsys.readouterr().err
    assert err[err.index("error:") :] == (
        "error: 2 of 3 files could not be had\n"
        f"  hello/hello-1.0.tar.gz ({hello}): {project}/mirror/hello-1.0.tar.gz has other bytes; "
        f"expected {hello}; got {Digest.of(b'other')}; after 5 bytes\n"
        f"  {MAKE} ({make}): not in the store and not in {project}/mirror\n"
        f"hint: {FOLDER_AT_FAULT}\n"
    )


@pytest.mark.parametrize("data", [b"", b"mak", b"make!"], ids=["empty", "short", "long"])
def test_a_file_of_the_wrong_size_in_a_folder_is_named(
    data: bytes, run: Run, vendored: Store, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its size is known since it was fetched before."""
    make = Digest.of(b"make")
    vendored.remove(make)
    file = project / "mirror/make_4.4.1-2_amd64.deb"
    file.write_bytes(data)
    assert run("vendor", "--offline", "--mirror", str(project / "mirror")) == 5
    assert capsys.readouterr().err.endswith(
        "error: 1 of 3 files could not be had\n"
        f"  {MAKE} ({make}): {file} has {len(data)} bytes where 4 are pinned\n"
        f"hint: {FOLDER_AT_FAULT}\n"
    )
    assert not vendored.has(make)
    assert vendored.partials() == {}


def test_vendor_as_facts(run: Run, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "mirror" / "make_4.4.1-2_amd64.deb").unlink()
    assert run("vendor", "--offline", "--json", "--mirror", str(project / "mirror")) == 7
    nowhere = f"not in the store and not in {project}/mirror"
    assert json.loads(capsys.readouterr().out) == {
        "present": 0,
        "fetched": ["buildroot-2026.08.tar.gz", "hello/hello-1.0.tar.gz"],
        "bytes": 46,
        "missing": [{"name": MAKE, "digest": str(Digest.of(b"make")), "causes": [nowhere]}],
        "not-tried": [],
        "error": "1 of 3 files could not be had",
        "details": [f"{MAKE} ({Digest.of(b'make')}): {nowhere}"],
        "hint": "run `kutterlock vendor` where there is a network or with --mirror DIR, "
        "or import a bundle that has what is missing",
        "exit-code": 7,
    }


@pytest.mark.parametrize("verb", ["vendor", "resolve"])
def test_a_mirror_that_is_no_directory_is_a_usage_error(
    verb: str, run: Run, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "kutter.toml").write_text(MANIFEST)
    assert run(verb, "--mirror", str(project / "none")) == 2
    assert capsys.readouterr().err == f"error: --mirror {project}/none is not a directory\n"


@pytest.mark.parametrize("number", ["0", "-1", "many", "²"])
@pytest.mark.parametrize("verb", ["vendor", "resolve", "build"])
def test_a_number_of_jobs_below_one_is_a_usage_error(
    run: Run, verb: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(verb, "-j", number) == 2
    assert capsys.readouterr().err == (
        f"error: argument -j/--jobs: {number!r} is not a number of at least 1\n"
        f"hint: `kutterlock {verb} --help` lists what there is\n"
    )


def test_a_missing_lock_is_an_error_of_its_own(
    run: Run, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "kutter.lock").unlink()
    assert run("vendor") == 3
    assert capsys.readouterr().err == (
        f"error: there is no {project}/kutter.lock\nhint: run `kutterlock resolve` to write it\n"
    )


def test_verify_says_what_it_checked(
    run: Run, vendored: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify") == 0
    assert run("verify", "store") == 0
    digest = hash_file(vendored.root.parent / "kutter.lock")
    assert capsys.readouterr().out == (
        f" kutter.lock  {digest}\n"
        " trust root   none is pinned: nothing is demanded\n"
        " not covered: who made the lock: no trust root is pinned\n"
        " not covered: the files of the overlays: `build` and `resolve --check` hold them against "
        "the lock\n"
        " not covered: what is in the sources: a hash says that they are those pinned, not that "
        "they are good\n"
        " closure     3 files, 50 B: all present, all digests right\n"
        " store       3 files, 50 B: all present, all digests right\n"
    )


def test_verify_names_what_is_missing_and_corrupted(
    run: Run, vendored: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    make, hello = Digest.of(b"make"), Digest.of(b"hello/hello-1.0.tar.gz")
    vendored.remove(hello)
    vendored.path(make).chmod(0o644)
    vendored.path(make).write_bytes(b"fake")
    assert run("verify") == 5
    assert capsys.readouterr().err == (
        "error: closure: 1 corrupted, 1 missing\n"
        f"  corrupted: {MAKE}: expected {make}, got {Digest.of(b'fake')}\n"
        "  missing: hello/hello-1.0.tar.gz\n"
        "hint: run `kutterlock store check --repair`, then `kutterlock vendor` or "
        "`kutterlock bundle import`\n"
    )
    assert run("verify", "--json") == 5
    facts = json.loads(capsys.readouterr().out)
    assert facts["missing"] == ["hello/hello-1.0.tar.gz"]
    assert facts["corrupted"] == [
        {"name": MAKE, "expected": str(make), "found": str(Digest.of(b"fake"))}
    ]
    assert facts["exit-code"] == 5


def test_verify_of_an_empty_store_says_what_to_do(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify") == 7
    assert capsys.readouterr().err == (
        "error: closure: 3 missing\n"
        "  missing: buildroot-2026.08.tar.gz\n"
        "  missing: hello/hello-1.0.tar.gz\n"
        f"  missing: {MAKE}\n"
        "hint: run `kutterlock vendor` where there is a network or with --mirror DIR, "
        "or import a bundle that has what is missing\n"
    )


def test_verify_of_a_view_names_a_surplus_file(
    run: Run, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    view = project / "dl"
    (view / "hello").mkdir(parents=True)
    (view / "hello" / "hello-1.0.tar.gz").write_bytes(b"hello/hello-1.0.tar.gz")
    (view / "buildroot-2026.08.tar.gz").write_bytes(b"buildroot-2026.08.tar.gz")
    assert run("verify", "view", str(view)) == 0
    (view / "hello" / "evil.tar.gz").write_bytes(b"")
    capsys.readouterr()
    assert run("verify", "view", str(view)) == 5
    assert capsys.readouterr().err == (
        "error: view: 1 surplus\n"
        "  surplus: hello/evil.tar.gz\n"
        "hint: make the view again from a store that verifies\n"
    )


def test_an_unknown_target_names_the_known_ones(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", "everything") == 2
    assert capsys.readouterr().err == (
        "error: there is no way to verify 'everything'\n"
        "hint: name one of: lock, output, image, bundle, file, store, view\n"
    )


def test_a_target_takes_as_many_paths_as_it_needs(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", "store", "x") == 2
    assert run("verify", "view") == 2
    assert capsys.readouterr().err == (
        "error: `verify store` takes no path\nerror: `verify view` takes one path\n"
    )


def test_repair_removes_what_is_corrupted_and_vendor_brings_it_back(
    run: Run, project: Path, vendored: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    make = Digest.of(b"make")
    vendored.path(make).chmod(0o644)
    vendored.path(make).write_bytes(b"fake")
    assert run("store", "check") == 5
    assert vendored.has(make)
    capsys.readouterr()
    assert run("store", "check", "--repair") == 5
    assert capsys.readouterr().err == (
        "error: store: 1 corrupted\n"
        f"  corrupted: {make}: expected {make}, got {Digest.of(b'fake')}\n"
        "hint: they were removed: `kutterlock vendor` or `kutterlock bundle import` brings "
        "them back\n"
    )
    assert not vendored.has(make)
    assert run("vendor", "--offline", "--mirror", str(project / "mirror")) == 0
    assert run("store", "check") == 0


def test_gc_lists_first_and_removes_then(
    run: Run, vendored: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = vendored.add_bytes(b"stray")
    assert run("store", "gc", "--dry-run") == 0
    assert vendored.has(stray)
    assert capsys.readouterr().out == (
        f" blob  {stray}\n store       would remove 1 blob and 0 leftovers, 5 B; 3 blobs stay\n"
    )
    assert run("store", "gc", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "blobs": [str(stray)],
        "leftovers": [],
        "bytes": 5,
        "kept": 3,
        "unfinished-imports": 0,
        "removed": True,
        "exit-code": 0,
    }
    assert not vendored.has(stray)


def test_stats_count_what_is_there(
    run: Run, project: Path, vendored: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("store", "stats") == 0
    assert capsys.readouterr().out == (
        f" store       {project}/store\n"
        " blobs       3, 50 B\n"
        " unfinished  0\n"
        f" root        {project}/kutter.lock\n"
    )
    assert run("store", "stats", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": str(project / "store"),
        "blobs": 3,
        "bytes": 50,
        "unfinished": 0,
        "roots": [str(project / "kutter.lock")],
        "exit-code": 0,
    }


def test_other_stores_are_mirrors(
    run: Run, project: Path, vendored: Store, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("KUTTER_STORE_MIRRORS", str(vendored.root))
    words = ["vendor", "--offline", "--project", str(project), "--store", str(project / "new")]
    assert main(words, {**os.environ, "KUTTER_CACHE": str(project / "cache")}) == 0
    assert capsys.readouterr().out == " closure     3 files: 3 fetched (50 B)\n"
