"""Attested outputs: what is accepted, and every refusal."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from kutterlock.errors import UntrustedError, UsageError
from kutterlock.model.digest import Digest
from kutterlock.model.sbom.cyclonedx import cyclonedx
from kutterlock.model.signing.dsse import read_envelope
from kutterlock.trust.outputs import OutputPapers, attest, judge_output, read_output_papers
from kutterlock.trust.verified import Judge, verify_lock
from tests.support import attesting
from tests.support.signing import ALICE, BOB, LATER, MALLORY, NOW, papers, root

JUDGE = Judge(at=NOW, root=root(threshold=2), require=("output",))


def refusal(given: OutputPapers, judge: Judge = JUDGE) -> UntrustedError:
    with pytest.raises(UntrustedError) as caught:
        judge_output(given, judge)
    return caught.value


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return attesting.attested(tmp_path / "output", ALICE, BOB)


def test_two_signers_attest_one_output(directory: Path) -> None:
    judged = judge_output(read_output_papers(directory), JUDGE)
    assert sorted(judged.signers) == ["alice", "bob"]
    assert judged.uncovered == ("build.json beyond what the provenance repeats",)
    summary = next(item.result for item in judged.findings if item.check == "provenance")
    assert summary == (
        f"board pc, lock {attesting.verified().digest}, sandbox bubblewrap, pure, not reproduced; "
        "agrees with 3 subjects and 3 documents"
    )


def test_one_signer_of_two_is_too_few(tmp_path: Path) -> None:
    given = read_output_papers(attesting.attested(tmp_path / "output", ALICE))
    assert refusal(given).reason == (
        "manifest.json: 1 of the 2 signatures that the trust root demands for 'output'"
    )


def test_a_changed_manifest_is_refused(directory: Path) -> None:
    given = read_output_papers(directory)
    changed = given.manifest.replace(b'"size": 4', b'"size": 5')
    first = given.manifest_signatures[0].name
    assert refusal(replace(given, manifest=changed)).reason == (
        f"{first} is not a signature of this manifest"
    )


@pytest.mark.parametrize("name", ["manifest.json", "provenance.intoto.json", "signatures/*.sig*"])
def test_a_fifo_among_the_papers_is_not_waited_for(directory: Path, name: str) -> None:
    path = min(directory.glob(name))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UsageError) as caught:
        read_output_papers(directory)
    assert caught.value.as_text() == (
        f"error: {path} is a FIFO, not a file\nhint: put a file there, or remove it"
    )


def test_a_changed_document_is_refused(directory: Path) -> None:
    (directory / "sbom.cdx.json").write_bytes(b"{}\n")
    error = refusal(read_output_papers(directory))
    assert error.reason == "provenance.intoto.json does not belong to this output"
    assert error.details == ("sbom.cdx.json is another one",)


def test_stripped_attestations_are_refused_where_they_are_demanded(directory: Path) -> None:
    given = read_output_papers(directory)
    assert refusal(replace(given, manifest_signatures=())).reason == (
        "manifest.json: 0 of the 2 signatures that the trust root demands for 'output'"
    )
    assert refusal(replace(given, envelope=None)).reason == "there is no provenance.intoto.json"
    assert given.envelope is not None
    bare = replace(read_envelope(given.envelope), signatures=()).to_bytes()
    assert refusal(replace(given, envelope=bare)).reason == (
        "provenance.intoto.json: 0 of the 2 signatures that the trust root demands for 'output'"
    )


def test_a_changed_provenance_is_refused(directory: Path) -> None:
    given = read_output_papers(directory)
    assert given.envelope is not None
    envelope = read_envelope(given.envelope)
    payload = envelope.payload.replace(b'"pure": true', b'"pure":false')
    changed = replace(envelope, payload=payload).to_bytes()
    key_id = envelope.signatures[0].key_id
    assert refusal(replace(given, envelope=changed)).reason == (
        f"provenance.intoto.json: the signature of key {key_id[:16]} is wrong"
    )


def test_an_output_of_another_lock_is_not_signed(tmp_path: Path) -> None:
    directory = attesting.output(tmp_path / "output")
    other = attesting.LOCK._replace(project_version="2")
    lock = verify_lock(other, papers(ALICE, lock=other), Judge(at=NOW, root=root()))
    bill = cyclonedx(attesting.bill())
    with pytest.raises(UntrustedError) as caught:
        attest(directory, lock, attesting.BOARD, bill, [ALICE], "1")
    assert caught.value.reason == "output was built from another lock"
    assert not (directory / "signatures").exists()


def test_a_development_build_is_not_signed(tmp_path: Path) -> None:
    directory = tmp_path / "output"
    for mark in (True, None):
        attesting.output(directory, unsigned=mark)
        with pytest.raises(UntrustedError) as caught:
            attest(directory, attesting.verified(), attesting.BOARD, b"{}", [ALICE], "1")
        assert caught.value.reason == (
            "output is a development build (--unsigned), which cannot be signed"
        )
    assert not (directory / "signatures").exists()


def test_a_new_run_loses_the_old_provenance_and_its_signatures(directory: Path) -> None:
    record = json.loads((directory / "build.json").read_text())
    (directory / "build.json").write_text(json.dumps({**record, "reproduced": {"jobs": 1}}))
    bill = cyclonedx(attesting.bill())
    attest(directory, attesting.verified(), attesting.BOARD, bill, [BOB], "0.1.0")
    envelope = read_envelope((directory / "provenance.intoto.json").read_bytes())
    assert [item.key_id for item in envelope.signatures] == [BOB.public.id]
    bundles = [path.name for path in (directory / "signatures").glob("provenance*")]
    assert bundles == [f"provenance.intoto.json.{BOB.public.short_id}.sigstore.json"]


def test_without_a_root_nothing_is_said_about_the_maker(directory: Path) -> None:
    judged = judge_output(read_output_papers(directory), Judge(at=NOW))
    assert judged.uncovered == ("who made the output: no trust root is pinned",)
    error = refusal(read_output_papers(directory), Judge(at=NOW, pinned=("other",)))
    assert error.reason == (
        "no trust root is pinned for the project of this output, though one is demanded"
    )


def test_an_expired_root_and_a_strangers_signature_are_refused(
    directory: Path, tmp_path: Path
) -> None:
    assert refusal(read_output_papers(directory), replace(JUDGE, at=LATER)).reason == (
        "trust root 1 of demo expired on 2027-11-22T12:00:00Z (judged at 2027-11-22T12:00:00Z)"
    )
    other = read_output_papers(attesting.attested(tmp_path / "other", MALLORY))
    assert refusal(other).reason == (
        "manifest.json: 0 of the 2 signatures that the trust root demands for 'output'"
    )


def test_attesting_twice_writes_the_same_provenance(directory: Path) -> None:
    before = Digest.of(read_envelope((directory / "provenance.intoto.json").read_bytes()).payload)
    attesting.attested(directory, ALICE)
    after = read_envelope((directory / "provenance.intoto.json").read_bytes())
    assert Digest.of(after.payload) == before
    assert len(after.signatures) == 2


def test_a_development_build_gets_marked_provenance_without_a_signature(tmp_path: Path) -> None:
    directory = attesting.output(tmp_path / "output", unsigned=True)
    lock = verify_lock(attesting.LOCK, papers(), Judge(at=NOW, unsigned=True))
    attest(directory, lock, attesting.BOARD, cyclonedx(attesting.bill()), [], "0.1.0")
    given = read_output_papers(directory)
    assert given.envelope is not None
    assert read_envelope(given.envelope).signatures == ()
    error = refusal(given, Judge(at=NOW, root=root()))
    assert error.reason == "the provenance is that of a development build (--unsigned)"
