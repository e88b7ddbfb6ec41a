"""A project at the end of the line: an image vendored, a board built, lock and output signed."""

from pathlib import Path

from tests.support.images import Blobs, add_image, write_layout
from tests.support.line import Line

BOARD = "demo-x86_64"
IMAGE = "localhost:1/app"
"""Nobody listens on that port."""


def finish(line: Line) -> None:
    """Bring a vendored project to its end, with the key `release`."""
    layout = line.demonstration.directory / "layout"
    blobs = Blobs()
    image = add_image(blobs, "app", platforms=["linux/amd64"])
    write_layout(blobs, layout, {"app": image})
    line.change({"images = false\n\n": "\n"})
    with line.manifest.open("a") as manifest:
        manifest.write(f'\n[images]\nextra = ["{IMAGE}:v1@{image["digest"]}"]\n')
    line.must("resolve", "--offline")
    line.must("vendor", "--offline", "--mirror", str(layout))
    line.must("key", "generate", "release", "--no-passphrase")
    line.must("sign", "--key", "release")
    line.must("build", "--offline", "--board", BOARD)
    line.must("attest", "--board", BOARD, "--key", "release")


def key(line: Line) -> Path:
    """Return where the public key is."""
    return line.demonstration.directory / "keys/release.pub.pem"
