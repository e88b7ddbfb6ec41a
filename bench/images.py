"""Eight images of Kubernetes sizes over one base layer: registry to store, again with nothing new,
and store to an empty registry; against skopeo and oras, with one real registry on loopback."""

import contextlib
import json
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from harness import (
    KUTTERLOCK,
    MIB,
    Contender,
    compete,
    environment,
    program,
    scratch,
    skipped,
    version,
)
from project import write_images_project

SIZES = {"kube-apiserver": 33, "kube-controller-manager": 32, "kube-scheduler": 18,
         "kube-proxy": 27, "pause": 1, "etcd": 54, "coredns": 16, "flannel": 27}  # fmt: skip
"""In MB, each with the base layer in it."""

BASE = 600 << 10
FETCH = "images: 8 images, 208 MB, from docker-registry to an empty store"
AGAIN = "images: the same again, nothing new"
SEND = "images: 8 images, 208 MB, from the store to an empty docker-registry"


def main() -> None:
    if not program("docker-registry"):
        skipped("images", "docker-registry is not installed")
        return
    with scratch() as name:
        place = Path(name)
        layout = make_layout(place / "source")
        with Server(place / "registry") as server:
            fill(layout, server, place)
            digests = layout_digests(layout)
            pins = {f"{server.host}/{image}:v1": digests[image] for image in SIZES}
            write_images_project(place / "project", pins)
            fetch(server, place)
        with Server(place / "empty") as target:
            send(target, layout, place)


@dataclass
class Server:
    """docker-registry with an empty storage in memory; `clear` makes it empty again."""

    place: Path
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    log: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def __enter__(self) -> Self:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def clear(self) -> None:
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)
        self.start()

    def start(self) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        configuration = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.place / "storage")}},
            "http": {"addr": f"127.0.0.1:{self.port}"},
        }
        path = self.place / "config.yml"
        path.write_text(json.dumps(configuration))
        argv = [program("docker-registry") or "", "serve", str(path)]
        self.process = subprocess.Popen(argv, env=environment(), stderr=subprocess.DEVNULL)
        for _ in range(400):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise SystemExit("docker-registry did not come up")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()


def make_layout(directory: Path) -> Path:
    """Write the images: random bytes, as compressed layers are."""
    from hashlib import sha256

    chance = random.Random(1)
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)

    def add(data: bytes, media_type: str, **more: object) -> dict[str, object]:
        digest = sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}

    base = chance.randbytes(BASE)
    entries = []
    for image, size in SIZES.items():
        layers = [base, chance.randbytes(size * 1_000_000 - BASE)]
        diff_ids = [f"sha256:{sha256(data).hexdigest()}" for data in layers]
        config = {"architecture": "amd64", "os": "linux", "created_by": image,
                  "rootfs": {"type": "layers", "diff_ids": diff_ids}}  # fmt: skip
        kind = "application/vnd.oci.image"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": add(json.dumps(config).encode(), f"{kind}.config.v1+json"),
            "layers": [add(data, f"{kind}.layer.v1.tar") for data in layers],
        }
        about = {"os": "linux", "architecture": "amd64"}
        child = add(json.dumps(manifest).encode(), f"{kind}.manifest.v1+json", platform=about)
        index = {"schemaVersion": 2, "mediaType": f"{kind}.index.v1+json", "manifests": [child]}
        entry = add(json.dumps(index).encode(), f"{kind}.index.v1+json")
        entries.append({**entry, "annotations": {"org.opencontainers.image.ref.name": image}})
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    return directory


def layout_digests(layout: Path) -> Mapping[str, str]:
    """Return the images' digests by name."""
    entries = json.loads((layout / "index.json").read_text())["manifests"]
    return {e["annotations"]["org.opencontainers.image.ref.name"]: e["digest"] for e in entries}


def fill(layout: Path, server: Server, place: Path) -> None:
    """Send the images with skopeo: the registry is filled by nobody's own client."""
    for image in SIZES:
        argv = [*SKOPEO, "--all", "--preserve-digests", "--dest-tls-verify=false",
                f"oci:{layout}:{image}", f"docker://{server.host}/{image}:v1"]  # fmt: skip
        subprocess.run(argv, check=True, env=environment(HOME=str(place)))


