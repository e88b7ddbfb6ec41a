"""Registries that misbehave: every fault ends in the right bytes or in an error that says why."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.http.client import Http, HttpOptions
from kutterlock.adapters.oci.auth import Logins, auth_file_paths, read_auth_files
from kutterlock.adapters.oci.registry import Registries
from kutterlock.errors import HashMismatchError, KutterError, NetworkError, UsageError
from kutterlock.model.digest import Digest
from kutterlock.model.net.network import Login, Patience
from kutterlock.model.oci.image import OCI_INDEX, OCI_MANIFEST
from kutterlock.model.oci.reference import Reference
from kutterlock.model.oci.registry import AuthFile, Credentials
from kutterlock.model.progress import Silence
from kutterlock.vendor.closure import ClosureRequest, fetch_closure
from kutterlock.vendor.images import image_trees
from kutterlock.vendor.report import FetchReport
from tests.support import samples
from tests.support.fault_server import (
    Behaviour,
    FaultServer,
    Talk,
    answer,
    ok,
    ranged,
    redirect,
    truncated,
)
from tests.support.images import Blobs, add_image, pin

pytestmark = pytest.mark.integration
MANIFEST_BOMB = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [{"mediaType": OCI_MANIFEST, "digest": "sha256:" + "0" * 64, "size": 1}]
        * 5000,
    }
).encode()


@dataclass
class Hostile:
    """One image on a server that serves it well, but for what a test tells it."""

    server: FaultServer
    directory: Path
    blobs: Blobs = field(default_factory=Blobs)
    waits: list[float] = field(default_factory=list)
    wrap: Callable[[Behaviour], Behaviour] = lambda behaviour: behaviour

    def __post_init__(self) -> None:
        self.image = add_image(self.blobs, "app")
        self.store = Store(self.directory / "store")
        self.store.add_bytes(b"buildroot-2026.08.tar.gz")
        self.lock = samples.lock_of([pin(f"localhost:{self.server.port}/app:v1", self.image)])
        self.serve()

    def serve(self) -> None:
        self.server.on("/v2/", ok(b"{}"))
        for digest, data in self.blobs.data.items():
            self.server.on(self.target(digest), self.wrap(ranged(data)))

    def target(self, digest: str) -> str:
        kind = "manifests" if digest in self.blobs.documents else "blobs"
        return f"/v2/app/{kind}/{digest}"

    def layer(self) -> tuple[str, bytes]:
        """Return the amd64 image's own layer."""
        index = json.loads(self.blobs.data[self.image["digest"]])
        manifest = json.loads(self.blobs.data[index["manifests"][0]["digest"]])
        digest = str(manifest["layers"][1]["digest"])
        return digest, self.blobs.data[digest]

    def fetch(self, logins: Logins | None = None) -> FetchReport:
        patience = Patience(attempts=3, first_wait=0.25, longest_wait=90)

        def door() -> Registries:
            http = Http(HttpOptions(patience=patience), sleep=self.waits.append)
            return Registries(http, logins)

        request = ClosureRequest(lock=self.lock, boards=("pc",))
        return fetch_closure(request, self.store, door, Silence())

    def must(self, logins: Logins | None = None) -> None:
        self.fetch(logins).check()
        image_trees(self.store, self.lock, ["pc"])

    def error(self, logins: Logins | None = None) -> KutterError:
        """Fetch in vain; nothing wrong may be in the store."""
        with pytest.raises(KutterError) as caught:
            self.fetch(logins).check()
        for digest in self.store.blobs():
            self.store.verify(digest)
        return caught.value


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with FaultServer() as server:
        yield Hostile(server, tmp_path)


def test_a_truncated_blob_is_gone_on_with(hostile: Hostile) -> None:
    digest, data = hostile.layer()
    hostile.server.on(hostile.target(digest), truncated(data, 60), ranged(data))
    hostile.must()
    ranges = [seen.headers.get("range") for seen in hostile.server.seen(hostile.target(digest))]
    assert ranges == [None, "bytes=60-"]


def test_a_complete_part_asks_for_no_range_at_the_end(hostile: Hostile) -> None:
    """Registries answer 416 there with the length of the whole and another body."""
    digest, data = hostile.layer()
    with hostile.store.receive(Digest.parse(digest)) as sink:
        sink.write(data)
    hostile.must()
    assert hostile.server.seen(hostile.target(digest)) == []


def test_a_part_of_full_length_with_wrong_bytes_meets_416_and_starts_anew(
    hostile: Hostile,
) -> None:
    digest, data = hostile.layer()
    with hostile.store.receive(Digest.parse(digest)) as sink:
        sink.write(bytes(len(data)))
    hostile.must()
    ranges = [seen.headers.get("range") for seen in hostile.server.seen(hostile.target(digest))]
    assert ranges == [f"bytes={len(data)}-", None]


