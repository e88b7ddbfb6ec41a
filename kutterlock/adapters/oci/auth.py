"""Logging in to registries: Basic and Bearer, tokens kept until they run out.

Credentials come from the auth files of docker and containers, else from .netrc; a password goes to
the registry it is for, and to the token server which that registry names, over https or loopback.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kutterlock.adapters.http.answer import NO_HEADERS, FailedAttempt, Headers, Response
from kutterlock.errors import KutterError, UsageError
from kutterlock.model.net.network import NO_LOGINS, Login
from kutterlock.model.net.urls import Origin, redacted
from kutterlock.model.oci.registry import (
    AuthFile,
    Challenge,
    Credentials,
    credentials_for,
    parse_auth_file,
    parse_challenges,
    parse_token,
    refresh_form,
    token_query,
)

LARGEST_AUTH_FILE = 1 << 20
LARGEST_TOKEN_ANSWER = 256 << 10
PULL = "pull"
PUSH = "pull,push"


class Asker(Protocol):
    """What tokens need of `kutterlock.adapters.http.client.Http`."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Headers = NO_HEADERS,
        content: bytes | None = None,
        limit: int = LARGEST_TOKEN_ANSWER,
    ) -> Response:
        """Send one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """Where credentials may come from: auth files, the first one first, then .netrc."""

    files: tuple[AuthFile, ...] = ()
    netrc: Mapping[str, Login] = field(default_factory=lambda: NO_LOGINS, repr=False)

    def find(self, origin: Origin, repository: str) -> Credentials | None:
        """Return the credentials for a registry. Raises FailedAttempt where a helper has them."""
        host = origin.location
        found = credentials_for(self.files, host, repository)
        if isinstance(found, str):
            raise FailedAttempt(
                f"the login for {host} is kept by the program docker-credential-{found}, "
                "which kutterlock does not run",
                hint=f"put it into a file: skopeo login --authfile FILE {host}, "
                "and name the file in REGISTRY_AUTH_FILE",
            )
        login = self.netrc.get(origin.host)
        return found or (Credentials(login=login) if login else None)


class Wallet:
    """Tokens and passwords of one run, shared by all threads."""

    def __init__(
        self, http: Asker, logins: Logins, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` counts seconds; only differences matter."""
        self._http = http
        self._logins = logins
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[tuple[Origin, str, str], tuple[str, float]] = {}

    def get(self, origin: Origin, repository: str, actions: str) -> str:
        """Return the `Authorization` value to send, '' where none is known or it ran out."""
        value, until = self._held.get((origin, repository, actions), ("", 0.0))
        return value if self._clock() < until else ""

    def renew(
        self, origin: Origin, repository: str, actions: str, *, header: str, refused: str
    ) -> bool:
        """Answer a challenge; `refused` is what was sent. False: there is nothing new to try."""
        with self._lock:
            if self.get(origin, repository, actions) not in ("", refused):
                return True  # another thread was quicker
            scope = f"repository:{repository}:{actions}" if repository else ""
            for challenge in parse_challenges(header):
                if answer := self._answer(origin, repository, challenge, scope):
                    value, life = answer
                    held = (value, self._clock() + life)
                    self._held[origin, repository, actions] = held
                    return value != refused
        return False

    def _answer(
        self, origin: Origin, repository: str, challenge: Challenge, scope: str
    ) -> tuple[str, float] | None:
        if challenge.scheme == "basic":
            found = self._logins.find(origin, repository)
            return (found.login.header, float("inf")) if found and found.login else None
        if challenge.scheme != "bearer":
            return None
        # A mirror may keep the repository under a longer name, and mounting a blob concerns a
        # second repository: what the registry asks for counts, besides what is to be done.
        wanted = challenge.scope
        if not wanted or (scope.endswith(PUSH) and scope not in wanted.split(" ")):
            wanted = f"{scope} {wanted}".strip()
        return self._token(origin, challenge, wanted, self._logins.find(origin, repository))

    def _token(
        self, origin: Origin, challenge: Challenge, scope: str, credentials: Credentials | None
    ) -> tuple[str, float]:
        realm = redacted(challenge.realm)
        try:
            self._require_private(origin, challenge, credentials)
            if credentials and credentials.identity_token:
                form = refresh_form(challenge, scope, credentials.identity_token)
                kind = {"content-type": "application/x-www-form-urlencoded"}
                answer = self._http.request("POST", challenge.realm, headers=kind, content=form)
            else:
                login = credentials.login if credentials else None
                headers = {"authorization": login.header} if login else {}
                url = token_query(challenge, scope)
                answer = self._http.request("GET", url, headers=headers)
            if answer.status != 200:
                raise _refusal(origin, realm, answer.status)
            token = parse_token(answer.body)
        except KutterError as error:
            cause = "; ".join([error.reason, *error.details])
            raise FailedAttempt(cause, hint=error.hint, error=type(error)) from error
        except ValueError as error:
            raise FailedAttempt(f"the answer of its token server {realm} {error}") from error
        return f"Bearer {token.text}", token.life

    @staticmethod
    def _require_private(
        origin: Origin, challenge: Challenge, credentials: Credentials | None
    ) -> None:
        server = Origin.of(challenge.realm)
        if credentials and server.scheme != "https" and not server.is_loopback:
            raise FailedAttempt(
                f"its token server {server} is not encrypted: {origin} would give a password away"
            )


@dataclass(frozen=True, slots=True)
class RegistryAuth:
    """The `Authenticator` of calls about one repository, for pulling or pushing."""

    wallet: Wallet
    repository: str
    actions: str = PULL
    _sent: threading.local = field(default_factory=threading.local)

    def headers(self, url: str) -> Headers:
        """Send what is known to work."""
        value = self.wallet.get(Origin.of(url), self.repository, self.actions)
        self._sent.value = value
        return {"authorization": value} if value else {}

    def challenged(self, url: str, headers: Headers) -> bool:
        """Get what the registry asks for. Raises FailedAttempt."""
        return self.wallet.renew(
            Origin.of(url),
            self.repository,
            self.actions,
            header=headers.get("www-authenticate", ""),
            refused=getattr(self._sent, "value", ""),
        )


def auth_file_paths(environ: Mapping[str, str]) -> list[Path]:
    """Return where the auth files are looked for, in the order of containers-auth.json(5)."""
    if environ.get("REGISTRY_AUTH_FILE"):
        return [Path(environ["REGISTRY_AUTH_FILE"])]
    home = Path(environ.get("HOME", "/"))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    docker = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    runtime = environ.get("XDG_RUNTIME_DIR")
    found = [Path(runtime) / "containers/auth.json"] if runtime else []
    return [*found, config / "containers/auth.json", docker / "config.json"]


def read_auth_files(paths: Sequence[Path]) -> tuple[AuthFile, ...]:
    """Read those that are there. Raises UsageError naming one that cannot be read."""
    return tuple(_read(path) for path in paths if path.exists())


def _read(path: Path) -> AuthFile:
    try:
        with path.open("rb") as file:
            return parse_auth_file(file.read(LARGEST_AUTH_FILE))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read as a registry's auth file: {error}",
            hint="make it anew with `skopeo login`, or name another in REGISTRY_AUTH_FILE",
        ) from error


def _refusal(origin: Origin, realm: str, status: int) -> FailedAttempt:
    return FailedAttempt(
        f"its token server {realm} answered {status}",
        hint=f"log in first: skopeo login {origin.location}" if status in (401, 403) else "",
    )
