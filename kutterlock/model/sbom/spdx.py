"""The bill as SPDX 2.3 JSON: https://spdx.github.io/spdx-spec/v2.3/.

`created`, which SPDX demands, is the time that the build saw: the same bill gives the same bytes.
"""

import datetime
import hashlib
import re
from collections.abc import Iterable
from typing import Any

from kutterlock.model.encoding.strict_json import write_document
from kutterlock.model.sbom.bill import Bill, Item
from kutterlock.model.times import write_time

_NO = "NOASSERTION"
_ID = re.compile(r"[^A-Za-z0-9.-]+")
_HASHES = {"sha256": "SHA256", "sha512": "SHA512"}


def spdx(bill: Bill) -> bytes:
    """Return the document."""
    created = datetime.datetime.fromtimestamp(bill.epoch, datetime.UTC)
    root = _identifier("board", bill.board)
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{bill.project} {bill.board}",
        "documentNamespace": f"urn:kutterlock:spdx:{bill.lock.hex}:{bill.board}",
        "creationInfo": {
            "created": write_time(created),
            "creators": [f"Tool: {bill.tool.replace(' ', '-')}"],
        },
        "packages": [_board(bill, root), *(_package(item) for item in bill.items)],
        "relationships": list(_relationships(bill, root)),
    }
    if texts := list(_own_licences(bill)):
        document["hasExtractedLicensingInfos"] = texts
    return write_document(document)


def _board(bill: Bill, root: str) -> dict[str, Any]:
    return {
        "SPDXID": root,
        "name": f"{bill.project} {bill.board}",
        "versionInfo": bill.version,
        "downloadLocation": _NO,
        "filesAnalyzed": False,
        "licenseConcluded": _NO,
        "licenseDeclared": _NO,
        "copyrightText": _NO,
        "comment": f"built from the lock {bill.lock}",
    }


def _package(item: Item) -> dict[str, Any]:
    first = item.sources[0] if item.sources else None
    digest = item.digest or (first.digest if first else None)
    found: dict[str, Any] = {
        "SPDXID": _identifier(item.ref),
        "name": item.name,
        "versionInfo": item.version or "unknown",
        "downloadLocation": first.url if first and first.url else _NO,
        "filesAnalyzed": False,
        "licenseConcluded": _NO,
        "licenseDeclared": _declared(item),
        "copyrightText": _NO,
        "externalRefs": list(_references(item)),
        "comment": _comment(item),
    }
    if digest:
        algorithm = _HASHES[digest.algorithm]
        found["checksums"] = [{"algorithm": algorithm, "checksumValue": digest.hex}]
    return found


def _comment(item: Item) -> str:
    facts = [f"kind: {item.kind}", f"prebuilt: {'yes' if item.prebuilt else 'no'}"]
    facts += [f"source: {source.name} {source.digest}" for source in item.sources]
    facts += [f"patch: {patch.path}" for patch in item.patches]
    return "\n".join(facts)


def _references(item: Item) -> Iterable[dict[str, str]]:
    yield {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": item.purl,
    }
    if item.cpe:
        yield {
            "referenceCategory": "SECURITY",
            "referenceType": "cpe23Type",
            "referenceLocator": item.cpe,
        }


def _declared(item: Item) -> str:
    parts = [licence.spdx or _licence_ref(licence.name) for licence in item.licences]
    return " AND ".join(parts) if parts else _NO


def _licence_ref(name: str) -> str:
    return f"LicenseRef-{_ID.sub('-', name).strip('-')}-{_short(name)}"


def _own_licences(bill: Bill) -> Iterable[dict[str, str]]:
    names = {licence.name for item in bill.items for licence in item.licences if not licence.spdx}
    for name in sorted(names):
        text = f"see the package's own files; Buildroot calls it {name!r}"
        yield {"licenseId": _licence_ref(name), "name": name, "extractedText": text}


def _relationships(bill: Bill, root: str) -> Iterable[dict[str, str]]:
    yield _relationship("SPDXRef-DOCUMENT", "DESCRIBES", root)
    for item in bill.items:
        if item.kind == "host":
            yield _relationship(_identifier(item.ref), "BUILD_TOOL_OF", root)
        else:
            yield _relationship(root, "CONTAINS", _identifier(item.ref))
        for dependency in item.dependencies:
            yield _relationship(_identifier(item.ref), "DEPENDS_ON", _identifier(dependency))


def _relationship(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def _identifier(*parts: str) -> str:
    text = "/".join(parts)
    return f"SPDXRef-{_ID.sub('-', text)}-{_short(text)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
