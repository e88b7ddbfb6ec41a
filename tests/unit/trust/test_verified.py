"""Which locks may be built: every rule, with the whole text of its refusal."""

import datetime
from dataclasses import replace

import pytest

from kutterlock.errors import UntrustedError
from kutterlock.model.attest.statement import Seen
from kutterlock.model.digest import Digest
from kutterlock.trust.verified import Judge, Papers, VerifiedLock, verify_lock
from tests.support import samples, signing
from tests.support.signing import ALICE, BOB, CAROL, LATER, MALLORY, NOW, papers, release, root

LOCK = samples.lock()


def judge(threshold: int = 1, **changes: object) -> Judge:
    return replace(Judge(at=NOW, root=root(threshold=threshold)), **changes)  # type: ignore[arg-type]


def refusal(given: Papers, by: Judge) -> UntrustedError:
    with pytest.raises(UntrustedError) as caught:
        verify_lock(LOCK, given, by)
    assert caught.value.exit_code == 6
    return caught.value


def test_a_signed_lock_is_proven_and_says_by_whom() -> None:
    verified = verify_lock(LOCK, papers(ALICE, BOB), judge(2))
    assert verified.signers == ("alice", "bob")
    assert verified.digest == Digest.of(papers().lock)
    assert verified.seen is not None
    assert verified.seen.version == 3
    lines = [f"{item.check}: {item.result}" for item in verified.findings]
    file = f"kutter.release.json.{ALICE.public.short_id}.sigstore.json"
    who = f"alice ({ALICE.public.short_id})"
    assert f"kutter.release.json: signature: {who} in {file}" in lines
    assert "rollback: highest release seen here before: none" in lines


def test_nobody_else_makes_a_verified_lock() -> None:
    with pytest.raises(AssertionError, match="comes from verify_lock only"):
        VerifiedLock(lock=LOCK, digest=Digest.of(b""), findings=())


def test_too_few_signatures_name_who_is_missing() -> None:
    error = refusal(papers(ALICE), judge(2))
    assert error.reason == (
        "kutter.release.json: 1 of the 2 signatures that the trust root demands for 'lock'"
    )
    order = sorted([("bob", BOB), ("carol", CAROL)], key=lambda item: item[1].public.id)
    names = ", ".join(f"{name} ({who.public.short_id})" for name, who in order)
    assert error.details == (
        f"signed by alice ({ALICE.public.short_id})",
        f"missing: 1 more of {names}",
    )


def test_two_forms_by_one_key_are_one_signature() -> None:
    given = papers(ALICE)
    assert given.statement is not None
    more = signing.signature(given.statement, ALICE, "minisig", "kutter.release.json")
    given = replace(given, statement_signatures=(*given.statement_signatures, more))
    assert refusal(given, judge(2)).details[0] == f"signed by alice ({ALICE.public.short_id})"


def test_a_strangers_signature_counts_for_nothing() -> None:
    error = refusal(papers(MALLORY), judge())
    assert error.reason == (
        "kutter.release.json: 0 of the 1 signatures that the trust root demands for 'lock'"
    )


def test_a_missing_statement_is_refused_where_the_root_demands_it() -> None:
    error = refusal(Papers(lock=papers().lock), judge())
    assert error.reason == (
        "kutter.release.json: 0 of the 1 signatures that the trust root demands for 'lock'"
    )


def test_a_lock_that_changed_after_signing_is_refused() -> None:
    given = papers(ALICE)
    error = refusal(replace(given, lock=given.lock + b"#"), judge())
    assert error.reason == "kutter.release.json is about another lock than kutter.lock"


@pytest.mark.parametrize("form", ["minisig", "sigstore.json", "sshsig", "sig"])
def test_a_signature_of_another_file_is_refused(form: str) -> None:
    given = papers(ALICE)
    other = signing.signature(b"other", ALICE, form, "kutter.release.json")
    error = refusal(replace(given, statement_signatures=(other,)), judge())
    assert error.reason == f"{other.name} is not a signature of this release statement"


