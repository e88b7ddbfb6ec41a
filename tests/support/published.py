"""Images in a real registry, and the lock that pins them."""

from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.http.client import Http, HttpOptions
from kutterlock.adapters.oci.auth import Logins
from kutterlock.adapters.oci.registry import Registries
from kutterlock.model.lock import Lock
from kutterlock.model.net.network import Patience
from kutterlock.model.progress import Silence
from kutterlock.vendor.closure import ClosureRequest, fetch_closure
from kutterlock.vendor.report import FetchReport
from tests.support import samples
from tests.support.images import Blobs, add_image, pin, write_layout
from tests.support.registry import Registry

NAMES = ("kube-apiserver", "coredns/coredns", "pause")
QUICK = Patience(attempts=1)


@dataclass
class Published:
    """Images in a registry, and a lock that pins them."""

    registry: Registry
    blobs: Blobs
    lock: Lock

    def fetch(
        self,
        store: Store,
        options: HttpOptions | None = None,
        logins: Logins | None = None,
        *,
        all_platforms: bool = False,
        boards: tuple[str, ...] = ("pc",),
    ) -> FetchReport:
        request = ClosureRequest(lock=self.lock, boards=boards, all_platforms=all_platforms)
        http = HttpOptions(patience=QUICK) if options is None else options
        return fetch_closure(request, store, lambda: Registries(Http(http), logins), Silence())


def publish(registry: Registry, directory: Path) -> Published:
    blobs = Blobs()
    images = {name: add_image(blobs, name) for name in NAMES}
    tags = {name.replace("/", "-"): image for name, image in images.items()}
    layout = write_layout(blobs, directory / "layout", tags)
    for name in NAMES:
        tag = name.replace("/", "-")
        registry.push_layout(layout, tag, f"{name}:v1", docker=name == "pause")
    images["pause"]["digest"] = registry.digest("pause:v1")  # another form, another digest
    pins = [pin(f"{registry.host}/{name}:v1", image) for name, image in images.items()]
    return Published(registry, blobs, samples.lock_of(pins))
