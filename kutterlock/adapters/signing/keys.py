"""Keys: the only module that uses `cryptography`. Signing, checking, and private keys on disk.

A private key is PKCS #8 in PEM, encrypted; it is written once, in mode 600, under its final name
or not at all: until then its file has no name, so that nothing is left of it whenever the process
dies. Its bytes are never part of an error.
"""

import errno
import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from kutterlock.adapters.disk.files import explained
from kutterlock.errors import UntrustedError, UsageError
from kutterlock.model.signing.keys import ED25519, LARGEST, PublicKey, Signer, pem, read_public
from kutterlock.model.signing.pkcs8 import KEY_LENGTH, ROUNDS, encrypted_pem

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Signs with a private key in memory."""

    public: PublicKey
    _private: PrivateKey

    def sign(self, message: bytes) -> bytes:
        """Sign."""
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return self._private.sign(message)
        return self._private.sign(message, ec.ECDSA(hashes.SHA256()))

    def __repr__(self) -> str:
        return f"KeySigner({self.public.short_id})"


def check_signature(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Return whether `key` made `signature` of `message`. Pure: nothing but the arguments."""
    try:
        if key.kind == ED25519:
            ed25519.Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
        else:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.raw)
            point.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def generate(kind: str) -> KeySigner:
    """Make a new key of a kind of `kutterlock.model.signing.keys`."""
    if kind == ED25519:
        return _signer(ed25519.Ed25519PrivateKey.generate())
    return _signer(ec.generate_private_key(ec.SECP256R1()))


def write_private_key(path: Path, signer: KeySigner, passphrase: bytes) -> None:
    """Write a new key file in mode 600; an empty passphrase leaves it unencrypted.

    Raises UsageError where the name is taken: a key is never overwritten.
    """
    plain = signer._private.private_bytes(  # noqa: SLF001 -- this module's own class
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    data = _encrypted(plain, passphrase) if passphrase else _armored(signer)
    _write_new(path, data, 0o600)


def write_public_key(path: Path, key: PublicKey) -> None:
    """Write a public key in PEM. Raises UsageError where the name is taken."""
    _write_new(path, pem(key).encode(), 0o644)


def read_private_key(path: Path, passphrase: Callable[[], bytes]) -> KeySigner:
    """Read a key file; `passphrase` is asked only when the key is encrypted.

    Raises UsageError for a file that is no such key, UntrustedError for a wrong passphrase.
    """
    data = _read(path)
    encrypted = b"ENCRYPTED" in data
    try:
        key = serialization.load_pem_private_key(data, passphrase() if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if encrypted:
            raise UntrustedError(f"the passphrase of {path} is another") from None
        raise UsageError(f"{path} is not a private key in PEM (PKCS #8)") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        raise UsageError(f"{path} is neither an Ed25519 nor a P-256 key")
    return _signer(key)


def read_public_key(path: Path) -> PublicKey:
    """Read a public key in PEM, minisign or SSH form. Raises UsageError."""
    try:
        return read_public(_read(path))
    except ValueError as error:
        raise UsageError(f"{path} is not a public key: {error}") from error


def sign_checked(signer: Signer, message: bytes) -> bytes:
    """Sign, and make sure that the signature is right. Raises UntrustedError."""
    signature = signer.sign(message)
    if not check_signature(signer.public, message, signature):
        raise UntrustedError(
            f"the signer's answer is no signature by key {signer.public.short_id}",
            hint="name the public key that belongs to it",
        )
    return signature


def _signer(private: PrivateKey) -> KeySigner:
    spki = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        return KeySigner(PublicKey.from_spki(spki), private)
    except ValueError as error:
        raise UsageError(f"the key is of a kind that is not used here: {error}") from error


def _armored(signer: KeySigner) -> bytes:
    return signer._private.private_bytes(  # noqa: SLF001 -- this module's own class
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _encrypted(plain: bytes, passphrase: bytes) -> bytes:
    salt, vector = secrets.token_bytes(16), secrets.token_bytes(16)
    derived = hashlib.pbkdf2_hmac("sha512", passphrase, salt, ROUNDS, KEY_LENGTH)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(derived), modes.CBC(vector)).encryptor()
    ciphertext = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return encrypted_pem(ciphertext, salt=salt, vector=vector)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            if not _write_nameless(path, data, mode):
                _write_named(path, data, mode)
        except FileExistsError:
            raise UsageError(f"{path} exists; a key is never overwritten") from None


def _write_nameless(path: Path, data: bytes, mode: int) -> bool:
    """Write a file that has no name, then give it one: open(2), O_TMPFILE. False: not to be had."""
    try:
        descriptor = os.open(path.parent, os.O_WRONLY | os.O_TMPFILE, mode)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
            return False
        raise
    with os.fdopen(descriptor, "wb") as file:
        _fill(file, data)
        return _name(descriptor, path)


def _name(descriptor: int, path: Path) -> bool:
    """Give a nameless file its name; False where /proc or the file system has no way to.

    With a directory's descriptor `os.link` calls linkat(2), which follows the link in /proc.
    """
    place = os.open(path.parent, os.O_PATH)
    try:
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=place)
    except FileExistsError:
        raise
    except OSError:
        return False
    finally:
        os.close(place)
    return True


def _write_named(path: Path, data: bytes, mode: int) -> None:
    """Write under the final name: a file system without O_TMPFILE, such as NFS."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _fill(file, data)
    except BaseException:
        path.unlink()
        raise


def _fill(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"the key {path} cannot be read: {error.strerror}") from error
