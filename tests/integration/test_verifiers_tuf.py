"""python-tuf reads our trust root as TUF's own, and judges rotations as we do."""

import copy
import datetime
import json

import pytest
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._key import SSlibKey
from tuf.api._payload import Root
from tuf.api.exceptions import ExpiredMetadataError, RepositoryError
from tuf.api.metadata import Metadata
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from kutterlock.model.signing.trustroot import SignedRoot
from kutterlock.trust.rootwork import RootWish, next_root, sign_root
from tests.support.signing import ALICE, BOB, CAROL, LATER, MALLORY, NOW, named, root

pytestmark = pytest.mark.integration

OLD = root(threshold=2)


def rotated(*signers: object, expires: datetime.datetime = LATER) -> SignedRoot:
    wish = RootWish(expires=expires, add=(named("dave", MALLORY),), remove=("carol",))
    return sign_root(next_root(OLD.root, wish), signers)  # type: ignore[arg-type]


def trusted(first: SignedRoot = OLD) -> TrustedMetadataSet:
    return TrustedMetadataSet(first.to_bytes(), EnvelopeType.METADATA)


def bent(signed: SignedRoot) -> SignedRoot:
    key_id = ALICE.public.id
    signature = bytearray(signed.signatures[key_id])
    signature[20] ^= 1
    return signed.signed_also(key_id, bytes(signature))


def test_our_root_is_tuf_root_metadata() -> None:
    metadata = Metadata[Root].from_bytes(OLD.to_bytes())
    metadata.verify_delegate("root", metadata)
    assert metadata.signed.version == 1
    assert metadata.signed.roles["root"].threshold == 2
    assert set(metadata.signed.keys) == {who.public.id for who in (ALICE, BOB, CAROL)}


def test_a_rotation_signed_by_old_and_new_keys_is_followed() -> None:
    tuf = trusted()
    assert tuf.update_root(rotated(ALICE, BOB).to_bytes()).version == 2


@pytest.mark.parametrize("signers", [(ALICE,), (ALICE, MALLORY), (ALICE, CAROL), (MALLORY, CAROL)])
def test_an_under_signed_rotation_is_refused(signers: tuple[object, ...]) -> None:
    with pytest.raises(RepositoryError):
        trusted().update_root(rotated(*signers).to_bytes())


def test_a_flipped_bit_in_a_signature_is_refused() -> None:
    with pytest.raises(RepositoryError):
        trusted().update_root(bent(rotated(ALICE, BOB)).to_bytes())


def test_a_flipped_bit_in_the_payload_is_refused() -> None:
    value = json.loads(rotated(ALICE, BOB).to_bytes())
    value["signed"]["expires"] = "2037-11-22T12:00:00Z"
    with pytest.raises(RepositoryError):
        trusted().update_root(json.dumps(value).encode())


def test_stripped_signatures_and_those_of_another_file_are_refused() -> None:
    new = rotated(ALICE, BOB)
    for signatures in ({}, OLD.signatures):
        taken = SignedRoot(root=new.root, signed_bytes=new.signed_bytes, signatures=signatures)
        with pytest.raises(RepositoryError):
            trusted().update_root(taken.to_bytes())


def test_going_back_is_refused() -> None:
    tuf = trusted(rotated(ALICE, BOB))
    with pytest.raises(RepositoryError):
        tuf.update_root(OLD.to_bytes())


def test_an_expired_root_is_refused() -> None:
    tuf = trusted(rotated(ALICE, BOB, expires=NOW))
    tuf.reference_time = NOW + datetime.timedelta(seconds=1)
    with pytest.raises(ExpiredMetadataError, match=r"root\.json is expired"):
        tuf.update_timestamp(b"")


def test_a_root_that_tuf_signed_is_one_for_us() -> None:
    """The other way round: securesystemslib's signer, our reader."""
    from kutterlock.adapters.signing.keys import check_signature
    from kutterlock.model.signing.trustroot import check_root, read_root

    metadata = copy.deepcopy(Metadata[Root].from_bytes(OLD.to_bytes()))
    metadata.signatures.clear()
    for who in (ALICE, BOB):
        key = metadata.signed.keys[who.public.id]
        assert isinstance(key, SSlibKey)
        metadata.sign(CryptoSigner(who._private, key), append=True)
    again = read_root(metadata.to_bytes())
    signers = check_root(again, again.root, check_signature)
    assert {item.name for item in signers} == {"alice", "bob"}
