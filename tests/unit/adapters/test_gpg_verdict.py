"""gpgv's exit status and status lines, judged. Recorded from gpgv 2.2 where it printed them."""

import pytest

from kutterlock.adapters.process import Finished
from kutterlock.adapters.signing.gpg import judged
from kutterlock.errors import UntrustedError

PRIMARY = "18C7DF2819C1733D822D599EA500D6EE9CB0E540"
SUBKEY = "0" * 40
HINT = (
    "check the keyring and the fingerprint against the upstream's own publication;"
    " do not go on with a file that nobody vouches for"
)


def status(*lines: str) -> bytes:
    return "".join(f"[GNUPG:] {line}\n" for line in lines).encode()


def valid(hash_number: int = 8, *, primary: str = PRIMARY) -> str:
    return f"VALIDSIG {SUBKEY} 2026-06-16 1781643700 0 4 0 1 {hash_number} 01 {primary}"


@pytest.mark.parametrize("pinned", [PRIMARY, SUBKEY])
@pytest.mark.parametrize("extra", [(), ("EXPKEYSIG A500D6EE9CB0E540 x",)])
def test_accepted(pinned: str, extra: tuple[str, ...]) -> None:
    done = Finished(status=0, output=status(*extra, valid()), errors=b"")
    assert judged(done, frozenset({pinned}), "x") == pinned


def test_a_second_signature_by_an_unknown_key_counts_for_nothing() -> None:
    lines = ("ERRSIG A500 1 8 01 1781643700 9 A500", "NO_PUBKEY A500", valid())
    done = Finished(status=2, output=status(*lines), errors=b"")
    assert judged(done, frozenset({PRIMARY}), "x") == PRIMARY


@pytest.mark.parametrize(
    ("code", "lines", "reason", "details"),
    [
        (0, (), "gpgv found no valid signature", ("said",)),
        (1, (valid(),), "gpgv found no valid signature", ("said",)),
        (0, ("VALIDSIG too short",), "gpgv found no valid signature", ("said",)),
        (1, ("BADSIG A500 x",), "the signature is wrong: the text was changed", ()),
        (0, (valid(), "BADSIG A500 x"), "the signature is wrong: the text was changed", ()),
        (0, ("EXPSIG A500 x", valid()), "the signature has expired", ()),
        (0, ("REVKEYSIG A500 x", valid()), "the signing key was revoked", ()),
        (2, ("ERRSIG A500 1 8", "NO_PUBKEY A500"), "the keyring has no key A500", ()),
        (2, ("ERRSIG A500 1 8",), "a signature could not be checked", ()),
        (
            2,
            ("ERRSIG A500 1 8 01 1781643700 4 A500", "NO_PUBKEY B600", valid()),
            "a signature could not be checked",
            (),
        ),
        (0, (valid(2),), "it is signed with SHA-1, which is broken", ()),
        (0, (valid(1),), "it is signed with MD5, which is broken", ()),
        (0, (valid(3),), "it is signed with RIPEMD-160, which is broken", ()),
        (
            0,
            (valid(primary="F" * 40),),
            "no pinned key signed it",
            (f"signed by {'F' * 40}", f"pinned    {PRIMARY}"),
        ),
    ],
)
def test_refused(code: int, lines: tuple[str, ...], reason: str, details: tuple[str, ...]) -> None:
    done = Finished(status=code, output=status(*lines), errors=b"said\n")
    with pytest.raises(UntrustedError) as caught:
        judged(done, frozenset({PRIMARY}), "list.asc")
    assert caught.value.reason == f"list.asc: {reason}"
    assert caught.value.details == details
    assert caught.value.hint == HINT
