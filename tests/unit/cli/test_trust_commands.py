"""key, trust, sign, verify and build as their users meet them: texts and exit codes."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main
from kutterlock.model.digest import Digest
from tests.support import samples

Run = Callable[..., int]
Json = Callable[..., dict[str, object]]
MANIFEST = '[project]\nname = "demo"\n[inputs]\nbuildroot = "*"\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    (place / "kutter.toml").write_text(MANIFEST)
    write_lock(place / "kutter.lock", samples.lock())
    monkeypatch.setenv("KUTTER_CONFIG", str(tmp_path / "config/config.toml"))
    monkeypatch.setenv("KUTTER_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KUTTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PASS", "a passphrase")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").touch()
    return place


@pytest.fixture
def run(project: Path) -> Run:
    def call(*words: str) -> int:
        return main([words[0], "--project", str(project), *words[1:]])

    return call


@pytest.fixture
def facts(run: Run, capsys: pytest.CaptureFixture[str]) -> Json:
    def call(*words: str) -> dict[str, object]:
        capsys.readouterr()
        assert run(*words, "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert isinstance(found, dict)
        return found

    return call


@pytest.fixture
def signed(run: Run, facts: Json) -> None:
    """A pinned root that demands two signatures of the lock, which has one."""
    assert run("key", "generate", "alice", "--passphrase-env", "PASS") == 0
    assert run("key", "generate", "bob", "--type", "ecdsa-p256", "--no-passphrase") == 0
    made = facts(
        "trust", "init", "--add", "alice", "--add", "bob", "--threshold", "lock=2",
        "--key", "bob",
    )  # fmt: skip
    assert run("trust", "pin", "--digest", str(made["digest"])) == 0
    assert run("sign", "--key", "alice", "--passphrase-env", "PASS") == 0


def test_a_private_key_is_not_shown_and_is_its_owners(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("key", "generate", "alice", "--no-passphrase") == 0
    path = tmp_path / "config/keys/alice.pem"
    secret = path.read_text().splitlines()[1]
    assert run("key", "show", "alice") == 0
    for form in ("pem", "cosign", "minisign", "ssh", "allowed-signers", "tuf"):
        assert run("key", "export", "alice", "--form", form) == 0
    shown = capfd.readouterr()
    assert secret not in shown.out + shown.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_key_needs_a_passphrase_or_a_word_against_it(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("key", "generate", "alice", "--passphrase-env", "NONE") == 2
    assert capsys.readouterr().err == "error: --passphrase-env NONE: the variable is not set\n"
    assert not (tmp_path / "config/keys").exists()


def test_a_root_is_pinned_by_a_digest_only(
    run: Run, signed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("trust", "pin") == 2
    assert capsys.readouterr().err == (
        "error: pinning needs --digest: the digest of the root, received another way than the "
        "root\nhint: its keepers see it with `kutterlock trust show`\n"
    )
    assert run("trust", "pin", "--digest", str(Digest.of(b"other"))) == 6


def test_build_refuses_a_lock_with_too_few_signatures_before_anything_is_unpacked(
    run: Run, signed: None, facts: Json, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = facts("key", "show", "bob")
    assert run("build", "--offline") == 6
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        "error: kutter.release.json: 1 of the 2 signatures that the trust root demands for 'lock'"
    )
    assert lines[2] == f"  missing: 1 more of bob ({str(key['id'])[:16]})"
    assert run("shell", "--board", "pc") == 6
    assert run("attest", "--key", "bob") == 6
    assert not (tmp_path / "cache").exists()


def test_an_unsigned_build_goes_on_to_the_next_check(
    run: Run, signed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("build", "--offline", "--unsigned") == 3
    shown = capsys.readouterr()
    assert shown.out == " lock        NOT verified (--unsigned): the output cannot be signed\n"
    assert shown.err.startswith("error: kutter.lock is stale")


def test_a_second_signer_completes_it_and_verify_is_evidence(
    run: Run, signed: None, facts: Json
) -> None:
    assert run("sign", "--key", "bob") == 0
    found = facts("verify", "--signatures-only")
    assert isinstance(found["signers"], list)
    assert sorted(found["signers"]) == ["alice", "bob"]
    assert found["not-covered"] == [
        "the files of the overlays: `build` and `resolve --check` hold them against the lock",
        "what is in the sources: a hash says that they are those pinned, not that they are good",
    ]
    assert isinstance(found["checks"], list)
    assert [item["check"] for item in found["checks"]][:3] == [
        "kutter.lock", "trust root", "kutter.release.json",
    ]  # fmt: skip


def test_a_release_that_was_seen_is_not_gone_back_from(
    run: Run, signed: None, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sign", "--key", "bob") == 0
    kept = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert run("sign", "--key", "bob", "--key", "alice", "--passphrase-env", "PASS",
               "--release", "7") == 0  # fmt: skip
    assert run("verify", "--signatures-only") == 0
    for path, data in kept.items():
        path.write_bytes(data)
    capsys.readouterr()
    assert run("verify", "--signatures-only") == 6
    assert capsys.readouterr().err.splitlines()[0] == (
        "error: release 1 of demo is older than release 7, which was verified here before"
    )
    assert run("verify", "--signatures-only", "--allow-rollback") == 0
    assert run("verify", "--signatures-only", "--allow-rollback", "--at", "2126-01-01") == 6


def test_a_file_is_verified_by_a_named_key_without_any_project(
    run: Run, signed: None, project: Path, facts: Json, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    keys = tmp_path / "config/keys"
    found = facts(
        "verify", str(project / "kutter.lock"), "--public-key", str(keys / "alice.pub.pem")
    )
    assert found["signers"] == [str(keys / "alice.pub.pem")]
    capsys.readouterr()
    bob = str(keys / "bob.pub.pem")
    assert run("verify", str(project / "kutter.lock"), "--public-key", bob) == 6
    assert (
        capsys.readouterr().err.splitlines()[0] == f"error: kutter.lock is signed by none of: {bob}"
    )


def test_rotation_is_followed_from_the_pinned_root(
    run: Run, signed: None, facts: Json, project: Path
) -> None:
    assert run("key", "generate", "carol", "--no-passphrase") == 0
    assert run("trust", "rotate", "--add", "carol", "--remove", "alice", "--threshold", "1",
               "--key", "bob") == 0  # fmt: skip
    assert (project / "signatures/1.root.json").exists()
    assert run("sign", "--key", "carol", "--release", "2") == 0
    assert facts("verify", "--signatures-only")["signers"] == ["carol"]
    pinned = facts("trust", "show")["pinned"]
    assert isinstance(pinned, dict)
    assert pinned["version"] == 2


def test_nobody_signs_where_nobody_is_named(
    run: Run, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sign") == 2
    assert capsys.readouterr().err.splitlines()[0] == "error: nobody was named to sign"
    assert not (project / "kutter.release.json").exists()


def test_any_file_can_be_signed_and_verified(
    run: Run, signed: None, facts: Json, tmp_path: Path
) -> None:
    path = tmp_path / "inventory.json"
    path.write_text("{}")
    assert run("sign", str(path), "--key", "bob", "--form", "sig", "--form", "sigstore.json") == 0
    assert facts("verify", str(path), "--public-key", "bob")["signers"] == ["bob"]
    assert facts("verify", str(path))["signers"] == ["bob"]
    path.write_text("[]")
    assert run("verify", str(path)) == 6
    assert run("sign", str(tmp_path / "none"), "--key", "bob") == 2


def test_a_manifest_raises_a_threshold_and_lowers_none(
    run: Run, signed: None, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sign", "--key", "bob") == 0
    (project / "kutter.toml").write_text(MANIFEST + "[trust]\nthresholds = { lock = 1 }\n")
    assert run("verify", "--signatures-only") == 0
    (project / "kutter.toml").write_text(MANIFEST + "[trust]\nthresholds = { lock = 3 }\n")
    capsys.readouterr()
    assert run("verify", "--signatures-only") == 6
    assert capsys.readouterr().err.splitlines()[0] == (
        "error: kutter.release.json: 2 of the 3 signatures that the trust root demands for 'lock'"
    )


def test_without_a_project_every_pin_is_shown(
    run: Run, signed: None, facts: Json, tmp_path: Path
) -> None:
    found = facts("trust", "show", "--project", str(tmp_path))
    assert isinstance(found["pinned"], list)
    assert [root["project"] for root in found["pinned"]] == ["demo"]


def test_a_damaged_root_in_the_project_is_refused_unless_nothing_is_looked_at(
    run: Run, signed: None, project: Path
) -> None:
    (project / "kutter.root.json").write_text("{}")
    assert run("build", "--offline") == 6
    assert run("build", "--offline", "--unsigned") == 3
