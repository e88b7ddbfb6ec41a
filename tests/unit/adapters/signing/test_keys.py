"""Keys on disk and in their forms."""

import os
from pathlib import Path

import pytest

from kutterlock.adapters.signing import keys
from kutterlock.errors import UntrustedError, UsageError
from kutterlock.model.signing.keys import (
    ED25519,
    P256,
    minisign_form,
    pem,
    read_public,
    read_tuf_form,
    ssh_form,
    tuf_form,
)
from tests.support.signing import ALICE, BOB

SIGNERS = pytest.mark.parametrize("signer", [ALICE, BOB], ids=[ED25519, P256])


@SIGNERS
@pytest.mark.parametrize("passphrase", [b"secret", b""])
def test_a_private_key_reads_back_and_is_for_its_owner_only(
    tmp_path: Path, signer: keys.KeySigner, passphrase: bytes
) -> None:
    path = tmp_path / "keys/release.pem"
    before = os.umask(0)
    try:
        keys.write_private_key(path, signer, passphrase)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (b"ENCRYPTED" in path.read_bytes()) == bool(passphrase)
    again = keys.read_private_key(path, lambda: passphrase)
    assert again.public == signer.public
    assert keys.check_signature(signer.public, b"x", keys.sign_checked(again, b"x"))
    assert [file.name for file in path.parent.iterdir()] == ["release.pem"]


def test_a_wrong_passphrase_says_so_and_shows_no_key(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    keys.write_private_key(path, ALICE, b"secret")
    with pytest.raises(UntrustedError) as caught:
        keys.read_private_key(path, lambda: b"guess")
    assert caught.value.reason == f"the passphrase of {path} is another"
    assert caught.value.__cause__ is None


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    keys.write_private_key(path, ALICE, b"")
    with pytest.raises(UsageError) as caught:
        keys.write_private_key(path, BOB, b"")
    assert caught.value.reason == f"{path} exists; a key is never overwritten"
    assert keys.read_private_key(path, lambda: b"").public == ALICE.public
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_private_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    path.write_text(pem(ALICE.public))
    with pytest.raises(UsageError) as caught:
        keys.read_private_key(path, lambda: b"")
    assert caught.value.reason == f"{path} is not a private key in PEM (PKCS #8)"


@SIGNERS
def test_every_form_of_a_public_key_reads_back(signer: keys.KeySigner) -> None:
    key = signer.public
    assert read_public(pem(key)) == key
    assert read_public(ssh_form(key, "a comment")) == key
    assert read_tuf_form(tuf_form(key, "name")) == key
    if key.kind == ED25519:
        assert read_public(minisign_form(key)) == key


def test_a_signature_is_checked_when_it_is_made() -> None:
    class Liar:
        public = ALICE.public

        def sign(self, message: bytes) -> bytes:
            return bytes(64)

    with pytest.raises(UntrustedError) as caught:
        keys.sign_checked(Liar(), b"x")
    assert caught.value.reason == (
        f"the signer's answer is no signature by key {ALICE.public.short_id}"
    )


def test_a_signer_does_not_show_its_key() -> None:
    assert repr(ALICE) == f"KeySigner({ALICE.public.short_id})"


def test_a_point_that_is_on_no_curve_verifies_nothing() -> None:
    bad = type(BOB.public)(P256, b"\4" + bytes(63) + b"\1")
    assert not keys.check_signature(bad, b"x", BOB.sign(b"x"))
