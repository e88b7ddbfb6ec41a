"""`manifest.json` of an archive: what `docker load` reads in place of the index.

Pure. The same bytes under the same names, or the archive means two things: signatures and the lock
speak of the index. The form is moby's (image/spec/v1.2.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kutterlock.errors import UntrustedError
from kutterlock.model.encoding.strict_json import read_object
from kutterlock.model.oci.image import Manifest
from kutterlock.model.oci.layout import DOCKER_NAME, blob_name
from kutterlock.model.oci.reference import Reference


def require_same_images(text: bytes, manifests: Mapping[str, Sequence[Manifest]]) -> int:
    """Hold the list against the index; `manifests` are those of each `name:tag`, `""` those of all.

    Returns how many images it lists. Raises UntrustedError.
    """
    whole = read_object(b'{"list":' + text + b"}", DOCKER_NAME, UntrustedError)
    try:
        (entries,) = whole.values()
        listed = [(entry, name) for entry in entries for name in entry.get("RepoTags") or ("",)]
        odd = [name for entry, name in listed if not _is_known(entry, name, manifests)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UntrustedError(f"{DOCKER_NAME} is not of docker's form: {error}") from error
    if odd:
        raise UntrustedError(
            f"{DOCKER_NAME}, which docker reads, lists other images than the index",
            details=[name or "an image without a name" for name in odd],
        )
    return len(entries)


def _is_known(
    entry: Mapping[str, Any], name: str, manifests: Mapping[str, Sequence[Manifest]]
) -> bool:
    key = Reference.parse(name).tagged if name else ""
    said = [str(entry["Config"]), *map(str, entry["Layers"])]
    return any(said == _files(manifest) for manifest in manifests.get(key, ()))


def _files(manifest: Manifest) -> list[str]:
    return [blob_name(blob.digest) for blob in manifest.blobs]
