"""`bundle import`: each way to fail has its own exit code, and a list of what is missing."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.cli.main import main
from kutterlock.cli.rehearsal import no_network
from kutterlock.errors import NetworkError
from tests.support.bundles import Near, base_of, root, some_files

LIMIT = 300_000
AT = "2026-11-22"
Run = Callable[..., tuple[int, dict[str, object]]]


@pytest.fixture
def near(tmp_path: Path) -> Near:
    return Near(tmp_path / "near", files=some_files(count=5, size=60_000))


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    environ = {"HOME": str(tmp_path / "home"), "PATH": "", "KUTTER_STORE": str(tmp_path / "store")}

    def call(*words: str) -> tuple[int, dict[str, object]]:
        capsys.readouterr()
        place = ["--project", str(tmp_path / "os"), "--at", AT, "--json"]
        status = main(["bundle", "import", *words, *place], environ)
        facts: dict[str, object] = json.loads(capsys.readouterr().out)
        assert facts.get("exit-code", 0) == status
        return status, facts

    return call


def details(facts: dict[str, object]) -> str:
    found = facts["details"]
    assert isinstance(found, list)
    return "\n".join(found)


def test_each_failure_has_its_own_exit_code_and_list(near: Near, run: Run, tmp_path: Path) -> None:
    paths = [str(path) for path in near.create("one.tar", limit=LIMIT).paths]
    other = Near(tmp_path / "other", files=some_files(seed=9, size=60_000))
    strange = str(other.create("x.tar", limit=LIMIT).paths[1])
    pinned = ("--root-digest", str(root().digest))

    status, facts = run(*paths)
    assert status == 6
    assert f"it carries root 1: {root().digest}" in details(facts)
    status, facts = run(*paths, "--unsigned", "--root-digest", "sha256:" + "0" * 64)
    assert (status, facts["error"]) == (6, "the bundle has no trust root sha256:" + "0" * 64)
    status, facts = run(paths[0], strange, *pinned)
    assert status == 16
    assert f"{strange}: volume 2 of 2 of demo 1" in details(facts)
    status, facts = run(paths[1], *pinned)
    assert status == 9
    assert "missing: volume 1: project/kutter.lock" in details(facts)

    spoiled = Path(shutil.copy(paths[0], tmp_path / "spoiled.tar"))
    data = bytearray(spoiled.read_bytes())
    data[-5000] ^= 1
    spoiled.write_bytes(data)
    status, facts = run(str(spoiled), paths[1], "--unsigned")
    assert status == 5
    assert f"{spoiled}: " in details(facts)

    (tmp_path / "os").mkdir()
    (tmp_path / "os/kutter.toml").write_text("mine")
    status, facts = run(*paths, "--unsigned")
    assert status == 2
    assert details(facts) == "kutter.toml"
    assert run(*paths, "--replace")[0] == 6  # the lock itself is signed by nobody
    assert run("--abort")[0] == 0


def test_a_delta_without_its_base_is_15(near: Near, run: Run) -> None:
    first = near.create("one.tar")
    later = Near(near.directory, files={**near.files, "q/q.tar": b"new" * 999})
    (path,) = later.create("two.tar", base=base_of(first.bundle)).paths
    status, facts = run(str(path), "--root-digest", str(root().digest))
    assert status == 15
    assert details(facts).count("missing: ") == 8
    status, facts = run(str(path), "--unsigned")
    assert status == 15


@pytest.mark.parametrize("words", [["verify"], ["build", "--offline"], ["tree"]])
def test_a_lock_that_is_still_to_come(
    words: list[str], near: Near, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"HOME": str(tmp_path / "home"), "KUTTER_STORE": str(tmp_path / "store")}
    there_is_none = f"error: there is no {tmp_path}/os/kutter.lock\nhint: "
    assert main([*words, "--project", str(tmp_path / "os")], environ) == 3
    assert capsys.readouterr().err == there_is_none + "run `kutterlock resolve` to write it\n"
    assert run(str(near.create("one.tar", limit=LIMIT).paths[0]), "--unsigned")[0] == 9
    assert main([*words, "--project", str(tmp_path / "os")], environ) == 3
    assert capsys.readouterr().err == there_is_none + (
        "an import is unfinished in this store: `kutterlock bundle import` its missing volumes; "
        "or run `kutterlock resolve` to write a lock\n"
    )


@pytest.mark.parametrize("said", [[], ["--into", "other"], ["--project", "."]])
def test_the_project_lands_where_the_import_began_to_put_it(
    said: list[str], near: Near, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"HOME": str(tmp_path / "home"), "KUTTER_STORE": str(tmp_path / "store")}
    first, second = (str(path) for path in near.create("one.tar", limit=LIMIT).paths)
    disc = tmp_path / "disc"
    disc.mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["bundle", "import", first, "--unsigned", "--into", "os"], environ) == 9
    monkeypatch.chdir(disc)
    assert main(["bundle", "import", second, "--unsigned", *said], environ) == 0
    places = [tmp_path / "os", disc, disc / "other"]
    wanted = {"--into": disc / "other", "--project": disc}.get("".join(said[:1]), tmp_path / "os")
    assert [place for place in places if (place / "kutter.lock").exists()] == [wanted]


def test_whoever_reaches_for_a_network_in_a_rehearsal_fails() -> None:
    with no_network():
        with pytest.raises(NetworkError) as caught:
            socket.getaddrinfo("upstream.example", 443)
        assert caught.value.reason == (
            "a rehearsal has no network, and upstream.example was asked for"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, pytest.raises(NetworkError):
            one.sendto(b"x", ("192.0.2.1", 9))
