"""Images of releases that the catalog does not know: kubeadm's constants, and asking registries."""

import datetime
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kutterlock.adapters.http.client import Http
from kutterlock.adapters.oci.registry import Registries
from kutterlock.catalog.reader import Catalog, load_catalog
from kutterlock.catalog.updates import Findings
from kutterlock.cli.main import main
from kutterlock.errors import HashMismatchError, NetworkError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Trust
from kutterlock.model.oci.image import OCI_INDEX
from kutterlock.resolve.live import Heard, ask, learn
from kutterlock.resolve.live_images import MOST_IMAGES, unknown_images
from kutterlock.resolve.upstreams.kubeadm import LARGEST, URL
from kutterlock.resolve.upstreams.kubernetes import Kubernetes
from tests.support.fault_server import FaultServer
from tests.support.images import Blobs, add_image
from tests.support.web import Web, sha256

pytestmark = pytest.mark.integration

TODAY = datetime.date(2026, 11, 22)
DL = "https://dl.k8s.io/release/"
CONSTANTS = URL.format(version="1.99.0")
TEXT = """\
package constants

const (
\t// PauseVersion is the pause image's version
\tPauseVersion = "3.99"
\tMinExternalEtcdVersion = "4.1.2-0"
\tDefaultEtcdVersion = "4.0.1-0"
\tCoreDNSVersion = "v1.77.0"
)

var (
\tSupportedEtcdVersion = map[uint8]string{
\t\t98: "4.1.0-0",
\t\t99: "4.1.3-0",
\t}
)
"""
NAMES = (
    "registry.k8s.io/kube-apiserver:v1.99.0",
    "registry.k8s.io/kube-controller-manager:v1.99.0",
    "registry.k8s.io/kube-scheduler:v1.99.0",
    "registry.k8s.io/kube-proxy:v1.99.0",
    "registry.k8s.io/coredns/coredns:v1.77.0",
    "registry.k8s.io/etcd:4.1.3-0",
    "registry.k8s.io/pause:3.99",
)


class Notes:
    """Progress that keeps its notes."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def start(self, label: str, *, total: int = 0, unit: str = "") -> None: ...
    def expect(self, total: int, *, at_least: bool = False) -> None:
        """Nobody looks at it."""

    def advance(self, amount: int, note: str = "") -> None: ...
    def done(self, summary: str) -> None: ...
    def close(self) -> None: ...

    def note(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def web() -> Iterator[Web]:
    with FaultServer() as server:
        pages = Web(server)
        url = "https://endoflife.date/api/v1/products/kubernetes/"
        pages.put(url, '{"result": {"releases": []}}')
        pages.put(f"{DL}stable.txt", "v1.99.0")
        pages.put(f"{DL}stable-1.99.txt", "v1.99.0")
        pages.put(f"{DL}v1.99.0/SHA256SUMS", f"{sha256(b'x')}  bin/linux/amd64/kubeadm")
        pages.put(CONSTANTS, TEXT)
        yield pages


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return load_catalog(updates=tmp_path / "updates")


def registry_has(web: Web, name: str) -> str:
    """Put an image where a mirror of its registry has it; return its digest."""
    blobs = Blobs()
    image = add_image(blobs, name)
    host, _, rest = name.partition("/")
    repository, _, tag = rest.rpartition(":")
    head = {"Content-Type": OCI_INDEX}
    web.put(f"https://{host}/v2/{repository}/manifests/{tag}", blobs.data[image["digest"]], head)
    return str(image["digest"])


def asked(web: Web, catalog: Catalog, notes: Notes | None = None) -> Heard:
    with Http(web.options) as http:
        return ask(catalog, [Kubernetes()], http, notes or Notes(), Registries(http).manifest)


def test_images_of_a_version_that_the_catalog_has_never_heard_of(
    web: Web, catalog: Catalog, tmp_path: Path
) -> None:
    """etcd's tag is that of the minor's row, as kubeadm reads it, and not the default's."""
    digests = {name: registry_has(web, name) for name in NAMES}
    heard = asked(web, catalog)
    assert not heard.failures
    (release,) = heard.releases
    assert release.facts == {"coredns": "v1.77.0", "etcd": "4.1.3-0", "pause": "3.99"}
    assert release.images == NAMES
    findings = Findings(date=TODAY, releases=heard.releases, images=heard.images)
    learn(catalog, findings, tmp_path / "updates")
    images = load_catalog(updates=tmp_path / "updates").images("1.99.0")
    assert {image.reference: str(image.digest) for image in images} == digests
    assert {image.trust for image in images} == {Trust(level="first-use", by="registry.k8s.io")}
    # Asked once: what is known is not asked for again.
    before = len([url for url in web.asked() if "/manifests/" in url and "1.99" in url])
    asked(web, load_catalog(updates=tmp_path / "updates"))
    assert len([u for u in web.asked() if "/manifests/" in u and "1.99" in u]) == before


