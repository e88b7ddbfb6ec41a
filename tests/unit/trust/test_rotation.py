"""Trust roots: what they must have, and how one follows another."""

import json
from pathlib import Path

import pytest

from kutterlock.adapters.signing.keys import check_signature
from kutterlock.errors import UntrustedError
from kutterlock.model.signing.trustroot import SignedRoot, advance, check_root, read_root
from kutterlock.trust.papers import Cabinet, current_root
from kutterlock.trust.rootwork import RootWish, first_root, next_root, sign_root, standing
from tests.support.signing import ALICE, BOB, CAROL, LATER, MALLORY, named, root


def rotated(old: SignedRoot, *signers: object) -> SignedRoot:
    """Replace carol by mallory."""
    wish = RootWish(expires=LATER, add=(named("dave", MALLORY),), remove=("carol",))
    return sign_root(next_root(old.root, wish), signers)  # type: ignore[arg-type]


def test_a_root_reads_back_as_itself() -> None:
    signed = root()
    assert read_root(signed.to_bytes()) == signed


def test_a_rotation_needs_enough_old_keys_and_enough_new_ones() -> None:
    old = root(threshold=2)
    assert advance(old, [rotated(old, ALICE, BOB)], check_signature).root.version == 2
    with pytest.raises(UntrustedError) as caught:
        advance(old, [rotated(old, ALICE, MALLORY)], check_signature)
    assert caught.value.reason == (
        "trust root 2 of demo, judged by version 1: 1 of the 2 signatures that the trust root "
        "demands for 'root'"
    )
    with pytest.raises(UntrustedError) as caught:
        advance(old, [rotated(old, ALICE, CAROL)], check_signature)
    assert caught.value.reason == (
        "trust root 2 of demo: 1 of the 2 signatures that the trust root demands for 'root'"
    )


def test_rotations_are_followed_one_by_one() -> None:
    first = root(threshold=2)
    second = rotated(first, ALICE, BOB)
    wish = RootWish(expires=LATER, remove=("alice",))
    third = sign_root(next_root(second.root, wish), (BOB, MALLORY))
    assert advance(first, [third, second], check_signature).root.version == 3
    with pytest.raises(UntrustedError):
        advance(first, [third], check_signature)


def test_an_older_candidate_is_not_gone_back_to() -> None:
    first = root(threshold=2)
    second = rotated(first, ALICE, BOB)
    assert advance(second, [first], check_signature) is second


def test_two_roots_of_one_version_are_refused() -> None:
    with pytest.raises(UntrustedError) as caught:
        advance(root(), [root(threshold=2)], check_signature)
    assert caught.value.reason == "there are two trust roots of version 1"


def test_a_bent_signature_does_not_count() -> None:
    signed = root(threshold=3)
    bent = signed.signed_also(ALICE.public.id, bytes(64))
    with pytest.raises(UntrustedError) as caught:
        check_root(bent, bent.root, check_signature)
    assert caught.value.details[-1] == f"missing: 1 more of alice ({ALICE.public.short_id})"
    assert standing(bent)[0] == "signed by 2 of the 3 root keys that it needs"


def test_a_key_under_anothers_id_and_unknown_fields_are_refused() -> None:
    value = json.loads(root().to_bytes())
    value["signed"]["surprise"] = 1
    with pytest.raises(UntrustedError) as caught:
        read_root(json.dumps(value).encode())
    assert caught.value.details == ("signed: has fields that this kutterlock does not know",)
    value = json.loads(root().to_bytes())
    keys = value["signed"]["keys"]
    keys[ALICE.public.id], keys[CAROL.public.id] = keys[CAROL.public.id], keys[ALICE.public.id]
    with pytest.raises(UntrustedError) as caught:
        read_root(json.dumps(value).encode())
    assert {line.rpartition(": ")[2] for line in caught.value.details} == {"the key has another id"}


def test_a_threshold_that_nobody_can_reach_is_refused() -> None:
    with pytest.raises(UntrustedError) as caught:
        next_root(root().root, RootWish(expires=LATER, thresholds={"lock": 4}))
    assert caught.value.details == ("roles: lock: 4 of 3 keys",)


def test_pinning_needs_the_digest_and_keeps_rotations(tmp_path: Path) -> None:
    cabinet = Cabinet(config=tmp_path / "config", state=tmp_path / "state")
    first = root(threshold=2)
    with pytest.raises(UntrustedError) as caught:
        cabinet.pin(first, root().digest)
    assert caught.value.reason == "the trust root is not the one that the digest names"
    cabinet.pin(first, first.digest)
    assert cabinet.projects() == ("demo",)
    second = rotated(first, ALICE, BOB)
    (tmp_path / "kutter.root.json").write_bytes(second.to_bytes())
    assert current_root(cabinet, "demo", tmp_path) == second
    (tmp_path / "kutter.root.json").unlink()
    assert current_root(cabinet, "demo", tmp_path) == second
    with pytest.raises(UntrustedError) as caught:
        cabinet.pin(first, first.digest)
    assert caught.value.reason == "version 2 is pinned, which is newer than 1"


def test_a_root_in_the_project_alone_is_no_ground_to_trust(tmp_path: Path) -> None:
    cabinet = Cabinet(config=tmp_path / "config", state=tmp_path / "state")
    (tmp_path / "kutter.root.json").write_bytes(root().to_bytes())
    assert current_root(cabinet, "demo", tmp_path) is None


def test_a_role_that_nobody_is_named_for_takes_the_keys_of_the_lock() -> None:
    keys = {"root": ALICE, "lock": BOB}
    add = tuple((role, named(role, who)[1]) for role, who in keys.items())
    first = first_root("demo", RootWish(expires=LATER, add=add)).root
    assert {name: role.keys for name, role in first.roles.items()} == {
        "root": (ALICE.public.id,),
        **dict.fromkeys(("lock", "output", "image", "bundle"), (BOB.public.id,)),
    }
    changed = RootWish(expires=LATER, add=(("lock", named("new", CAROL)[1]),), remove=("lock",))
    second = next_root(first, changed).root
    assert second.roles["output"].keys == (CAROL.public.id,)
    assert set(second.keys) == {ALICE.public.id, CAROL.public.id}
