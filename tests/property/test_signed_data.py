"""Every parser of signed data: whatever the bytes, a verified value or one of our errors."""

import base64
import contextlib
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kutterlock.adapters.process import Finished
from kutterlock.adapters.signing.gpg import judged
from kutterlock.adapters.signing.keys import check_signature, read_private_key, write_private_key
from kutterlock.errors import KutterError, UntrustedError
from kutterlock.model.attest.cosign import (
    Layer,
    layered,
    read_entries,
    read_simple_signing,
    referrers,
    simple_signing,
)
from kutterlock.model.attest.image import read_image_statement
from kutterlock.model.attest.intoto import read_provenance
from kutterlock.model.attest.statement import read_seen, read_statement
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.canonical_json import canonical_json
from kutterlock.model.encoding.der import ecdsa_signature, read_ecdsa_signature
from kutterlock.model.encoding.strict_json import read_object
from kutterlock.model.signing import minisig, sigstore, sshsig
from kutterlock.model.signing.armor import dearmored_keys, is_clearsigned, unwrapped
from kutterlock.model.signing.dsse import read_envelope
from kutterlock.model.signing.keys import minisign_form, pem, read_public, ssh_form
from kutterlock.model.signing.signature_file import SignatureFile
from kutterlock.model.signing.trustroot import read_root
from kutterlock.trust.docker_names import require_same_images
from kutterlock.trust.signatures import examine
from tests.support import attesting, signing
from tests.support.signing import ALICE, BOB

pytestmark = pytest.mark.property

DATA = b"what is signed"
ROOT = signing.root()
STATEMENT = signing.release(b"lock").to_bytes()
SIGNED: dict[str, bytes] = {
    f"{form}-{who.public.kind}": signing.signature(DATA, who, form).data
    for form in ("minisig", "sigstore.json", "sshsig", "sig")
    for who in (ALICE, BOB)
    if not (form == "minisig" and who is BOB)
}
IMAGE_STATEMENTS = attesting.image_statements_of_a_manifest()
READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "minisig": (minisig.read_minisig, SIGNED["minisig-ed25519"]),
    "sigstore": (sigstore.read_bundle, SIGNED["sigstore.json-ed25519"]),
    "sshsig": (sshsig.read_sshsig, SIGNED["sshsig-ecdsa-p256"]),
    "dsse": (
        read_envelope,
        b'{"payload": "e30=", "payloadType": "t", "signatures": [{"keyid": "", "sig": "AA=="}]}',
    ),
    "root": (read_root, ROOT.to_bytes()),
    "statement": (read_statement, STATEMENT),
    "seen": (read_seen, b'{"version": 0, "statement": "", "withdrawn": []}'),
    "provenance": (read_provenance, b'{"_type": "https://in-toto.io/Statement/v1"}'),
    "image provenance": (read_image_statement, IMAGE_STATEMENTS[0][0]),
    "image bill": (read_image_statement, IMAGE_STATEMENTS[1][0]),
    "simple signing": (read_simple_signing, simple_signing("example.org/app", Digest.of(b"x"))),
    "layers of signatures": (
        lambda data: read_entries(data, "layers", "it"),
        layered(Digest.of(b"x"), "sig", [Layer(media_type="t", data=b"x")]).manifest,
    ),
    "list of referrers": (
        lambda data: read_entries(data, "manifests", "it"),
        referrers({"digest": "d"}, Digest.of(b"x"), [(b"{}", "t")])[-1].manifest,
    ),
    "docker's list": (lambda data: require_same_images(data, {"": ()}), b"[]"),
}
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
reader = pytest.mark.parametrize("name", READERS)


