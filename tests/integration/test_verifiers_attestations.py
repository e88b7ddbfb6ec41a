"""Provenance and SBOM before cosign, securesystemslib, in-toto, CycloneDX and SPDX tools."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import Key

from kutterlock.adapters.signing.keys import KeySigner
from kutterlock.model.sbom.cyclonedx import cyclonedx
from kutterlock.model.sbom.spdx import spdx
from kutterlock.model.signing.dsse import read_envelope
from kutterlock.model.signing.keys import pem, tuf_form
from tests.integration.verifiers import EMPTY_ROOT, found, program, run_offline
from tests.support import attesting
from tests.support.signing import ALICE, BOB, CAROL

pytestmark = pytest.mark.integration

COSIGNS = ["cosign", *(["cosign-3"] if found("cosign-3") else [])]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return attesting.attested(tmp_path / "output", ALICE, BOB)


def cosign(name: str, directory: Path, who: KeySigner, bundle: bytes, file: str) -> bool:
    place = directory.parent
    (place / "key.pem").write_text(pem(who.public))
    (place / "bundle.json").write_bytes(bundle)
    (place / "root.json").write_text(json.dumps(EMPTY_ROOT))
    options = ["--new-bundle-format", "--trusted-root", str(place / "root.json")]
    argv = ["verify-blob-attestation", "--key", str(place / "key.pem"),
            "--bundle", str(place / "bundle.json"), "--type", "slsaprovenance1",
            "--insecure-ignore-tlog=true", *([] if name == "cosign-3" else options)]  # fmt: skip
    return run_offline([program(name), *argv, str(directory / file)]).returncode == 0


@pytest.mark.parametrize("who", [ALICE, BOB], ids=["ed25519", "ecdsa-p256"])
@pytest.mark.parametrize("name", COSIGNS)
def test_cosign_accepts_the_provenance_of_every_file_and_nothing_else(
    name: str, who: KeySigner, directory: Path
) -> None:
    path = directory / f"signatures/provenance.intoto.json.{who.public.short_id}.sigstore.json"
    bundle = path.read_bytes()
    assert cosign(name, directory, who, bundle, "files/disk.img")
    assert cosign(name, directory, who, bundle, "manifest.json")
    assert not cosign(name, directory, who, bundle, "build.json")
    assert not cosign(name, directory, CAROL, bundle, "files/disk.img")
    value = json.loads(bundle)
    signature = value["dsseEnvelope"]["signatures"][0]
    signature["sig"] = ("A" if signature["sig"][0] != "A" else "B") + signature["sig"][1:]
    assert not cosign(name, directory, who, json.dumps(value).encode(), "files/disk.img")
    value = json.loads(bundle)
    payload = base64.b64decode(value["dsseEnvelope"]["payload"])
    changed = payload.replace(b'"board": "pc"', b'"board": "pb"')  # one bit
    assert changed != payload
    value["dsseEnvelope"]["payload"] = base64.b64encode(changed).decode()
    assert not cosign(name, directory, who, json.dumps(value).encode(), "files/disk.img")
    value = json.loads(bundle)
    value["dsseEnvelope"]["signatures"] = []
    assert not cosign(name, directory, who, json.dumps(value).encode(), "files/disk.img")
    (directory / "files/disk.img").write_bytes(b"disj")
    assert not cosign(name, directory, who, bundle, "files/disk.img")


def keys(*signers: KeySigner) -> list[Key]:
    return [Key.from_dict(who.public.id, tuf_form(who.public)) for who in signers]


def test_securesystemslib_counts_the_signers(directory: Path) -> None:
    ours = read_envelope((directory / "provenance.intoto.json").read_bytes())
    envelope = Envelope.from_dict(ours.to_dict())
    assert len(envelope.verify(keys(ALICE, BOB, CAROL), 2)) == 2
    with pytest.raises(VerificationError):
        envelope.verify(keys(ALICE, BOB, CAROL), 3)
    with pytest.raises(VerificationError):
        envelope.verify(keys(CAROL), 1)
    bent = replace(ours, payload=ours.payload.replace(b"disk.img", b"disk.imh"))
    with pytest.raises(VerificationError):
        Envelope.from_dict(bent.to_dict()).verify(keys(ALICE, BOB), 1)
    stripped = replace(ours, signatures=ours.signatures[:1])
    with pytest.raises(VerificationError):
        Envelope.from_dict(stripped.to_dict()).verify(keys(ALICE, BOB), 2)
    one, two = ours.signatures
    flipped = bytes([one.signature[0] ^ 1]) + one.signature[1:]
    bent = replace(ours, signatures=(replace(one, signature=flipped), two))
    with pytest.raises(VerificationError):
        Envelope.from_dict(bent.to_dict()).verify(keys(ALICE, BOB), 2)
    other = replace(ours, payload=attesting.image_statements_of_a_manifest()[0][0])
    with pytest.raises(VerificationError):
        Envelope.from_dict(other.to_dict()).verify(keys(ALICE, BOB), 1)
    swapped = (replace(one, signature=two.signature), replace(two, signature=one.signature))
    with pytest.raises(VerificationError):
        Envelope.from_dict(replace(ours, signatures=swapped).to_dict()).verify(keys(ALICE, BOB), 1)


def test_in_toto_finds_statement_and_predicate_valid(directory: Path) -> None:
    from google.protobuf.json_format import Parse
    from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
    from in_toto_attestation.v1.statement import Statement
    from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

    payload = read_envelope((directory / "provenance.intoto.json").read_bytes()).payload
    statement = Statement.copy_from_pb(Parse(payload, StatementMessage()))
    statement.validate()
    value = json.loads(payload)
    predicate = Parse(json.dumps(value["predicate"]), Provenance())  # unknown fields raise
    assert predicate.run_details.metadata.started_on.ToJsonString() == "2026-11-22T12:00:00Z"
    assert len(predicate.build_definition.resolved_dependencies) == 7
    value["subject"][0]["digest"] = {}
    bad = Statement.copy_from_pb(Parse(json.dumps(value), StatementMessage()))
    with pytest.raises(ValueError, match="digest"):
        bad.validate()


def test_in_toto_and_cyclonedx_find_the_statements_about_an_image_valid() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from google.protobuf.json_format import Parse
    from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
    from in_toto_attestation.v1.statement import Statement
    from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

    (provenance, _), (bill, _) = attesting.image_statements_of_a_manifest()
    for payload in (provenance, bill):
        Statement.copy_from_pb(Parse(payload, StatementMessage())).validate()
    predicate = json.dumps(json.loads(provenance)["predicate"])
    found = Parse(predicate, Provenance()).build_definition  # unknown fields raise
    assert [item.name for item in found.resolved_dependencies] == [
        "kutter.lock", "registry.k8s.io/pause:3.10", "config", "layer 1", "layer 2",
    ]  # fmt: skip
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(json.loads(bill)["predicate"])) is None


def test_the_strict_validator_of_cyclonedx_accepts_the_bill() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    text = cyclonedx(attesting.bill()).decode()
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"alg": "SHA-256"', '"alg": "SHA-257"')) is not None


def test_spdx_tools_accept_the_bill(tmp_path: Path) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    path = tmp_path / "bill.spdx.json"
    path.write_bytes(spdx(attesting.bill()))
    assert validate_full_spdx_document(parse_file(str(path))) == []
    path.write_bytes(spdx(attesting.bill()).replace(b"SPDXRef-DOCUMENT", b"SPDXRef-Other", 1))
    assert validate_full_spdx_document(parse_file(str(path))) != []


def test_every_licence_that_we_call_spdx_is_one_for_spdx() -> None:
    from license_expression import get_spdx_licensing

    from kutterlock.cli.boardbill import spdx_licences

    licensing = get_spdx_licensing()
    assert [name for name in spdx_licences() if licensing.validate(name).errors] == []
