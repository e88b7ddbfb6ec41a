"""Signature files beside a document: read, bounded, and what they are worth.

`examine` is pure: bytes and keys in, who signed out.
"""

import base64
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import UnverifiedFile, explained, open_document
from kutterlock.errors import UntrustedError, UsageError
from kutterlock.model.signing.keys import ED25519, PublicKey, Signer, decode
from kutterlock.model.signing.signature_file import DIRECTORY, MOST, SignatureFile, form_of

DEFAULT_FORMS = ("minisig", "sigstore.json")

LARGEST = 8 << 20
"""A Sigstore bundle carries its payload; nothing larger is read, in bytes."""

LARGEST_DOCUMENT = 96 << 20
"""A file that is signed as a whole is held in memory, and may be no larger, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What the signature files of one document are worth.

    `good` maps a key's id to the files in which it signed; `strangers` are files by keys that
    nobody named, which count for nothing.
    """

    good: Mapping[str, tuple[str, ...]]
    strangers: tuple[str, ...]

    @property
    def signers(self) -> frozenset[str]:
        """The ids of the keys that signed."""
        return frozenset(self.good)


def find_signatures(document: Path) -> tuple[SignatureFile, ...]:
    """Read the signature files of a document. Raises UntrustedError beyond the bounds."""
    directory = document.parent / DIRECTORY
    if not directory.is_dir():
        return ()
    with explained(directory):
        names = sorted(path.name for path in directory.iterdir())
    found = [(name, form) for name in names if (form := form_of(name, document.name))]
    if len(found) > MOST:
        raise UntrustedError(f"{directory} has more than {MOST} signatures of {document.name}")
    return tuple(
        SignatureFile(name=name, form=form, data=_read(directory / name)) for name, form in found
    )


def signature_path(document: Path, key: PublicKey, form: str) -> Path:
    """Return where a key's signature of a document lies."""
    return document.parent / DIRECTORY / f"{document.name}.{key.short_id}.{form}"


def remove_signatures(document: Path) -> None:
    """Remove the signatures of a document that is about to change."""
    for file in find_signatures(document):
        path = document.parent / DIRECTORY / file.name
        with explained(path):
            path.unlink()


def examine(
    data: bytes, files: Iterable[SignatureFile], keys: Iterable[PublicKey], subject: str
) -> Examined:
    """Check each signature file against the keys.

    Raises UntrustedError for a file that is no signature, and for one that claims a known key and
    is not its signature of `data`.
    """
    known = tuple(keys)
    good: dict[str, tuple[str, ...]] = {}
    strangers = []
    for file in files:
        key = _CHECKS[file.form](data, file, known, subject)
        if key is None:
            strangers.append(file.name)
        else:
            good[key.id] = (*good.get(key.id, ()), file.name)
    return Examined(good=good, strangers=tuple(strangers))


def make_signatures(
    document: Path, data: bytes, signer: Signer, comment: str, forms: Iterable[str] = DEFAULT_FORMS
) -> dict[Path, bytes]:
    """Sign a document's bytes in several forms. Returns the signature files, nothing is written."""
    return {
        signature_path(document, signer.public, form): make_signature(data, signer, comment, form)
        for form in forms
        if form != "minisig" or signer.public.kind == ED25519
    }


