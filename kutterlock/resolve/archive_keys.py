"""Whom to believe about Debian's archives: pinned keys, in a keyring that the user names."""

from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.signing.gpg import Gpg, Keyring
from kutterlock.catalog.debian_keys import DEBIAN_ARCHIVE_KEYS
from kutterlock.errors import UntrustedError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Where Debian and its derivatives keep the archive's public keys."""


@dataclass(frozen=True, slots=True)
class ArchiveKeys:
    """Verifies with gpgv, by the pinned keys of Debian's archives in a keyring of the user's."""

    gpg: Gpg
    keyring: Path = KEYRING
    fingerprints: frozenset[str] = frozenset(DEBIAN_ARCHIVE_KEYS)

    def __call__(self, data: bytes, what: str) -> bytes:
        """Return the text that was signed. Raises UntrustedError."""
        if not self.keyring.is_file():
            raise UntrustedError(
                f"there is no keyring {self.keyring} to check {what} with",
                hint="install debian-archive-keyring, or name a keyring of Debian's archive keys",
            )
        keyring = Keyring(path=self.keyring, fingerprints=self.fingerprints)
        return self.gpg.clearsigned(data, keyring, what).data
