"""Signatures made by gpg, checked by gpgv, for real."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.signing.gpg import Gpg, Keyring
from kutterlock.errors import KutterError, UntrustedError
from tests.support.pgp import Signer, make_signer

pytestmark = pytest.mark.integration

TEXT = b"aa  x\n- dashed\n"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    with make_signer(tmp_path_factory.mktemp("gpg") / "home") as signer:
        yield signer


@pytest.fixture
def keyring(signer: Signer, tmp_path: Path) -> Keyring:
    path = tmp_path / "keys.asc"
    path.write_bytes(signer.keys(armor=True))
    return Keyring(path=path, fingerprints=frozenset({signer.fingerprint}))


@pytest.fixture
def gpg() -> Gpg:
    return Gpg(os.environ["PATH"])


@pytest.mark.parametrize("armor", [True, False])
def test_clearsigned(gpg: Gpg, signer: Signer, tmp_path: Path, *, armor: bool) -> None:
    path = tmp_path / "keys"
    path.write_bytes(signer.keys(armor=armor))
    keyring = Keyring(path=path, fingerprints=frozenset({signer.fingerprint}))
    signed = gpg.clearsigned(signer.clearsign(TEXT), keyring, "list")
    assert (signed.data, signed.fingerprint) == (TEXT, signer.fingerprint)


def test_text_outside_is_dropped(gpg: Gpg, signer: Signer, keyring: Keyring) -> None:
    wrapped = b"bb  x\n" + signer.clearsign(TEXT) + b"cc  x\n"
    assert gpg.clearsigned(wrapped, keyring, "list").data == TEXT


def refusal(gpg: Gpg, data: bytes, keyring: Keyring) -> str:
    with pytest.raises(UntrustedError) as caught:
        gpg.clearsigned(data, keyring, "list")
    return caught.value.reason


def test_changed_text(gpg: Gpg, signer: Signer, keyring: Keyring) -> None:
    data = signer.clearsign(TEXT).replace(b"aa  x", b"bb  x")
    assert refusal(gpg, data, keyring) == "list: the signature is wrong: the text was changed"


def test_unsigned_text(gpg: Gpg, keyring: Keyring) -> None:
    with pytest.raises(UntrustedError) as caught:
        gpg.clearsigned(TEXT, keyring, "list")
    assert caught.value.as_text() == (
        "error: list: 0 clearsigned messages where one is expected\n"
        "hint: what arrived is not the signed file: look at what the mirror answers here (a page "
        "to log in, a proxy's?), and name another mirror, or none"
    )


def test_two_messages(gpg: Gpg, signer: Signer, keyring: Keyring) -> None:
    data = signer.clearsign(b"other\n") + signer.clearsign(TEXT)
    assert refusal(gpg, data, keyring) == "list: 2 clearsigned messages where one is expected"


def test_cut_off(gpg: Gpg, signer: Signer, keyring: Keyring) -> None:
    data = signer.clearsign(TEXT).split(b"-----BEGIN PGP SIGNATURE")[0]
    assert refusal(gpg, data, keyring) == "list: gpgv found no valid signature"


def test_broken_hash(gpg: Gpg, signer: Signer, keyring: Keyring) -> None:
    data = signer.clearsign(TEXT, "SHA1")
    assert refusal(gpg, data, keyring) == "list: it is signed with SHA-1, which is broken"


def test_key_that_nobody_pinned(gpg: Gpg, signer: Signer, keyring: Keyring) -> None:
    """It is in the keyring, and its signature is right: that is not enough."""
    other = Keyring(path=keyring.path, fingerprints=frozenset({"F" * 40}))
    assert refusal(gpg, signer.clearsign(TEXT), other) == "list: no pinned key signed it"


def test_key_that_is_not_in_the_keyring(gpg: Gpg, signer: Signer, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    with make_signer(tmp_path / "other") as other:
        path.write_bytes(other.keys(armor=False))
    keyring = Keyring(path=path, fingerprints=frozenset({signer.fingerprint}))
    reason = f"list: the keyring has no key {signer.fingerprint[-16:]}"
    assert refusal(gpg, signer.clearsign(TEXT), keyring) == reason


def test_no_keyring(gpg: Gpg, signer: Signer, tmp_path: Path) -> None:
    keyring = Keyring(path=tmp_path / "none", fingerprints=frozenset())
    assert refusal(gpg, signer.clearsign(TEXT), keyring).startswith(
        f"keyring {tmp_path / 'none'} cannot be used: "
    )


def test_no_gpgv(signer: Signer, keyring: Keyring, tmp_path: Path) -> None:
    with pytest.raises(KutterError) as caught:
        Gpg(str(tmp_path)).clearsigned(signer.clearsign(TEXT), keyring, "list")
    assert caught.value.reason == "list is signed with OpenPGP, and gpgv is not on this machine"
    assert caught.value.hint == "install gpgv (Debian, Ubuntu) or gnupg"
    assert shutil.which("gpgv")