def fetch(server: Server, place: Path) -> None:
    store = place / "store"
    names = " ".join(SIZES)
    peers = []
    for again in (False, True):
        peers = list(fetching_peers(server, place, names, again=again))
        subject = kutterlock("vendor", place, *([] if again else [store]))
        compete(AGAIN if again else FETCH, subject, peers)
    print(f"  peak memory of `kutterlock vendor`: {peak(place):.0f} MiB")


def fetching_peers(server: Server, place: Path, names: str, *, again: bool) -> Iterator[Contender]:
    target = place / "peer"
    skopeo = loop(names, *SKOPEO, "--all", "--src-tls-verify=false",
                  f"docker://{server.host}/$i:v1", f"oci:{target}-skopeo:$i")  # fmt: skip
    yield shell(
        "skopeo copy", skopeo, Path(f"{target}-skopeo"), place, again, None if again else 0.6
    )
    found = program("oras")
    if not found:
        skipped("oras", "it is not installed")
        return
    oras = loop(names, found, "cp", "--from-plain-http", "--to-oci-layout", "--no-tty",
                f"{server.host}/$i:v1", f"{target}-oras:$i")  # fmt: skip
    yield shell("oras cp", oras, Path(f"{target}-oras"), place, again, 1.0)


def loop(names: str, *argv: str) -> str:
    """Return a shell text that runs a command for each image `$i`."""
    return f"for i in {names}; do {' '.join(argv)} || exit; done"


def send(target: Server, layout: Path, place: Path) -> None:
    names = " ".join(SIZES)
    subject = kutterlock("images", place, words=["push", target.host], prepare=target)
    peers = []
    if found := program("oras"):
        text = loop(names, found, "cp", "--from-oci-layout", "--to-plain-http", "--no-tty",
                    f"{layout}:$i", f"{target.host}/$i:v1")  # fmt: skip
        argv = ["/bin/sh", "-c", text]
        peers.append(
            Contender("oras cp", argv, environment(HOME=str(place)), target.clear, target=1.0)
        )
    compete(SEND, subject, peers)


def kutterlock(
    verb: str, place: Path, *fresh: Path, words: list[str] | None = None,
    prepare: Server | None = None,
) -> Contender:  # fmt: skip
    argv = [*KUTTERLOCK, verb, *(words or []), "--project", str(place / "project")]

    def make_ready() -> None:
        for path in fresh:
            shutil.rmtree(path, ignore_errors=True)
            put_buildroot(path)
        if prepare:
            prepare.clear()

    store = str(place / "store")
    name = " ".join(["kutterlock", verb, *(words or [])[:1]])
    own = environment(KUTTER_STORE=store, KUTTER_CACHE=str(place / "cache"))
    return Contender(name, argv, own, make_ready)


def put_buildroot(store: Path) -> None:
    """The lock names one source besides the images: it is in the store already."""
    from project import NOTHING

    from kutterlock.adapters.disk.store import Store

    Store(store).add_bytes(NOTHING)


def shell(
    name: str, text: str, fresh: Path, place: Path, again: bool, target: float | None  # noqa: FBT001
) -> Contender:  # fmt: skip
    def clear() -> None:
        if not again:
            shutil.rmtree(fresh, ignore_errors=True)

    argv = ["/bin/sh", "-c", text]
    return Contender(name, argv, environment(HOME=str(place)), clear, target=target)


def peak(place: Path) -> float:
    """Return the peak resident size of fetching everything, in MiB."""
    store = place / "peak-store"
    put_buildroot(store)
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    argv = [KUTTERLOCK[0], "-c", code, *KUTTERLOCK, "vendor", "--project", str(place / "project")]
    done = subprocess.run(
        argv, check=True, capture_output=True, text=True,
        env=environment(KUTTER_STORE=str(store), KUTTER_CACHE=str(place / "cache")),
    )  # fmt: skip
    shutil.rmtree(store)
    return int(done.stdout) * 1024 / MIB


SKOPEO = (program("skopeo") or "skopeo", "copy", "--insecure-policy", "--quiet")

if __name__ == "__main__":
    for tool, words in (("docker-registry", "--version"), ("skopeo", "--version"),
                        ("oras", "version")):  # fmt: skip
        if found := program(tool):
            print(f"  {version([found, words])}")
    main()
