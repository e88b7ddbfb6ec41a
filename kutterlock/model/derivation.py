"""A build as a value: everything that its outputs may depend on.

Two derivations with the same digest give the same outputs, so the digest names the output. What a
build must not depend on (job count, machine, directory, clock) has no place here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kutterlock.model.digest import Digest
from kutterlock.model.encoding.strict_json import write_document
from kutterlock.model.lock import IMAGES_IN, BoardPin, EnvironmentPin, Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """One board's build. `inputs` maps what the build sees to its digest, sorted by name."""

    board: str
    recipe: int
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Return canonical JSON: the same derivation, the same bytes."""
        value = {
            "board": self.board,
            "recipe": self.recipe,
            "argv": list(self.argv),
            "environment": dict(self.environment),
            "inputs": dict(self.inputs),
            "outputs": list(self.outputs),
        }
        return write_document(value)

    @property
    def digest(self) -> Digest:
        """The name of the output."""
        return Digest.of(self.to_bytes())

    @property
    def directory_name(self) -> str:
        """The output's directory: `<first 32 hex digits>-<board>`."""
        return f"{self.digest.hex[:32]}-{self.board}"


def derive(
    lock: Lock,
    board: BoardPin,
    *,
    argv: tuple[str, ...],
    environment: Mapping[str, str],
    texts: Mapping[str, bytes],
) -> Derivation:
    """Make the derivation of a board; `texts` are the generated files, by path in the sandbox."""
    inputs = {
        "config": str(board.config),
        "environment": str(environment_digest(lock.environment)),
        **{f"overlay/{name}": str(lock.overlays[name]) for name in board.overlays},
        **{f"source/{pin.path}": pin.digest for pin in lock.sources_of(board)},
        **{f"image/{name}": str(lock.images[name].digest) for name in board.images},
        **{f"text{path}": str(Digest.of(data)) for path, data in texts.items()},
        **_patches(lock),
    }
    if board.images_in != IMAGES_IN:
        inputs["images-in"] = ",".join(sorted(board.images_in))
    return Derivation(
        board=board.name,
        recipe=lock.recipe,
        argv=argv,
        environment=tuple(sorted(environment.items())),
        inputs=tuple(sorted(inputs.items())),
        outputs=board.outputs,
    )


def environment_digest(pin: EnvironmentPin) -> Digest:
    """Digest what makes a build environment; for `host` it says only that much."""
    value: dict[str, Any] = {
        "kind": pin.kind,
        "architecture": pin.architecture,
        "toolchains": sorted(pin.toolchains),
        "packages": {package.name: package.digest for package in pin.packages},
    }
    return Digest.of(json.dumps(value, sort_keys=True).encode())


def _patches(lock: Lock) -> dict[str, str]:
    return {
        f"patch/{name}/{path}": digest
        for name, pin in lock.overrides.items()
        for path, digest in pin.patches
    }