@pytest.mark.parametrize("which", ["index", "layer"])
def test_wrong_bytes_under_a_digest_are_refused(hostile: Hostile, which: str) -> None:
    digest = hostile.image["digest"] if which == "index" else hostile.layer()[0]
    wrong = bytes(len(hostile.blobs.data[digest]))
    hostile.server.on(hostile.target(digest), ok(wrong))
    error = hostile.error()
    assert isinstance(error, HashMismatchError)
    assert any(f"expected {digest}; got {Digest.of(wrong)}" in line for line in error.details)


def test_a_blob_larger_than_its_descriptor_is_cut_off(hostile: Hostile) -> None:
    digest, data = hostile.layer()
    hostile.server.on(hostile.target(digest), ok(data + b"more"))
    error = hostile.error()
    assert isinstance(error, NetworkError)
    assert any(f"more than the {len(data)} bytes that are expected" in x for x in error.details)


def test_a_manifest_of_many_megabytes_is_cut_off(hostile: Hostile) -> None:
    hostile.server.on(hostile.target(hostile.image["digest"]), ok(bytes(5 << 20)))
    error = hostile.error()
    assert isinstance(error, NetworkError)
    assert any("more than the 4194304 bytes" in line for line in error.details)


def pinned(hostile: Hostile, data: bytes) -> None:
    """Let the lock pin a document that a stranger made."""
    digest = str(Digest.of(data))
    hostile.blobs.data[digest] = data
    hostile.blobs.documents[digest] = OCI_INDEX
    reference = next(iter(hostile.lock.images))
    hostile.lock = samples.lock_of([pin(reference, {"digest": digest})])
    hostile.server.on(f"/v2/app/manifests/{digest}", ok(data))


def test_a_manifest_bomb_is_refused(hostile: Hostile) -> None:
    pinned(hostile, MANIFEST_BOMB)
    error = hostile.error()
    assert error.reason == (
        f"image {next(iter(hostile.lock.images))}: index {Digest.of(MANIFEST_BOMB)} "
        "manifests lists 5000 where at most 1000 are allowed"
    )


def test_indexes_below_indexes_end(hostile: Hostile) -> None:
    """An index cannot list itself under its true digest; a long chain is as good a trap."""
    inner = hostile.image
    for _ in range(6):
        entry = {k: inner[k] for k in ("mediaType", "digest", "size")}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        inner = hostile.blobs.add_json(index, OCI_INDEX)
    hostile.serve()
    reference = next(iter(hostile.lock.images))
    hostile.lock = samples.lock_of([pin(reference, inner)])
    error = hostile.error()
    assert error.reason.endswith("is an index below 3 indexes")


def test_an_index_that_lists_itself_is_not_followed(hostile: Hostile) -> None:
    """The registry serves, as the child, the very index that names it: the digest is wrong."""
    child = "sha256:" + "ab" * 32
    about = {"os": "linux", "architecture": "amd64"}
    entry = {"mediaType": OCI_INDEX, "digest": child, "size": 400, "platform": about}
    data = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    pinned(hostile, data)
    hostile.server.on(f"/v2/app/manifests/{child}", ok(data))
    error = hostile.error()
    assert isinstance(error, HashMismatchError)
    assert len(hostile.server.seen(f"/v2/app/manifests/{child}")) == 1


def test_429_is_waited_for_as_long_as_is_asked(hostile: Hostile) -> None:
    digest, data = hostile.layer()
    busy = answer(429, b"{}", {"Retry-After": "7"})
    hostile.server.on(hostile.target(digest), busy, ranged(data))
    hostile.must()
    assert hostile.waits == [7.0]


def test_a_blob_swapped_between_two_reads_never_counts(hostile: Hostile) -> None:
    """The first half is of one blob, the rest of another: neither enters the store."""
    digest, data = hostile.layer()
    other = bytes(reversed(data))
    hostile.server.on(hostile.target(digest), truncated(data, 60), ranged(other))
    error = hostile.error()
    assert isinstance(error, HashMismatchError)
    assert not hostile.store.has(Digest.parse(digest))


def issued(*tokens: str) -> list[Behaviour]:
    return [ok(json.dumps({"token": token, "expires_in": 300}).encode()) for token in tokens]


def test_a_token_that_expires_half_way_is_renewed(tmp_path: Path) -> None:
    """The blob breaks off, and at the second request the first token is good no more."""
    with FaultServer() as server:
        revoked = threading.Event()
        hostile = Hostile(server, tmp_path)
        digest, data = hostile.layer()
        head = {"WWW-Authenticate": f'Bearer realm="{server.url}/token",service="s",scope="sc"'}

        def guarded(behaviour: Behaviour) -> Behaviour:
            def behave(talk: Talk) -> None:
                wanted = "Bearer two" if revoked.is_set() else "Bearer one"
                if talk.request.headers.get("authorization") != wanted:
                    return answer(401, b"{}", head)(talk)
                return behaviour(talk)

            return behave

        def breaks(talk: Talk) -> None:
            revoked.set()  # before the connection ends: the client may be back at once
            truncated(data, 60)(talk)

        hostile.wrap = guarded
        hostile.serve()
        server.on("/token", *issued("one", "two"))
        target = hostile.target(digest)
        server.on(target, guarded(breaks), guarded(ranged(data)), guarded(ranged(data)))
        hostile.must()
        sent = [
            (s.headers.get("authorization"), s.headers.get("range")) for s in server.seen(target)
        ]
        assert sent == [
            ("Bearer one", None),
            ("Bearer one", "bytes=60-"),
            ("Bearer two", "bytes=60-"),
        ]


