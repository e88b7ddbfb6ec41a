"""Attestations of an output: its signed manifest, provenance and SBOM; making and judging them.

<output>/provenance.intoto.json                     a DSSE envelope with a signature a signer
<output>/sbom.cdx.json
<output>/signatures/manifest.json.ID.FORM
<output>/signatures/sbom.cdx.json.ID.FORM
<output>/signatures/provenance.intoto.json.ID.sigstore.json
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kutterlock.adapters.disk.files import explained, hash_file
from kutterlock.errors import UntrustedError
from kutterlock.model.attest.intoto import (
    PROVENANCE_NAME,
    ProvenanceFacts,
    Statement,
    provenance,
    read_provenance,
)
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.strict_json import read_object
from kutterlock.model.encoding.text import counted
from kutterlock.model.lock import BoardPin
from kutterlock.model.output import (
    DERIVATION_NAME,
    FILES_NAME,
    LOG_NAME,
    MANIFEST_NAME,
    RECORD_NAME,
    OutputManifest,
    parse_output_manifest,
)
from kutterlock.model.sbom.cyclonedx import CYCLONEDX_NAME
from kutterlock.model.signing.dsse import IN_TOTO, DsseSignature, Envelope, read_envelope
from kutterlock.model.signing.keys import PublicKey, Signer
from kutterlock.model.signing.signature_file import SignatureFile
from kutterlock.model.signing.sigstore import write_envelope_bundle
from kutterlock.model.signing.trustroot import TrustRoot, require_signatures, require_unexpired
from kutterlock.trust.papers import read_bounded
from kutterlock.trust.signatures import (
    examine,
    find_signatures,
    make_signatures,
    signature_path,
    write_signed,
)
from kutterlock.trust.verified import Finding, Judge, VerifiedLock, signature_findings

LARGEST = 64 << 20
OUTPUT_HINT = "have it signed with `kutterlock attest`"
BYPRODUCTS = (CYCLONEDX_NAME, DERIVATION_NAME, LOG_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPapers:
    """What lies beside an output's files, as bytes. `documents` are those that provenance names."""

    manifest: bytes
    manifest_signatures: tuple[SignatureFile, ...] = ()
    envelope: bytes | None = None
    envelope_signatures: tuple[SignatureFile, ...] = ()
    documents: Mapping[str, Digest] | None = None

    @property
    def project(self) -> str:
        """The project that the provenance claims, empty where there is none."""
        if self.envelope is None:
            return ""
        return read_provenance(read_envelope(self.envelope).payload).project


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedOutput:
    """What judging an output came to; the files themselves are re-hashed elsewhere."""

    manifest: OutputManifest
    findings: tuple[Finding, ...]
    signers: tuple[str, ...]
    uncovered: tuple[str, ...]


def attest(
    directory: Path,
    verified: VerifiedLock,
    board: BoardPin,
    bill: bytes,
    signers: Iterable[Signer],
    version: str,
) -> list[Path]:
    """Write SBOM and provenance beside an output's files and sign them and the manifest.

    The files must have been verified against the manifest. Without signers, provenance and SBOM of
    a development build are written, too, marked as such. Raises UntrustedError where one is to be
    signed, and for an output of another lock.
    """
    record = _record(directory)
    manifest_bytes = read_bounded(directory / MANIFEST_NAME, LARGEST)
    manifest = parse_output_manifest(manifest_bytes)
    signers = tuple(signers)
    if signers:
        _require_signable(directory, record, verified)
    _require_lock(directory, manifest, verified)
    payload = provenance(
        ProvenanceFacts(
            manifest=manifest,
            manifest_digest=Digest.of(manifest_bytes),
            record=record,
            lock=verified.lock,
            board=board,
            byproducts={**_documents(directory), CYCLONEDX_NAME: Digest.of(bill)},
            version=version,
        )
    )
    path = directory / PROVENANCE_NAME
    envelope = _envelope(path, payload)
    made = _sign_provenance(path, envelope, signers)
    comment = f"derivation:{manifest.derivation.hex}\tfile:"
    documents = {directory / MANIFEST_NAME: manifest_bytes, directory / CYCLONEDX_NAME: bill}
    for signer in signers:
        for document, data in documents.items():
            made |= make_signatures(document, data, signer, comment + document.name)
    changed = [document for document, data in documents.items() if not _has(document, data)]
    changed += [] if envelope.signatures else [path]
    write_signed({directory / CYCLONEDX_NAME: bill, **made}, changed)
    return list(made)