def test_an_image_that_its_registry_lacks_stays_unknown(web: Web, catalog: Catalog) -> None:
    for name in NAMES[1:]:
        registry_has(web, name)
    notes = Notes()
    heard = asked(web, catalog, notes)
    assert not heard.failures
    assert [image.reference for image in heard.images] == list(NAMES[1:])
    (line,) = [line for line in notes.lines if NAMES[0] in line]
    assert line.startswith(f" note: the digest of {NAMES[0]} stays unknown: https://registry.k8s")


def test_a_digest_that_changes_later_stops_the_update(
    web: Web, catalog: Catalog, tmp_path: Path
) -> None:
    first = registry_has(web, NAMES[6])
    heard = asked(web, catalog)
    learn(catalog, Findings(date=TODAY, images=heard.images), tmp_path / "updates")
    known = load_catalog(updates=tmp_path / "updates")
    moved = [image for image in heard.images if image.reference == NAMES[6]]
    assert str(moved[0].digest) == first
    news = (replace(moved[0], digest=Digest.parse("sha256:" + "0" * 64)),)
    with pytest.raises(HashMismatchError) as caught:
        learn(known, Findings(date=TODAY, images=news), tmp_path / "updates")
    assert caught.value.reason == f"two hashes are claimed for {NAMES[6]}"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("<html>Please wait</html>", "coredns, etcd, pause"),
        (TEXT.replace("99: ", "97: "), "etcd"),
        (TEXT.replace('"3.99"', '"3.99/../evil"'), "pause"),
        (TEXT.replace('"v1.77.0"', "version()"), "coredns"),
        (TEXT + '\tPauseVersion = "3.98"\n', "pause"),
        (TEXT.replace('"4.1.3-0"', '"' + "9" * 2000 + '"'), "etcd"),
        ("\n" * 1_000_000, "coredns, etcd, pause"),
    ],
)
def test_what_are_no_such_constants(web: Web, catalog: Catalog, text: str, missing: str) -> None:
    web.put(CONSTANTS, text)
    failure = asked(web, catalog).failures["kubernetes"]
    assert isinstance(failure, NetworkError)
    assert failure.reason == f"{CONSTANTS} does not say which {missing} kubeadm takes"


def test_constants_without_an_end_are_cut_off(web: Web, catalog: Catalog) -> None:
    web.put(CONSTANTS, TEXT + " " * LARGEST)
    failure = asked(web, catalog).failures["kubernetes"]
    assert any(f"at most {LARGEST} are expected" in line for line in failure.details)


def test_a_tag_without_constants_leaves_the_images_unknown(web: Web, catalog: Catalog) -> None:
    del web.pages[CONSTANTS]
    web.server.on("/" + CONSTANTS.partition("://")[2])
    heard = asked(web, catalog)
    assert not heard.failures
    assert heard.releases[0].facts == {}
    unknown = unknown_images(catalog, "kubernetes", heard.releases)
    assert [name for name in unknown if "1.99" in name] == list(NAMES[:4])


def test_constants_that_contradict_the_catalog(web: Web, catalog: Catalog, tmp_path: Path) -> None:
    heard = asked(web, catalog)
    learn(catalog, Findings(date=TODAY, releases=heard.releases), tmp_path / "updates")
    web.put(CONSTANTS, TEXT.replace("3.99", "3.66"))
    with pytest.raises(HashMismatchError) as caught:
        asked(web, load_catalog(updates=tmp_path / "updates"))
    assert caught.value.reason == "two tags are claimed for the pause of kubeadm 1.99.0"
    assert caught.value.details == ("catalog: 3.99", f"update:  3.66 ({CONSTANTS})")


def test_a_manifest_cannot_send_us_to_any_number_of_registries(catalog: Catalog) -> None:
    release = catalog.releases("flannel")[0]
    many = tuple(f"registry{number}.example/app:v1" for number in range(10_000))
    found = unknown_images(catalog, "flannel", [replace(release, images=many)])
    assert len(found) == MOST_IMAGES


def test_the_command_writes_the_images_down(
    web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = {name: registry_has(web, name) for name in NAMES}
    (tmp_path / "config.toml").write_text("[network]\nallowed-hosts = ['localhost']\n")
    environ = {
        "KUTTER_CONFIG": str(tmp_path / "config.toml"),
        "KUTTER_MIRROR": web.server.url,
        "KUTTER_CACHE": str(tmp_path / "cache"),
    }
    assert main(["catalog", "update", "kubernetes"], environ) == 0
    capsys.readouterr()
    assert main(["catalog", "show", "kubernetes", "1.99.0", "--json"], environ) == 0
    (release,) = json.loads(capsys.readouterr().out)["releases"]
    assert release["images"] == digests
