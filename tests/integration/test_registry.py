"""Images from a real registry into the store: anonymous, with passwords, tokens, and TLS."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.http.client import Http, HttpOptions
from kutterlock.adapters.oci.auth import Logins, read_auth_files
from kutterlock.adapters.oci.registry import Registries
from kutterlock.errors import NetworkError
from kutterlock.model.oci.reference import Reference
from kutterlock.model.progress import Silence
from kutterlock.vendor.closure import ClosureRequest, fetch_closure
from kutterlock.vendor.images import image_trees
from tests.support import samples
from tests.support.certificates import make_authority
from tests.support.images import pin
from tests.support.published import NAMES, QUICK, Published, publish
from tests.support.registry import Registry, TokenIssuer, auth_file

pytestmark = pytest.mark.integration


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "store")
    found.add_bytes(b"buildroot-2026.08.tar.gz")
    return found


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    with Registry(tmp_path / "registry") as registry:
        yield publish(registry, tmp_path)


def test_wanted_platforms_come_in_each_blob_once(published: Published, store: Store) -> None:
    report = published.fetch(store)
    report.check()
    trees = image_trees(store, published.lock, ["pc"])
    assert [tree.platforms for tree in trees] == [("linux/amd64",)] * 3
    # Three indexes, manifests, configurations and own layers; one base layer for all of them.
    assert len(report.fetched) == 3 * 4 + 1
    assert len(list(store.blobs())) == 3 * 4 + 2
    gets = [line for line in published.registry.log.splitlines() if '"GET /v2/' in line]
    base = str(next(w.digest for w in report.fetched if "layer" in w.name))
    assert len([line for line in gets if f"blobs/{base}" in line and "kutterlock" in line]) == 1


def test_all_platforms_are_every_blob_there_is(published: Published, store: Store) -> None:
    published.fetch(store, all_platforms=True).check()
    # For each image an index, and for two platforms manifest, configuration and own layer.
    assert len(list(store.blobs())) == 3 * 7 + 2


def test_a_second_run_opens_no_connection(published: Published, store: Store) -> None:
    published.fetch(store).check()
    request = ClosureRequest(lock=published.lock, boards=("pc",))

    def refuse() -> Registries:
        raise AssertionError("the network was asked for")

    report = fetch_closure(request, store, refuse, Silence())
    assert (report.present, report.fetched) == (3 * 4 + 2, ())


def test_a_tag_is_resolved(published: Published) -> None:
    with Http(HttpOptions(patience=QUICK)) as http:
        for name in NAMES:
            reference = Reference.parse(f"{published.registry.host}/{name}:v1")
            answered = Registries(http).manifest(reference)
            assert answered.digest == published.lock.images[str(reference)].digest


def test_a_mirror_stands_in_for_a_registry(published: Published, store: Store) -> None:
    images = {
        f"registry.k8s.io/{name}:v1": pin(f"registry.k8s.io/{name}:v1", {"digest": str(p.digest)})
        for name, p in zip(NAMES, published.lock.images.values(), strict=True)
    }
    moved = Published(published.registry, published.blobs, samples.lock_of(images.values()))
    mirrors = {"https://registry.k8s.io/": (f"http://{published.registry.host}/",)}
    moved.fetch(store, HttpOptions(patience=QUICK, mirrors=mirrors)).check()
    image_trees(store, moved.lock, ["pc"])


def test_a_password_is_asked_for_and_given(tmp_path: Path, store: Store) -> None:
    with Registry(tmp_path / "registry", auth="htpasswd") as registry:
        published = publish(registry, tmp_path)
        files = read_auth_files([auth_file(tmp_path, registry.host)])
        published.fetch(store, logins=Logins(files=files)).check()
        with pytest.raises(NetworkError) as caught:
            published.fetch(Store(tmp_path / "other")).check()
    assert any("answered 401 Unauthorized" in line for line in caught.value.details)


@pytest.mark.parametrize("anonymous", [True, False])
def test_tokens_are_fetched_for_each_repository(
    tmp_path: Path, store: Store, *, anonymous: bool
) -> None:
    with (
        TokenIssuer(tmp_path / "issuer", anonymous_pull=anonymous) as issuer,
        Registry(tmp_path / "registry", auth="token", issuer=issuer) as registry,
    ):
        published = publish(registry, tmp_path)
        issuer.asked.clear()
        files = () if anonymous else read_auth_files([auth_file(tmp_path, registry.host)])
        published.fetch(store, logins=Logins(files=files)).check()
        assert sorted(issuer.asked) == sorted(f"repository:{name}:pull" for name in NAMES)
    image_trees(store, published.lock, ["pc"])


def test_a_wrong_login_says_whom_to_ask(tmp_path: Path, store: Store) -> None:
    with (
        TokenIssuer(tmp_path / "issuer") as issuer,
        Registry(tmp_path / "registry", auth="token", issuer=issuer) as registry,
    ):
        published = publish(registry, tmp_path)
        with pytest.raises(NetworkError) as caught:
            published.fetch(store).check()
        cause = f"its token server {issuer.url} answered 401"
        assert any(cause in line for line in caught.value.details)
        assert caught.value.hint == f"log in first: skopeo login {registry.host}"


def test_a_private_authority_is_trusted_when_it_is_named(tmp_path: Path, store: Store) -> None:
    authority = make_authority(tmp_path)
    with Registry(tmp_path / "registry", tls=tmp_path) as registry:
        published = publish(registry, tmp_path)
        published.fetch(store, HttpOptions(patience=QUICK, ca_file=authority)).check()
        with pytest.raises(NetworkError) as caught:
            published.fetch(Store(tmp_path / "other")).check()
    assert any("its certificate is not trusted" in line for line in caught.value.details)


def test_what_a_tag_stands_for_costs_no_manifest(tmp_path: Path) -> None:
    with (
        TokenIssuer(tmp_path / "issuer", anonymous_pull=True) as issuer,
        Registry(tmp_path / "registry", auth="token", issuer=issuer) as registry,
    ):
        published = publish(registry, tmp_path)
        before = len(registry.log)
        with Http(HttpOptions(patience=QUICK)) as http:
            registries = Registries(http)
            now = {
                name: registries.current(Reference.parse(name)) for name in published.lock.images
            }
        assert now == {name: pin.digest for name, pin in published.lock.images.items()}
        asked = [
            line for line in registry.log[before:].splitlines() if "/manifests/v1 HTTP" in line
        ]
        assert asked
        assert all('"HEAD /v2/' in line for line in asked)


def test_a_run_with_nothing_to_do_loads_no_http(published: Published, store: Store) -> None:
    published.fetch(store).check()
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("httpx")}
    try:
        published.fetch(store).check()
        assert "httpx" not in sys.modules
    finally:
        sys.modules.update(kept)