def read_output_papers(directory: Path) -> OutputPapers:
    """Read what lies beside an output's files."""
    envelope = directory / PROVENANCE_NAME
    there = envelope.exists()
    return OutputPapers(
        manifest=read_bounded(directory / MANIFEST_NAME, LARGEST),
        manifest_signatures=find_signatures(directory / MANIFEST_NAME),
        envelope=read_bounded(envelope, LARGEST) if there else None,
        envelope_signatures=find_signatures(envelope) if there else (),
        documents=_documents(directory),
    )


def judge_output(papers: OutputPapers, judge: Judge) -> JudgedOutput:
    """Judge an output's papers. Pure. Raises UntrustedError."""
    manifest = parse_output_manifest(papers.manifest)
    findings = [Finding(check=MANIFEST_NAME, result=str(Digest.of(papers.manifest)))]
    if judge.root is None:
        _require_none_demanded(judge)
        findings.append(Finding(check="trust root", result="none is pinned: nothing is demanded"))
        return JudgedOutput(
            manifest=manifest, findings=tuple(findings), signers=(),
            uncovered=("who made the output: no trust root is pinned",),
        )  # fmt: skip
    root = judge.root.root
    require_unexpired(root, judge.at)
    keys = [item.key for item in root.keys_of("output")]
    on_manifest = examine(papers.manifest, papers.manifest_signatures, keys, "manifest")
    findings += signature_findings(MANIFEST_NAME, on_manifest, root)
    by = on_manifest.signers
    if judge.demands("output"):
        require_signatures(MANIFEST_NAME, root, "output", by, OUTPUT_HINT)
    uncovered = [] if by else ["who made the output: it is not signed"]
    findings += _judge_provenance(papers, manifest, root, judge, uncovered)
    return JudgedOutput(
        manifest=manifest,
        findings=tuple(findings),
        signers=tuple(item.name for item in root.keys_of("output") if item.key.id in by),
        uncovered=(*uncovered, f"{RECORD_NAME} beyond what the provenance repeats"),
    )


def _judge_provenance(
    papers: OutputPapers,
    manifest: OutputManifest,
    root: TrustRoot,
    judge: Judge,
    uncovered: list[str],
) -> list[Finding]:
    if papers.envelope is None:
        if judge.demands("output"):
            raise UntrustedError(f"there is no {PROVENANCE_NAME}", hint=OUTPUT_HINT)
        uncovered.append("how the output was made: there is no provenance")
        return []
    envelope = read_envelope(papers.envelope)
    keys = {item.key.id: item.key for item in root.keys_of("output")}
    by = _envelope_signers(envelope, keys)
    bundles = examine(envelope.payload, papers.envelope_signatures, keys.values(), "provenance")
    if judge.demands("output"):
        require_signatures(PROVENANCE_NAME, root, "output", by, OUTPUT_HINT)
    statement = read_provenance(envelope.payload)
    _require_match(statement, manifest, papers)
    if statement.internal.get("unsigned") is not False:
        raise UntrustedError("the provenance is that of a development build (--unsigned)")
    lines = [Finding(check=f"{PROVENANCE_NAME}: signature", result=str(root.keys[key_id]))
             for key_id in sorted(by)]  # fmt: skip
    return [
        *lines,
        *signature_findings(PROVENANCE_NAME, bundles, root),
        Finding(check="provenance", result=_summary(statement)),
    ]


def _summary(statement: Statement) -> str:
    inner = statement.internal
    purity = "pure" if inner.get("pure") is True else "impure"
    again = "reproduced" if inner.get("reproduced") else "not reproduced"
    return (
        f"board {statement.board}, lock {statement.lock}, sandbox {inner.get('sandbox')}, "
        f"{purity}, {again}; agrees with {counted(len(statement.subjects), 'subject')} and "
        f"{counted(len(statement.byproducts), 'document')}"
    )


