"""OpenPGP signatures, checked by gpgv against a keyring and fingerprints that the user pinned.

gpgv writes its output even for a bad signature and accepts SHA-1, so that its exit status, its
status lines and the hash algorithm are all judged here, and its output is read only after that.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.process import Finished, find_program, run
from kutterlock.errors import KutterError, UntrustedError
from kutterlock.model.signing.armor import SIGNED_BEGIN, dearmored_keys

SECONDS = 60.0
WEAK_HASHES = {"1": "MD5", "2": "SHA-1", "3": "RIPEMD-160"}
"""Hash algorithm numbers of RFC 9580 section 9.5 that no signature is accepted with."""

NOT_SIGNED = (
    "what arrived is not the signed file: look at what the mirror answers here (a page to log in, "
    "a proxy's?), and name another mirror, or none"
)

FATAL = {
    "BADSIG": "the signature is wrong: the text was changed",
    "ERRSIG": "a signature could not be checked",
    "REVKEYSIG": "the signing key was revoked",
    "EXPSIG": "the signature has expired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Whom to believe: a file of public keys, and the fingerprints (upper-case hex) that count."""

    path: Path
    fingerprints: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What was signed, and the pinned fingerprint that signed it."""

    data: bytes
    fingerprint: str


class Gpg:
    """gpgv, found once. Needs no home directory and reads no trust database."""

    def __init__(self, search_path: str) -> None:
        """`search_path` is a PATH."""
        self._search_path = search_path

    def clearsigned(self, data: bytes, keyring: Keyring, what: str) -> Signed:
        """Return the text inside a clearsigned message that a pinned key signed.

        `what` names the message in errors. Raises UntrustedError; KutterError without gpgv.
        """
        begins = [line.rstrip() for line in data.splitlines()].count(SIGNED_BEGIN.encode())
        if begins != 1:
            raise UntrustedError(
                f"{what}: {begins} clearsigned messages where one is expected", hint=NOT_SIGNED
            )
        with _workspace(keyring) as place:
            (place / "message").write_bytes(data)
            argv = ["--output", str(place / "text"), "--", str(place / "message")]
            fingerprint = self._verified(place, argv, keyring, what)
            return Signed(data=(place / "text").read_bytes(), fingerprint=fingerprint)

    def _verified(self, place: Path, argv: list[str], keyring: Keyring, what: str) -> str:
        program = find_program("gpgv", self._search_path)
        if program is None:
            raise KutterError(
                f"{what} is signed with OpenPGP, and gpgv is not on this machine",
                hint="install gpgv (Debian, Ubuntu) or gnupg",
            )
        options = ["--homedir", str(place), "--keyring", str(place / "keys"), "--status-fd", "1"]
        environment = {"LC_ALL": "C", "HOME": str(place), "PATH": self._search_path}
        done = run([str(program), *options, *argv], environment, timeout=SECONDS)
        return judged(done, keyring.fingerprints, what)


def judged(done: Finished, fingerprints: frozenset[str], what: str) -> str:
    """Return the pinned fingerprint behind gpgv's verdict. Raises UntrustedError.

    Of several signatures (Debian signs with the keys of two releases) one by a pinned key is
    enough, and those by keys that the keyring has not count for nothing. Status lines are described
    in GnuPG's doc/DETAILS: VALIDSIG's fields are the signing key, three times, version, reserved,
    key algorithm, hash algorithm, class, primary key.
    """
    lines = [line.split() for line in done.output.decode("utf-8", "replace").splitlines()]
    status = [line[1:] for line in lines if line[:1] == ["[GNUPG:]"] and len(line) > 1]
    missing = sorted({line[1] for line in status if line[0] == "NO_PUBKEY" and len(line) > 1})
    valid = [line[1:] for line in status if line[0] == "VALIDSIG" and len(line) > 10]
    if missing and not valid:
        raise _untrusted(what, f"the keyring has no key {', '.join(missing)}")
    for line in status:
        if line[0] in FATAL and not _lacks_key(line):
            raise _untrusted(what, FATAL[line[0]])
    if not valid or (done.status != 0 and not missing):
        said = done.errors.decode("utf-8", "replace").strip().splitlines()
        raise _untrusted(what, "gpgv found no valid signature", said[-3:])
    return _pinned(valid, fingerprints, what)


def _lacks_key(line: list[str]) -> bool:
    """Whether an ERRSIG says, in its sixth field, that only the public key is missing."""
    return line[0] == "ERRSIG" and line[6:7] == ["9"]


def _pinned(valid: list[list[str]], fingerprints: frozenset[str], what: str) -> str:
    strong = [fields for fields in valid if fields[7] not in WEAK_HASHES]
    if not strong:
        raise _untrusted(what, f"it is signed with {WEAK_HASHES[valid[0][7]]}, which is broken")
    for fields in strong:
        for fingerprint in (fields[9], fields[0]):
            if fingerprint in fingerprints:
                return fingerprint
    signers = sorted({fields[9] for fields in strong})
    raise _untrusted(
        what,
        "no pinned key signed it",
        [*(f"signed by {name}" for name in signers), *(f"pinned    {f}" for f in fingerprints)],
    )


@contextmanager
def _workspace(keyring: Keyring) -> Iterator[Path]:
    try:
        keys = dearmored_keys(keyring.path.read_bytes())
    except (OSError, ValueError) as error:
        raise UntrustedError(
            f"keyring {keyring.path} cannot be used: {error}",
            hint="name a file of public keys under [keyrings]",
        ) from error
    with tempfile.TemporaryDirectory(prefix="kutter-gpg-") as name:
        place = Path(name)
        (place / "keys").write_bytes(keys)
        yield place


def _untrusted(what: str, reason: str, details: list[str] | None = None) -> UntrustedError:
    return UntrustedError(
        f"{what}: {reason}",
        details=details or (),
        hint="check the keyring and the fingerprint against the upstream's own publication;"
        " do not go on with a file that nobody vouches for",
    )
