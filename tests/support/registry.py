"""Debian's docker-registry, as a test needs it: open, with passwords, with tokens, with TLS.

with Registry(tmp_path) as registry:
    registry.push_layout(layout, "v1", "pause:v1")
    ... registry.host ...
"""

import base64
import contextlib
import http.server
import json
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.support.programs import Running, free_port, listens, program, run, running, serving

USER, PASSWORD = "robot", "s3cret"
PASSWORD_BCRYPT = "robot:$2b$05$ldCOGI28.2ws5dTvDTkMVOpcSI1sRZrAwYnFLrrDt55L8bNVsazlu"
ISSUER = "test-issuer"


@dataclass
class Registry(Running):
    """A registry on loopback with an empty store in `directory`."""

    directory: Path
    auth: str = ""
    tls: Path | None = None
    issuer: "TokenIssuer | None" = None
    port: int = field(default_factory=free_port)

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def log(self) -> str:
        return (self.directory / "registry.log").read_text()

    @property
    def storage(self) -> Path:
        return self.directory / "storage"

    def start(self, stack: contextlib.ExitStack) -> None:
        found = program("docker-registry")
        self.storage.mkdir(parents=True)
        (self.directory / "config.yml").write_text(json.dumps(self._configuration()))
        argv = [found, "serve", str(self.directory / "config.yml")]
        log = self.directory / "registry.log"
        stack.enter_context(running(argv, log, lambda: listens(self.port)))

    def push_layout(self, layout: Path, tag: str, name: str, *, docker: bool = False) -> None:
        """Send an image with skopeo, all platforms; with `docker` as Docker's schema 2."""
        form = "--format=v2s2" if docker else "--preserve-digests"
        run("skopeo", "copy", "--insecure-policy", "--all", form, "--quiet",
            *self._skopeo("dest"), f"oci:{layout}:{tag}", f"docker://{self.host}/{name}"
        )  # fmt: skip

    def digest(self, name: str) -> str:
        """Return the digest of what a name stands for, as skopeo sees it."""
        from kutterlock.model.digest import Digest

        done = run("skopeo", "inspect", "--raw", *self._skopeo(""), f"docker://{self.host}/{name}")
        return str(Digest.of(done.stdout.encode()))

    def snapshot(self) -> dict[str, bytes]:
        """Return every file of the registry's storage, uploads that never ended left out."""
        return {
            str(path.relative_to(self.storage)): path.read_bytes()
            for path in sorted(self.storage.rglob("*"))
            if path.is_file() and "_uploads" not in path.parts
        }

    def _skopeo(self, side: str) -> list[str]:
        prefix = f"--{side}-" if side else "--"
        login = [f"{prefix}creds={USER}:{PASSWORD}"] if self.auth else []
        return [f"{prefix}tls-verify=false", *login]

    def _configuration(self) -> dict[str, Any]:
        http: dict[str, Any] = {"addr": f"127.0.0.1:{self.port}"}
        if self.tls:
            http["tls"] = {
                "certificate": str(self.tls / "server.pem"),
                "key": str(self.tls / "server.pem"),
            }
        configuration = {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}},
            "http": http,
        }
        if self.auth == "htpasswd":
            (self.directory / "htpasswd").write_text(PASSWORD_BCRYPT + "\n")
            path = str(self.directory / "htpasswd")
            configuration["auth"] = {"htpasswd": {"realm": "test", "path": path}}
        if self.auth == "token":
            assert self.issuer is not None
            configuration["auth"] = {
                "token": {
                    "realm": self.issuer.url,
                    "service": "registry.test",
                    "issuer": ISSUER,
                    "rootcertbundle": str(self.issuer.bundle),
                }
            }
        return configuration


class TokenIssuer(Running):
    """Issues ES256 tokens for whatever scope is asked, to whoever has the password."""

    def __init__(self, directory: Path, *, anonymous_pull: bool = False, life: int = 300) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.bundle = directory / "issuer.pem"
        self.asked: list[str] = []
        self.authorized: list[str] = []
        self.life = life
        self._anonymous = anonymous_pull
        self._key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(self._key)
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self._x5c = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def start(self, stack: contextlib.ExitStack) -> None:
        stack.enter_context(serving(self._server))

    def token(self, scopes: Sequence[str]) -> str:
        now = int(time.time())
        access = [
            {"type": kind, "name": name, "actions": actions.split(",")}
            for kind, name, actions in (scope.rsplit(":", 2) for scope in scopes)
        ]
        head = {"typ": "JWT", "alg": "ES256", "x5c": [self._x5c]}
        claims = {"iss": ISSUER, "sub": USER, "aud": "registry.test", "exp": now + self.life,
                  "nbf": now - 10, "iat": now, "jti": "1", "access": access}  # fmt: skip
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                scopes = [part for text in query.get("scope", []) for part in text.split()]
                login = self.headers.get("Authorization", "")
                issuer.asked += scopes
                issuer.authorized.append(login)
                expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                pulls = all(scope.endswith(":pull") for scope in scopes)
                allowed = login == f"Basic {expected}" or (issuer._anonymous and pulls)
                answer = {"token": issuer.token(scopes), "expires_in": issuer.life}
                body = json.dumps(answer if allowed else {"details": "no"}).encode()
                self.send_response(200 if allowed else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


def auth_file(directory: Path, host: str) -> Path:
    """Write the auth file of a login with the test's password."""
    path = directory / "auth.json"
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    path.write_text(json.dumps({"auths": {host: {"auth": login}}}))
    return path


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    import datetime

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ISSUER)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start.replace(year=2120))
        .sign(key, hashes.SHA256())
    )
