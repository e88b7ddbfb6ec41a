"""Signature files: where they lie beside a document, and how their names say what is in them.

    signatures/<name of the document>.<first 16 digits of the key's id>.<form>

with the forms `minisig`, `sigstore.json`, `sshsig` and `sig` (base64 of the raw signature). Several
signers lie side by side.
"""

from typing import NamedTuple

DIRECTORY = "signatures"
FORMS = ("minisig", "sigstore.json", "sshsig", "sig")
MOST = 256
"""No document has more signature files."""


class SignatureFile(NamedTuple):
    """A signature file as it came."""

    name: str
    form: str
    data: bytes


def form_of(name: str, document: str) -> str:
    """Return the form of the signature file `name` of a document; "" where it is none of that."""
    prefix = f"{document}."
    form = name.removeprefix(prefix).partition(".")[2]
    return form if name.startswith(prefix) and form in FORMS else ""
