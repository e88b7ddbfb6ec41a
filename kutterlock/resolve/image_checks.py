"""Whether the parts of a node agree about its images, before anything is built of them.

An overlay may name images on its own: in manifests of Kubernetes, and as containerd's sandbox
image. Each has to be one that the lock pins, or the node would wait for a network at first boot.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from kutterlock.adapters.disk.files import explained
from kutterlock.build.rendered import flannel_source, named_images, pause_image
from kutterlock.errors import NoSolutionError
from kutterlock.model.lock import BoardPin, Lock, SourcePin
from kutterlock.model.oci.reference import Reference

LARGEST_TEXT = 1 << 20
MANIFESTS = (".yaml", ".yml")
KUBERNETES = re.compile(r"^kind:[ \t]*\S", re.MULTILINE)
SANDBOX = re.compile(r"""^[ \t]*sandbox(?:_image)?[ \t]*=[ \t]*["']([^"']+)["']""", re.MULTILINE)
TEMPLATE = re.compile(r"[${}<>@%]")

NamedImages = Callable[[SourcePin], Sequence[str]]


def require_agreement(lock: Lock, project: Path, flannel: NamedImages) -> None:
    """Raise NoSolutionError naming each file and image that the lock knows nothing of.

    `flannel` returns the images that a flannel manifest names; what it raises is raised.
    """
    faults = [
        *(fault for board in lock.boards.values() for fault in _of_board(lock, board, project)),
        *(fault for board in lock.boards.values() for fault in _of_flannel(lock, board, flannel)),
    ]
    if faults:
        raise NoSolutionError(
            "the parts of the node do not agree about its images",
            details=list(dict.fromkeys(faults)),
            hint="add the image to images.extra of kutter.toml, or let the overlay take what "
            "/kutter/rendered has",
        )


def _of_board(lock: Lock, board: BoardPin, project: Path) -> Iterator[str]:
    if not board.images:
        return
    for overlay in board.overlays:
        root = project / "overlays" / overlay
        for path in _files(root):
            name = path.relative_to(project)
            if path.suffix in MANIFESTS:
                yield from _of_manifest(lock, board, str(name), _text(path))
            elif path.suffix == ".toml":
                yield from _of_containerd(lock, board, str(name), _text(path))


def _of_manifest(lock: Lock, board: BoardPin, name: str, text: str) -> Iterator[str]:
    if KUBERNETES.search(text):
        yield from _unpinned(lock, board, name, named_images(text))


def _of_containerd(lock: Lock, board: BoardPin, name: str, text: str) -> Iterator[str]:
    pause = pause_image(lock, board)
    for image in SANDBOX.findall(text):
        if pause and image != pause:
            yield f"{name}: sandbox image {image}, and kubeadm's pause image is {pause}"


def _of_flannel(lock: Lock, board: BoardPin, flannel: NamedImages) -> Iterator[str]:
    """Hold the images that are pinned for flannel against those that its manifest names."""
    source = flannel_source(lock, board)
    if source is None:
        return
    images = flannel(source)
    yield from _unpinned(lock, board, source.path, images)
    named = {image.partition("@")[0] for image in images}
    for key in board.images:
        if lock.images[key].needed_by.startswith("flannel ") and key not in named:
            yield f"{source.path}: names no image {key}, which the lock has for it"


def _unpinned(lock: Lock, board: BoardPin, name: str, images: Iterable[str]) -> Iterator[str]:
    for image in images:
        if fault := _fault(lock, board, image):
            yield f"{name}: {fault}"


def _fault(lock: Lock, board: BoardPin, image: str) -> str:
    if TEMPLATE.search(image.partition("@")[0]):
        return ""  # something fills it in later
    try:
        reference = Reference.parse(image)
    except ValueError as error:
        return str(error)
    pin = lock.images.get(reference.tagged)
    if pin is None and reference.digest:
        pins = (lock.images[key] for key in board.images)
        same = (p for p in pins if Reference.parse(p.reference).name == reference.name)
        pin = next((p for p in same if p.digest == reference.digest), None)
    if pin is None or pin.reference not in board.images:
        return f"image {image} is not in the lock"
    if reference.digest not in (None, pin.digest):
        return f"image {image}, and the lock has {pin.digest}"
    return ""


def _files(root: Path) -> Iterator[Path]:
    for directory, folders, names in os.walk(root):
        folders[:] = sorted(folder for folder in folders if folder != ".git")
        for name in sorted(names):
            path = Path(directory) / name
            if path.suffix in (*MANIFESTS, ".toml") and not path.is_symlink():
                yield path


def _text(path: Path) -> str:
    with explained(path), path.open("rb") as file:
        return file.read(LARGEST_TEXT).decode("utf-8", "replace")