def test_a_bent_signature_of_the_lock_itself_is_refused_too() -> None:
    given = papers(ALICE)
    other = signing.signature(b"other", ALICE, "minisig", "kutter.lock")
    error = refusal(replace(given, lock_signatures=(other,)), judge())
    assert error.reason == f"{other.name} is not a signature of this lock"


def test_an_expired_release_is_refused_and_an_archive_is_judged_at_its_own_time() -> None:
    root_for_ever = root(expires=LATER + datetime.timedelta(days=9999))
    error = refusal(papers(ALICE), judge(root=root_for_ever, at=LATER))
    assert error.reason == (
        "release 3 of demo expired on 2027-11-22T12:00:00Z (judged at 2027-11-22T12:00:00Z)"
    )
    verify_lock(LOCK, papers(ALICE), judge(root=root_for_ever, at=NOW))


def test_an_expired_root_is_refused() -> None:
    error = refusal(papers(ALICE), judge(root=root(expires=NOW)))
    assert error.reason == (
        "trust root 1 of demo expired on 2026-11-22T12:00:00Z (judged at 2026-11-22T12:00:00Z)"
    )


def test_going_back_is_refused_unless_allowed() -> None:
    seen = Seen(version=4, statement=Digest.of(b"4"))
    error = refusal(papers(ALICE), judge(seen=seen))
    assert error.reason == (
        "release 3 of demo is older than release 4, which was verified here before"
    )
    verified = verify_lock(LOCK, papers(ALICE), judge(seen=seen, allow_rollback=True))
    assert verified.seen == seen


def test_a_withdrawn_lock_is_refused_even_when_going_back_is_allowed() -> None:
    given = papers(ALICE)
    seen = Seen(version=4, statement=Digest.of(b"4"), withdrawn=(Digest.of(given.lock),))
    error = refusal(given, judge(seen=seen, allow_rollback=True))
    assert error.reason == f"the lock {Digest.of(given.lock)} was withdrawn by its signers"


def test_two_statements_of_one_version_are_refused() -> None:
    given = papers(ALICE)
    assert given.statement is not None
    error = refusal(given, judge(seen=Seen(version=3, statement=Digest.of(b"other"))))
    assert error.reason == "there are two releases 3 of demo"
    assert error.details == (
        f"seen before: {Digest.of(b'other')}",
        f"now:         {Digest.of(given.statement)}",
    )


def test_a_statement_of_another_project_is_refused() -> None:
    data = papers().lock
    given = papers(ALICE, statement=release(data, project="other"))
    assert refusal(given, judge()).reason == (
        "kutter.release.json is about project 'other', the lock about 'demo'"
    )


def test_a_root_of_another_project_is_refused() -> None:
    assert refusal(papers(ALICE), judge(root=root(project="other"))).reason == (
        "the lock is that of project 'demo', the trust root that of 'other'"
    )


def test_without_any_root_nothing_is_demanded_and_that_is_said() -> None:
    verified = verify_lock(LOCK, Papers(lock=papers().lock), Judge(at=NOW))
    assert verified.uncovered == ("who made the lock: no trust root is pinned",)
    assert not verified.signers


def test_renaming_a_project_does_not_escape_the_pinned_roots() -> None:
    error = refusal(Papers(lock=papers().lock), Judge(at=NOW, pinned=("kutter-os",)))
    assert error.reason == (
        "no trust root is pinned for project 'demo', though trust roots are pinned for kutter-os"
    )


def test_a_manifest_may_demand_more_than_no_root() -> None:
    error = refusal(Papers(lock=papers().lock), Judge(at=NOW, require=("lock",)))
    assert error.reason == (
        "no trust root is pinned for project 'demo', though [trust] in kutter.toml demands "
        "signatures (lock)"
    )


def test_an_unsigned_build_is_marked() -> None:
    verified = verify_lock(LOCK, Papers(lock=papers().lock), judge(unsigned=True))
    assert verified.unsigned
    assert verified.uncovered == ("who made the lock",)
