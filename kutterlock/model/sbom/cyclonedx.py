"""The bill as CycloneDX 1.6 JSON: https://cyclonedx.org/docs/1.6/json/.

No serial number and no time stamp: the same bill gives the same bytes.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from kutterlock.model.encoding.strict_json import write_document
from kutterlock.model.sbom.bill import Bill, Item, Licence, Patch, Source

CYCLONEDX_NAME = "sbom.cdx.json"
_HASHES = {"sha256": "SHA-256", "sha512": "SHA-512"}


def cyclonedx(bill: Bill) -> bytes:
    """Return the document."""
    root = f"board/{bill.board}"
    tool, _, version = bill.tool.partition(" ")
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "operating-system",
                "bom-ref": root,
                "name": f"{bill.project} {bill.board}",
                "version": bill.version,
            },
            "tools": {"components": [{"type": "application", "name": tool, "version": version}]},
            "properties": [{"name": "kutterlock:lock", "value": bill.lock}],
        },
        "components": [_component(item) for item in bill.items],
        "dependencies": list(_dependencies(bill, root)),
    }
    return write_document(document)


def _component(item: Item) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": _type(item),
        "bom-ref": item.ref,
        "name": item.name,
        "version": item.version or "unknown",
        "scope": "excluded" if item.kind == "host" else "required",
        "purl": item.purl,
        "properties": list(_properties(item)),
    }
    if item.cpe:
        found["cpe"] = item.cpe
    if item.licences:
        found["licenses"] = [{"license": _licence(licence)} for licence in item.licences]
    if item.digest:
        found["hashes"] = [_hash(item.digest.algorithm, item.digest.hex)]
    if references := [_reference(source) for source in item.sources if source.url]:
        found["externalReferences"] = references
    if item.patches:
        found["pedigree"] = {"patches": [_patch(patch) for patch in item.patches]}
    return found


def _type(item: Item) -> str:
    if item.kind == "image":
        return "container"
    return "firmware" if item.name.endswith("firmware") else "library"


def _properties(item: Item) -> Iterable[dict[str, str]]:
    facts = [("kind", item.kind), ("prebuilt", "true" if item.prebuilt else "false")]
    facts += [("source", f"{source.name} {source.digest}") for source in item.sources]
    facts += [("patch", f"{patch.path} {patch.digest}") for patch in item.patches if patch.digest]
    for name, value in facts:
        yield {"name": f"kutterlock:{name}", "value": value}


def _licence(licence: Licence) -> dict[str, str]:
    return {"id": licence.spdx} if licence.spdx else {"name": licence.name}


def _reference(source: Source) -> dict[str, Any]:
    hashes = [_hash(source.digest.algorithm, source.digest.hex)]
    return {"type": "source-distribution", "url": source.url, "hashes": hashes}


def _patch(patch: Patch) -> dict[str, Any]:
    return {"type": "unofficial", "diff": {"url": quote(patch.path)}}


def _hash(algorithm: str, value: str) -> dict[str, str]:
    return {"alg": _HASHES[algorithm], "content": value}


def _dependencies(bill: Bill, root: str) -> Iterable[dict[str, Any]]:
    yield {"ref": root, "dependsOn": [item.ref for item in bill.items if item.kind != "host"]}
    for item in bill.items:
        yield {"ref": item.ref, "dependsOn": sorted(set(item.dependencies))}