def write_signed(files: Mapping[Path, bytes], changed: Iterable[Path] = ()) -> None:
    """Write documents and their signatures, when every signer was heard.

    Whoever gives up before, or finds no room for one of them, leaves everything as it was.
    `changed` are documents whose earlier signatures go.
    """
    with contextlib.ExitStack() as stack:
        written = []
        for path, data in files.items():
            with explained(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            written.append(stack.enter_context(UnverifiedFile(path)))
            written[-1].write(data)
        for document in changed:
            remove_signatures(document)
        for file in written:
            file.commit()


def read_document(path: Path) -> bytes:
    """Read a file that is signed as a whole: a signature of Ed25519 is over its bytes, not a hash.

    Raises UsageError for one that is too large to be held in memory.
    """
    with explained(path), open_document(path) as file:
        data = file.read(LARGEST_DOCUMENT + 1)
    if len(data) > LARGEST_DOCUMENT:
        raise UsageError(
            f"{path} is larger than {LARGEST_DOCUMENT} bytes: too large to be signed itself",
            hint="sign a file with its digest, as sha256sum prints it",
        )
    return data


def make_signature(data: bytes, signer: Signer, comment: str, form: str) -> bytes:
    """Return one signature file's bytes."""
    from kutterlock.adapters.signing.keys import sign_checked
    from kutterlock.model.signing import minisig, sigstore, sshsig

    def sign(message: bytes) -> bytes:
        return sign_checked(signer, message)

    if form == "minisig":
        return minisig.write_minisig(data, signer.public, sign, comment)
    if form == "sigstore.json":
        return sigstore.write_file_bundle(data, signer.public, sign(data))
    if form == "sshsig":
        return sshsig.write_sshsig(data, signer.public, sign)
    return base64.b64encode(sign(data)) + b"\n"


def _check_minisig(
    data: bytes, file: SignatureFile, keys: Iterable[PublicKey], subject: str
) -> PublicKey | None:
    from kutterlock.model.signing import minisig  # each form is loaded when there is a file of it

    found = minisig.read_minisig(file.data)
    signed = found.signature + found.trusted_comment
    for key in keys:
        if key.kind == ED25519 and key.minisign_id == found.key_id:
            right = _is_right(key, minisig.prehash(data), found.signature)
            _require(right and _is_right(key, signed, found.global_signature), file, subject)
            return key
    return None


def _check_sigstore(
    data: bytes, file: SignatureFile, keys: Iterable[PublicKey], subject: str
) -> PublicKey | None:
    from kutterlock.model.signing import sigstore

    found = sigstore.read_bundle(file.data)
    message, signature = data, found.signature
    if found.envelope is not None:
        _require(found.envelope.payload == data, file, subject)
        message, signature = found.envelope.signed_bytes, found.envelope.signatures[0].signature
    else:
        _require(found.digest == sigstore.file_digest(data), file, subject)
    for key in keys:
        if key.hint == found.hint:
            _require(_is_right(key, message, signature), file, subject)
            return key
    return None


def _check_sshsig(
    data: bytes, file: SignatureFile, keys: Iterable[PublicKey], subject: str
) -> PublicKey | None:
    from kutterlock.model.signing import sshsig

    found = sshsig.read_sshsig(file.data)
    message = sshsig.signed_bytes(data, found.namespace, found.hash_name)
    for key in keys:
        if key == found.key:
            right = _is_right(key, message, found.signature)
            _require(right and found.namespace == sshsig.NAMESPACE, file, subject)
            return key
    return None


def _check_raw(
    data: bytes, file: SignatureFile, keys: Iterable[PublicKey], subject: str
) -> PublicKey | None:
    try:
        signature = decode(file.data.strip())
    except ValueError as error:
        raise UntrustedError(f"{file.name} is {error}") from error
    for key in keys:
        if f".{key.short_id}." in file.name:
            _require(_is_right(key, data, signature), file, subject)
            return key
    return None


_CHECKS: Mapping[
    str, Callable[[bytes, SignatureFile, Iterable[PublicKey], str], PublicKey | None]
] = {
    "minisig": _check_minisig,
    "sigstore.json": _check_sigstore,
    "sshsig": _check_sshsig,
    "sig": _check_raw,
}


def _is_right(key: PublicKey, message: bytes, signature: bytes) -> bool:
    from kutterlock.adapters.signing.keys import (
        check_signature,  # slow to load, and not always needed
    )

    return check_signature(key, message, signature)


def _require(right: object, file: SignatureFile, subject: str) -> None:
    if not right:
        raise UntrustedError(
            f"{file.name} is not a signature of this {subject}",
            hint="one of the two was changed, or is of another version; take both from one place",
        )


def _read(path: Path) -> bytes:
    with explained(path), open_document(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise UntrustedError(f"{path} is larger than {LARGEST} bytes")
    return data
