"""Adding signatures and attestations to an image layout that exists: a second signer's work.

Pure but for reading the layout: what is to be written comes out as texts. Whoever signs has hashed
every blob, and found every image pinned by the lock.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kutterlock.errors import KutterError, UntrustedError
from kutterlock.model.attest.cosign import (
    LAYOUT_KINDS,
    NOTHING,
    Artifact,
    Standing,
    read_entries,
    read_simple_signing,
)
from kutterlock.model.attest.image import (
    ImageFacts,
    LockFacts,
    image_statements,
    read_image_statement,
)
from kutterlock.model.digest import Digest
from kutterlock.model.lock import ImagePin, Lock
from kutterlock.model.oci.image import LARGEST_MANIFEST, canonical_json
from kutterlock.model.oci.layout import INDEX_NAME, blob_name
from kutterlock.model.oci.reference import Reference
from kutterlock.model.signing.dsse import read_envelope
from kutterlock.model.signing.keys import Signer
from kutterlock.trust.imageclaims import (
    KIND,
    LARGEST_BUNDLE,
    MOST_BYTES,
    Files,
    listed,
    read_claims,
)
from kutterlock.trust.images import ImageSubject, sign_layered
from kutterlock.trust.layouts import LayoutImage, docker_findings, images_of, pins_of

Entry = Mapping[str, Any]
_ENDINGS = {kind: ending for ending, kind in LAYOUT_KINDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersigned:
    """What a layout is to have: `texts` by name, among them every blob of a signature.

    `dropped` are blobs that nothing leads to any more; `added` counts artifacts.
    """

    texts: Mapping[str, bytes]
    dropped: tuple[Digest, ...]
    added: int


def countersign(
    files: Files, lock: Lock, facts: LockFacts, signers: Sequence[Signer]
) -> Countersigned:
    """Sign every image of a layout beside those who did. Raises UntrustedError, HashMismatchError.

    What a signer has signed there before is not signed again.
    """
    files.check()
    there = listed(files)
    read_claims(files, there.claims, ())  # for its bounds
    images = images_of(files, there)
    list(docker_findings(files, images))
    pins = pins_of(images, lock)
    desk = _Desk(files=files, index=json.loads(files.text(INDEX_NAME, LARGEST_MANIFEST)))
    desk.read()
    for image, pin in zip(images, pins, strict=True):
        desk.sign(image, pin, facts, signers)
    return desk.result()


@dataclass(slots=True, kw_only=True)
class _Desk:
    files: Files
    index: dict[str, Any]
    standing: dict[Digest, dict[str, tuple[Entry, ...]]] = field(default_factory=dict)
    places: dict[tuple[Digest, str], list[str]] = field(default_factory=dict)
    made: dict[Digest, bytes] = field(default_factory=dict)
    added: int = 0

    def read(self) -> None:
        """Find out what stands there about what; several artifacts about one thing become one."""
        for entry in self._listed():
            layers = read_entries(self._manifest(entry), "layers", entry["digest"])
            ending = _ENDINGS[entry["annotations"][KIND]]
            about = next(_subjects(self.files, ending, layers), None)
            if about is not None:
                known = self.standing.setdefault(about, {})
                known[ending] = (*known.get(ending, ()), *layers)
                self.places.setdefault((about, ending), []).append(entry["digest"])

    def sign(
        self, image: LayoutImage, pin: ImagePin, facts: LockFacts, signers: Sequence[Signer]
    ) -> None:
        """Sign an image, and each index and manifest below it."""
        name = Reference.parse(pin.reference).name
        for digest, (descriptor, document) in image.documents.items():
            statements = image_statements(
                ImageFacts(name=name, digest=digest, document=document, pin=pin, lock=facts)
            )
            subject = ImageSubject(
                name=name,
                digest=digest,
                media_type=descriptor.media_type,
                size=self.files.blobs[digest],
            )
            for artifact in sign_layered(subject, signers, statements, self._standing(digest)):
                self._put(digest, artifact)

    def result(self) -> Countersigned:
        """Return what is to be written."""
        wanted = list(dict.fromkeys(d for entry in self._listed() for d in self._reach(entry)))
        before = json.loads(self.files.text(INDEX_NAME, LARGEST_MANIFEST))["manifests"]
        old = {d for entry in _signed(before) for d in self._reach(entry)}
        if sum(self.files.blobs.get(digest, 0) for digest in wanted) > 2 * MOST_BYTES:
            raise UntrustedError(f"the layout has more than {2 * MOST_BYTES} bytes of signatures")
        texts = {blob_name(digest): self._blob(digest) for digest in wanted}
        return Countersigned(
            texts={**texts, INDEX_NAME: canonical_json(self.index)},
            dropped=tuple(sorted(old - set(wanted))),
            added=self.added,
        )

    def _standing(self, digest: Digest) -> Standing:
        if digest not in self.standing:
            return NOTHING
        return Standing(layers=self.standing[digest], read=lambda _, blob: self._blob(blob))

    def _put(self, digest: Digest, artifact: Artifact) -> None:
        ending = artifact.tag.rpartition(".")[2]
        for data in (artifact.manifest, *artifact.blobs):
            self.made[Digest.of(data)] = data
        entry = {**artifact.descriptor(), "annotations": {KIND: LAYOUT_KINDS[ending]}}
        self._place(self.places.get((digest, ending), []), entry)
        self.places[digest, ending] = [entry["digest"]]
        layers = read_entries(artifact.manifest, "layers", entry["digest"])
        self.standing.setdefault(digest, {})[ending] = layers
        self.added += 1

    def _place(self, before: list[str], entry: Entry) -> None:
        """Put an entry where the first of those was that it replaces, else at the end."""
        entries = self.index["manifests"]
        digests = [item["digest"] for item in entries]
        at = min((digests.index(digest) for digest in before), default=len(entries))
        rest = [item for item in entries if item["digest"] not in before]
        self.index["manifests"] = [*rest[:at], entry, *rest[at:]]

    def _listed(self) -> list[Entry]:
        return list(_signed(self.index["manifests"]))

    def _reach(self, entry: Entry) -> Iterator[Digest]:
        manifest = json.loads(self._manifest(entry))
        for item in (entry, manifest["config"], *manifest["layers"]):
            yield Digest.parse(item["digest"])

    def _manifest(self, entry: Entry) -> bytes:
        return self._blob(Digest.parse(entry["digest"]))

    def _blob(self, digest: Digest) -> bytes:
        if digest in self.made:
            return self.made[digest]
        if digest not in self.files.blobs:
            raise UntrustedError(f"the layout lists {digest}, and does not have it")
        return self.files.blob(digest, LARGEST_BUNDLE)


def _signed(entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        if (entry.get("annotations") or {}).get(KIND) in _ENDINGS:
            yield entry


def _subjects(files: Files, ending: str, layers: Iterable[Entry]) -> Iterator[Digest]:
    for layer in layers:
        try:
            data = files.blob(Digest.parse(layer["digest"]), LARGEST_BUNDLE)
            if ending == "sig":
                yield read_simple_signing(data)[1]
            else:
                yield read_image_statement(read_envelope(data).payload).subjects[0][1]
        except (KutterError, IndexError, KeyError):  # of a form that is not read here
            continue
