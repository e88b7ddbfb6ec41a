"""A further signature on a bundle that exists: its volumes are read through, and written anew.

What is signed is `bundle.json` and SHA256SUMS, which stay as they are; only the heads grow, into
the room that the layout keeps for signatures. A volume gets its new head when all of them were
found right; a kill in between leaves some with the signature and some without, each of them good.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kutterlock.bundle.check import OnChunk, Reader, missing_volumes, open_each
from kutterlock.bundle.create import require_room, sign_bundle
from kutterlock.bundle.volume import Volume
from kutterlock.bundle.write import NewVolume, head_members
from kutterlock.model.bundle.manifest import Bundle, Piece
from kutterlock.model.progress import Progress
from kutterlock.model.signing.keys import Signer


def add_signatures(
    paths: Sequence[Path], signers: Iterable[Signer], forms: Iterable[str], progress: Progress
) -> Bundle:
    """Sign the bundle whose volumes these are. Raises HashMismatchError, VolumeMissingError."""
    with contextlib.ExitStack() as stack:
        volumes = open_each(paths, stack)
        bundle = next(iter(volumes.values())).head.bundle
        if lacking := missing_volumes(bundle, list(volumes)):
            raise lacking
        made = sign_bundle(bundle, signers, forms)
        for volume in volumes.values():
            require_room({**_signatures(volume), **made})
        progress.start("signing", total=sum(p.size for p in bundle.wholes()), unit="bytes")
        copies = _copy_all(bundle, volumes, made, stack, progress)
        for copy in copies:
            copy.name()
        progress.done("")
    return bundle


def _copy_all(
    bundle: Bundle,
    volumes: Mapping[int, Volume],
    made: Mapping[str, bytes],
    stack: contextlib.ExitStack,
    progress: Progress,
) -> list[NewVolume]:
    reader, copies = Reader(bundle=bundle, progress=progress), []
    for number, volume in volumes.items():
        copy = stack.enter_context(NewVolume(volume.path))
        for name, data in head_members(bundle, number, {**_rest(volume), **made}):
            copy.add(name, data)
        _copy(volume, reader, copy)
        copies.append(copy)
    reader.finish()
    for copy in copies:
        copy.finish()
    return copies


def _copy(volume: Volume, reader: Reader, copy: NewVolume) -> None:
    left = 0

    def on_piece(piece: Piece) -> OnChunk:
        nonlocal left
        copy.end(left)
        copy.begin(piece.name, piece.size)
        left = piece.size
        return copy.write

    reader.read(volume, on_piece)
    copy.end(left)


def _rest(volume: Volume) -> dict[str, bytes]:
    kept = ("roots/", "signatures/")
    return {name: data for name, data in volume.head.extra.items() if name.startswith(kept)}


def _signatures(volume: Volume) -> dict[str, bytes]:
    return {n: data for n, data in volume.head.extra.items() if n.startswith("signatures/")}