def _require_match(statement: Statement, manifest: OutputManifest, papers: OutputPapers) -> None:
    expected = {f"{FILES_NAME}/{file.path}": file.digest.hex for file in manifest.files}
    expected[MANIFEST_NAME] = Digest.of(papers.manifest).hex
    documents = {name: digest.hex for name, digest in (papers.documents or {}).items()}
    faults = []
    if dict(statement.subjects) != expected:
        faults.append("its subjects are not the output's files")
    if statement.lock != manifest.lock or statement.board != manifest.board:
        faults.append("it is about another lock or board")
    faults += [
        f"{name} is another one" for name, value in sorted(statement.byproducts.items())
        if documents.get(name) != value
    ]  # fmt: skip
    if faults:
        raise UntrustedError(
            f"{PROVENANCE_NAME} does not belong to this output", details=faults, hint=OUTPUT_HINT
        )


def _envelope_signers(envelope: Envelope, keys: Mapping[str, PublicKey]) -> set[str]:
    from kutterlock.adapters.signing.keys import check_signature

    if envelope.payload_type != IN_TOTO:
        raise UntrustedError(f"{PROVENANCE_NAME} has payload type {envelope.payload_type!r}")
    good = set()
    for item in envelope.signatures:
        key = keys.get(item.key_id)
        if key is None:
            continue
        if not check_signature(key, envelope.signed_bytes, item.signature):
            raise UntrustedError(
                f"{PROVENANCE_NAME}: the signature of key {key.short_id} is wrong",
                hint="it was changed after it was signed",
            )
        good.add(key.id)
    return good


def _require_none_demanded(judge: Judge) -> None:
    if judge.require or judge.pinned:
        raise UntrustedError(
            "no trust root is pinned for the project of this output, though one is demanded",
            hint="pin it: `kutterlock trust pin --digest sha256:...`",
        )


def _require_signable(directory: Path, record: Mapping[str, Any], verified: VerifiedLock) -> None:
    if verified.unsigned or record.get("unsigned") is not False:
        raise UntrustedError(
            f"{directory.name} is a development build (--unsigned), which cannot be signed",
            hint="have the lock signed, then build again without --unsigned",
        )


def _require_lock(directory: Path, manifest: OutputManifest, verified: VerifiedLock) -> None:
    if manifest.lock != verified.digest:
        raise UntrustedError(
            f"{directory.name} was built from another lock",
            details=[f"built from   {manifest.lock}", f"kutter.lock  {verified.digest}"],
            hint="build again, or take the lock that it was built from",
        )


def _sign_provenance(
    path: Path, envelope: Envelope, signers: tuple[Signer, ...]
) -> dict[Path, bytes]:
    """Return the envelope with further signatures, and the bundle of each, by path."""
    from kutterlock.adapters.signing.keys import sign_checked

    bundles = {}
    for signer in signers:
        signature = sign_checked(signer, envelope.signed_bytes)
        others = [item for item in envelope.signatures if item.key_id != signer.public.id]
        added = DsseSignature(key_id=signer.public.id, signature=signature)
        envelope = replace(envelope, signatures=(*others, added))
        bundle = signature_path(path, signer.public, "sigstore.json")
        bundles[bundle] = write_envelope_bundle(envelope, signer.public, signature)
    return {path: envelope.to_bytes(), **bundles}


def _envelope(path: Path, payload: bytes) -> Envelope:
    """Return the envelope to add to: one of another payload counts for nothing."""
    if path.exists():
        found = read_envelope(read_bounded(path, LARGEST))
        if (found.payload, found.payload_type) == (payload, IN_TOTO):
            return found
    return Envelope(payload=payload, payload_type=IN_TOTO, signatures=())


def _has(path: Path, data: bytes) -> bool:
    return path.exists() and read_bounded(path, LARGEST) == data


def _documents(directory: Path) -> dict[str, Digest]:
    found = {}
    for path in (directory / name for name in BYPRODUCTS):
        if path.is_file():
            with explained(path):
                found[path.name] = hash_file(path)
    return found


def _record(directory: Path) -> Mapping[str, Any]:
    data = read_bounded(directory / RECORD_NAME)
    return read_object(data, RECORD_NAME, UntrustedError)