@reader
@given(data=st.binary(max_size=300) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_give_a_value_or_an_error(name: str, data: bytes) -> None:
    with contextlib.suppress(KutterError):
        READERS[name][0](data)


@reader
@settings(max_examples=300)
@given(st.data())
def test_a_good_document_with_a_few_bytes_changed(name: str, data: st.DataObject) -> None:
    read, good = READERS[name]
    start = data.draw(st.integers(0, len(good) - 1))
    end = data.draw(st.integers(start, min(len(good), start + 8)))
    with contextlib.suppress(KutterError):
        read(good[:start] + data.draw(st.binary(max_size=8)) + good[end:])


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    return [path, *(place for key, inner in children for place in _places(inner, (*path, key)))]


@pytest.mark.parametrize(
    "name", [name for name, (_, good) in READERS.items() if good.startswith(b"{")]
)
@settings(max_examples=300)
@given(st.data())
def test_any_value_anywhere_in_a_good_document(name: str, data: st.DataObject) -> None:
    read, good = READERS[name]
    value = json.loads(good)
    place = data.draw(st.sampled_from(_places(value)[1:]))
    inner = value
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = data.draw(VALUES)
    with contextlib.suppress(KutterError):
        read(json.dumps(value).encode())


@pytest.mark.parametrize("name", SIGNED)
@settings(max_examples=400)
@given(st.data())
def test_a_flipped_bit_never_makes_another_signature(name: str, data: st.DataObject) -> None:
    """It is refused, counts for nobody, or was in a comment that nobody signs."""
    good = SIGNED[name]
    place = data.draw(st.integers(0, 8 * len(good) - 1))
    bent = bytearray(good)
    bent[place // 8] ^= 1 << place % 8
    form = name.rsplit("-", 2 if name.endswith("p256") else 1)[0]
    key = BOB.public if name.endswith("p256") else ALICE.public
    file = SignatureFile(name=f"x.{key.short_id}.{form}", form=form, data=bytes(bent))
    try:
        found = examine(DATA, [file], [key], "file")
    except UntrustedError:
        return
    if found.good:
        assert _meaning(form, bytes(bent)) == _meaning(form, good)


def _meaning(form: str, data: bytes) -> object:
    """What of a signature file counts."""
    if form == "minisig":
        return minisig.read_minisig(data)
    if form == "sigstore.json":
        return sigstore.read_bundle(data)
    return sshsig.read_sshsig(data) if form == "sshsig" else base64.b64decode(data.strip())


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_signature_of_one_text_is_none_of_another(one: bytes, other: bytes) -> None:
    for who in (ALICE, BOB):
        signature = who.sign(one)
        assert check_signature(who.public, one, signature)
        assert check_signature(who.public, other, signature) == (one == other)


@given(st.binary(max_size=200))
def test_any_signature_bytes_are_refused_quietly(data: bytes) -> None:
    for who in (ALICE, BOB):
        assert not check_signature(who.public, b"x", data)


@given(st.integers(1, 2**256 - 1), st.integers(1, 2**256 - 1))
def test_ecdsa_signatures_survive_both_forms(r: int, s: int) -> None:
    encoded = ecdsa_signature(r, s)
    assert read_ecdsa_signature(encoded) == (r, s)
    assert sshsig.from_ssh(BOB.public, sshsig.to_ssh(BOB.public, encoded)) == encoded


@given(st.binary(max_size=90))
def test_any_bytes_are_an_ecdsa_signature_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert ecdsa_signature(*read_ecdsa_signature(data)) == data


FORMS = [pem(ALICE.public), pem(BOB.public), minisign_form(ALICE.public),
         ssh_form(ALICE.public, "c"), ssh_form(BOB.public, "c")]  # fmt: skip


@given(st.sampled_from(FORMS), st.integers(0, 200), st.binary(max_size=4))
def test_a_changed_public_key_is_another_key_or_a_value_error(
    form: str, start: int, change: bytes
) -> None:
    raw = form.encode()
    with contextlib.suppress(ValueError):
        key = read_public(raw[:start] + change + raw[start + len(change) :])
        assert read_public(pem(key)) == key


@given(st.binary(max_size=200))
def test_any_bytes_are_a_public_key_or_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not|neither|too"):
        read_public(data)


TEXTS = st.text(st.characters(codec="utf-8"))
CANONICAL: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(CANONICAL)
@example({"b": '\\"\n\x7fé', "a": [True, None, -1]})
def test_canonical_json_is_that_of_securesystemslib(value: object) -> None:
    from securesystemslib.formats import encode_canonical

    expected = encode_canonical(value)  # type: ignore[arg-type]
    assert canonical_json(value) == (expected or "").encode()


HOSTILE = {
    "nesting": b'{"a":' * 100_000,
    "open strings": b'"\\' * 500_000,
    "quotes": b'"' * 1_000_001,
    "escapes": b'{"' + b'\\"' * 500_000,
    "a long number": b'{"a":' + b"9" * 1_000_000 + b"}",
    "size": b" " * (5 << 20),
    "half a character": b'{"a":["\\ud800"]}',
    "half a character as key": b'{"\\ud800":1}',
    "a fraction": b'{"a":1.5}',
    "no number": b'{"a":NaN}',
    "a key twice": b'{"a":1,"a":2}',
    "a key twice within": b'{"a":[{"b":1,"b":1}]}',
    "bytes": b'{"a":"\xff"}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json_is_refused_in_little_memory(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(KutterError):
            read_object(HOSTILE[name], "it")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_a_signature_in_a_bundle_does_not_outlive_its_hint() -> None:
    """A bundle that names another key counts for nobody, whatever its signature."""
    good = json.loads(SIGNED["sigstore.json-ed25519"])
    good["verificationMaterial"]["publicKey"]["hint"] = BOB.public.hint
    data = json.dumps(good).encode()
    file = SignatureFile(name="x.y.sigstore.json", form="sigstore.json", data=data)
    assert examine(DATA, [file], [ALICE.public], "file").strangers == (file.name,)
    with pytest.raises(UntrustedError):
        examine(DATA, [file], [BOB.public], "file")


@given(st.integers(1, 2**62))
def test_a_release_statement_reads_back_as_itself(version: int) -> None:
    statement = replace(signing.release(b"lock"), version=version)
    assert read_statement(statement.to_bytes()) == statement


ARMORED = (
    "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\ntext\n- dashed\n"
    "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
)
KEYRING = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"


@given(st.integers(0, len(ARMORED)), st.text(max_size=8), st.integers(0, 8))
def test_a_changed_clearsigned_text_is_unwrapped_or_a_value_error(
    start: int, change: str, length: int
) -> None:
    text = ARMORED[:start] + change + ARMORED[start + length :]
    is_clearsigned(text)
    with contextlib.suppress(ValueError):
        unwrapped(text)


@given(st.integers(0, len(KEYRING)), st.binary(max_size=8), st.integers(0, 8))
def test_a_changed_keyring_is_dearmored_or_a_value_error(
    start: int, change: bytes, length: int
) -> None:
    with contextlib.suppress(ValueError):
        dearmored_keys(KEYRING[:start] + change + KEYRING[start + length :])


WORDS = st.sampled_from(["[GNUPG:]", "VALIDSIG", "BADSIG", "ERRSIG", "NO_PUBKEY", "8", "9", "F1"])
STATUS = st.lists(st.lists(WORDS | st.text(max_size=3), max_size=14).map(" ".join), max_size=5)


@given(STATUS, st.integers(0, 2))
def test_whatever_gpgv_says_only_a_valid_signature_by_a_pinned_key_counts(
    lines: list[str], status: int
) -> None:
    done = Finished(status=status, output="\n".join(lines).encode(), errors=b"")
    try:
        assert judged(done, frozenset({"F1"}), "it") == "F1"
    except UntrustedError:
        return
    assert any("VALIDSIG" in line and "F1" in line for line in lines)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_a_damaged_private_key_is_refused_without_a_word_of_it(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "key.pem"
    if not path.exists():
        write_private_key(path, ALICE, b"")
        (tmp_path / "whole").write_bytes(path.read_bytes())
    whole = (tmp_path / "whole").read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:start] + data.draw(st.binary(max_size=4)) + whole[start + 4 :])
    said = ""
    try:
        read_private_key(path, lambda: b"")
    except KutterError as error:
        said = f"{error.reason} {error.details} {error.hint}"
    assert whole.splitlines()[1].decode()[:16] not in said
