"""minisign, openssl, ssh-keygen and cosign, each offline, with what kutterlock signed."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.model.signing.keys import ED25519
from kutterlock.trust.signatures import make_signature
from tests.integration.verifiers import VERIFIERS, Case, program
from tests.support.signing import ALICE, BOB, CAROL, signer

pytestmark = pytest.mark.integration

OTHERS = {ALICE: CAROL, BOB: signer("another", BOB.public.kind)}
DOCUMENT = b"lock-version = 1\n" * 100


def flipped(data: bytes, place: int = 20) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def flipped_signature(data: bytes, form: str) -> bytes:
    """Flip one bit of the signature proper, below the encodings around it."""
    if form == "sig":
        return base64.b64encode(flipped(base64.b64decode(data)))
    lines = data.split(b"\n")
    if form == "minisig":
        lines[1] = base64.b64encode(flipped(base64.b64decode(lines[1])))
    elif form == "sshsig":
        blob = base64.b64decode(b"".join(lines[1:-2]))
        lines[1:-2] = [base64.b64encode(flipped(blob, len(blob) - 5))]
    else:
        value = json.loads(data)
        raw = base64.b64decode(value["messageSignature"]["signature"])
        value["messageSignature"]["signature"] = base64.b64encode(flipped(raw)).decode()
        return json.dumps(value).encode()
    return b"\n".join(lines)


@pytest.fixture(
    params=[(name, who) for name, (_, _, kinds) in VERIFIERS.items()
            for who in (ALICE, BOB) if who.public.kind in kinds],
    ids=lambda value: f"{value[0]}-{value[1].public.kind}",
)  # fmt: skip
def verifier(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., bool]:
    """Return a function that runs the verifier on a good case, but for what it is told."""
    name, who = request.param
    verify, form, _ = VERIFIERS[name]
    document = tmp_path / "kutter.lock"

    def check(attack: str = "") -> bool:
        signature = make_signature(DOCUMENT, who, "comment", form)
        if attack == "flipped signature":
            signature = flipped_signature(signature, form)
        if attack == "signature of another file":
            signature = make_signature(b"another file", who, "comment", form)
        if attack == "stripped signature":
            signature = b""
        document.write_bytes(flipped(DOCUMENT) if attack == "flipped payload" else DOCUMENT)
        key = OTHERS[who] if attack == "another key" else who
        return verify(Case(tmp_path, document, signature, key))

    return check


def test_a_good_signature_is_accepted(verifier: Callable[..., bool]) -> None:
    assert verifier()


@pytest.mark.parametrize(
    "attack",
    [
        "flipped payload",
        "flipped signature",
        "another key",
        "stripped signature",
        "signature of another file",
    ],
)
def test_an_attack_is_refused(verifier: Callable[..., bool], attack: str) -> None:
    assert verifier()
    assert not verifier(attack)


def test_openssl_reads_the_private_key_that_we_encrypt(tmp_path: Path) -> None:
    from kutterlock.adapters.signing.keys import write_private_key
    from kutterlock.model.signing.keys import pem
    from tests.integration.verifiers import run_offline

    for who in (ALICE, BOB):
        path = tmp_path / f"{who.public.kind}.pem"
        write_private_key(path, who, b"a passphrase")
        argv = [program("openssl"), "pkey", "-in", str(path), "-pubout", "-passin"]
        done = run_offline([*argv, "pass:a passphrase"])
        assert done.stdout.decode() == pem(who.public)
        assert run_offline([*argv, "pass:another"]).returncode != 0
        shown = run_offline([program("openssl"), "asn1parse", "-in", str(path)]).stdout
        assert b"hmacWithSHA512" in shown
        assert b"aes-256-cbc" in shown


def test_minisign_does_not_take_the_other_kind_of_key() -> None:
    from kutterlock.model.signing.keys import minisign_form

    with pytest.raises(ValueError, match="minisign knows Ed25519 keys only"):
        minisign_form(BOB.public)
    assert ALICE.public.kind == ED25519