def test_a_redirect_to_another_host_takes_no_credentials_along(tmp_path: Path) -> None:
    with FaultServer() as elsewhere, FaultServer() as server:
        hostile = Hostile(server, tmp_path)
        for digest, data in hostile.blobs.data.items():
            elsewhere.on(f"/s3/{digest}", ranged(data))
        head = {"WWW-Authenticate": 'Basic realm="x"'}
        basic = "Basic " + base64.b64encode(b"robot:s3cret").decode()

        def guarded(behaviour: Behaviour) -> Behaviour:
            def behave(talk: Talk) -> None:
                if talk.request.headers.get("authorization") != basic:
                    return answer(401, b"{}", head)(talk)
                return behaviour(talk)

            return behave

        for digest in hostile.blobs.data:
            away = f"http://127.0.0.1:{elsewhere.port}/s3/{digest}"
            server.on(hostile.target(digest), guarded(redirect(away, 307)))
        file = AuthFile(
            entries={f"localhost:{server.port}": Credentials(login=Login("robot", "s3cret"))},
            helpers={},
        )
        hostile.must(Logins(files=(file,)))
        assert elsewhere.requests
        assert not [seen for seen in elsewhere.requests if "authorization" in seen.headers]
        # What a redirected manifest is asked for as still stands: some registries need it.
        assert OCI_INDEX in elsewhere.requests[0].headers["accept"]


@pytest.mark.parametrize(
    "head",
    [
        answer(405),
        answer(404),
        ok(b""),
        ok(b"", {"Docker-Content-Digest": "sha256:short"}),
        ok(b"", {"Docker-Content-Digest": "md5:" + "0" * 32}),
    ],
)
def test_a_head_that_says_nothing_is_followed_by_a_get(hostile: Hostile, head: Behaviour) -> None:
    data = hostile.blobs.data[hostile.image["digest"]]
    target = "/v2/app/manifests/v1"
    hostile.server.on(target, head, ok(data, {"Content-Type": OCI_INDEX}))
    (name,) = hostile.lock.images
    with Http(HttpOptions(patience=Patience(attempts=1))) as http:
        assert Registries(http).current(Reference.parse(name)) == Digest.of(data)
    assert [seen.method for seen in hostile.server.seen(target)] == ["HEAD", "GET"]


def test_a_login_that_a_helper_keeps_says_what_to_do(hostile: Hostile) -> None:
    head = {"WWW-Authenticate": 'Basic realm="x"'}
    hostile.server.on(hostile.target(hostile.image["digest"]), answer(401, b"{}", head))
    host = f"localhost:{hostile.server.port}"
    file = AuthFile(entries={}, helpers={host: "secretservice"})
    error = hostile.error(Logins(files=(file,)))
    assert any(
        f"the login for {host} is kept by the program docker-credential-secretservice, "
        "which kutterlock does not run" in line
        for line in error.details
    )
    assert error.hint == (
        f"put it into a file: skopeo login --authfile FILE {host}, "
        "and name the file in REGISTRY_AUTH_FILE"
    )


def test_a_password_goes_to_no_token_server_in_the_clear(hostile: Hostile) -> None:
    head = {"WWW-Authenticate": 'Bearer realm="http://tokens.example/token",service="s"'}
    hostile.server.on(hostile.target(hostile.image["digest"]), answer(401, b"{}", head))
    host = f"localhost:{hostile.server.port}"
    login = Credentials(login=Login("robot", "s3cret"))
    error = hostile.error(Logins(files=(AuthFile(entries={host: login}, helpers={}),)))
    assert any(
        "its token server http://tokens.example is not encrypted" in x for x in error.details
    )


def test_auth_files_are_looked_for_where_the_tools_leave_them(tmp_path: Path) -> None:
    environ = {"HOME": "/h", "XDG_RUNTIME_DIR": "/run/user/1"}
    assert [str(path) for path in auth_file_paths(environ)] == [
        "/run/user/1/containers/auth.json",
        "/h/.config/containers/auth.json",
        "/h/.docker/config.json",
    ]
    (tmp_path / "auth.json").write_text("no")
    with pytest.raises(UsageError, match=r"cannot be read as a registry's auth file: is not JSON$"):
        read_auth_files([tmp_path / "auth.json", tmp_path / "absent"])
