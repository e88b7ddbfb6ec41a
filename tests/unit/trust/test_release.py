"""Signing a lock: versions grow, signers lie side by side."""

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import write_lock
from kutterlock.errors import KutterError, UntrustedError, UsageError
from kutterlock.model.attest.statement import Seen, read_statement
from kutterlock.model.digest import Digest
from kutterlock.trust.papers import Cabinet, read_papers
from kutterlock.trust.release import ReleaseRequest, sign_lock
from kutterlock.trust.verified import Judge, verify_lock
from tests.support import samples
from tests.support.signing import ALICE, BOB, LATER, NOW, root

LOCK = samples.lock()
REQUEST = ReleaseRequest(now=NOW, expires=LATER)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_lock(tmp_path / "kutter.lock", LOCK)
    return tmp_path


def test_signers_lie_side_by_side_and_verify(project: Path) -> None:
    first = sign_lock(project, LOCK, Seen(), REQUEST, [ALICE])
    second = sign_lock(project, LOCK, Seen(), REQUEST, [BOB])
    assert first.fresh
    assert not second.fresh
    assert sorted(path.name for path in (project / "signatures").iterdir()) == sorted(
        [
            f"kutter.lock.{ALICE.public.short_id}.minisig",
            f"kutter.lock.{ALICE.public.short_id}.sigstore.json",
            f"kutter.lock.{BOB.public.short_id}.sigstore.json",
            f"kutter.release.json.{ALICE.public.short_id}.minisig",
            f"kutter.release.json.{ALICE.public.short_id}.sigstore.json",
            f"kutter.release.json.{BOB.public.short_id}.sigstore.json",
        ]
    )
    judge = Judge(at=NOW, root=root(threshold=2))
    assert verify_lock(LOCK, read_papers(project), judge).signers == ("alice", "bob")


def test_a_changed_lock_gets_the_next_release_and_loses_old_signatures(project: Path) -> None:
    sign_lock(project, LOCK, Seen(), REQUEST, [ALICE, BOB])
    old = Digest.of((project / "kutter.lock").read_bytes())
    changed = LOCK._replace(as_of=datetime.date(2026, 9, 1))
    write_lock(project / "kutter.lock", changed)
    request = replace(REQUEST, withdraws=(old,), new=True)
    done = sign_lock(project, changed, Seen(version=5), request, [ALICE])
    assert (done.release.version, done.release.supersedes) == (6, old)
    assert done.release.withdraws == (old,)
    assert len(list((project / "signatures").iterdir())) == 4
    assert read_statement((project / "kutter.release.json").read_bytes()) == done.release


def test_withdrawals_are_carried_on(project: Path) -> None:
    gone = Digest.of(b"gone")
    sign_lock(project, LOCK, Seen(), replace(REQUEST, withdraws=(gone,), new=True), [ALICE])
    done = sign_lock(project, LOCK, Seen(), replace(REQUEST, new=True), [ALICE])
    assert (done.release.version, done.release.withdraws) == (2, (gone,))


def test_a_version_is_not_used_twice_and_a_withdrawn_lock_not_released(project: Path) -> None:
    with pytest.raises(UsageError) as caught:
        sign_lock(project, LOCK, Seen(version=7), replace(REQUEST, version=7, new=True), [ALICE])
    assert caught.value.reason == "release 7 is not new: the next is 8"
    own = Digest.of((project / "kutter.lock").read_bytes())
    with pytest.raises(UsageError) as caught:
        sign_lock(project, LOCK, Seen(), replace(REQUEST, withdraws=(own,), new=True), [ALICE])
    assert caught.value.reason == f"the lock {own} is withdrawn: nobody can release it again"
    assert not (project / "kutter.release.json").exists()


def test_what_was_seen_is_kept_and_a_damaged_record_is_no_empty_one(tmp_path: Path) -> None:
    cabinet = Cabinet(config=tmp_path, state=tmp_path)
    assert cabinet.seen("a/b") == Seen()
    seen = Seen(version=2, statement=Digest.of(b"2"), withdrawn=(Digest.of(b"1"),))
    cabinet.saw("a/b", seen)
    assert cabinet.seen("a/b") == seen
    (tmp_path / "trust/a%2Fb.seen.json").write_text("{}")
    with pytest.raises(UntrustedError) as caught:
        cabinet.seen("a/b")
    assert caught.value.reason == "the record of releases seen is damaged"


def test_records_of_two_processes_never_go_back(tmp_path: Path) -> None:
    cabinet = Cabinet(config=tmp_path, state=tmp_path)
    seven = Seen(version=7, statement=Digest.of(b"7"), withdrawn=(Digest.of(b"a"),))
    cabinet.saw("demo", seven)
    cabinet.saw("demo", Seen(version=5, statement=Digest.of(b"5"), withdrawn=(Digest.of(b"b"),)))
    found = cabinet.seen("demo")
    assert (found.version, found.statement) == (7, Digest.of(b"7"))
    assert set(found.withdrawn) == {Digest.of(b"a"), Digest.of(b"b")}


def test_what_cannot_be_remembered_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "trust").touch()
    with pytest.raises(KutterError) as caught:
        Cabinet(config=tmp_path, state=tmp_path).saw("demo", Seen(version=1))
    assert caught.value.reason.startswith(f"what was verified cannot be remembered in {tmp_path}")
