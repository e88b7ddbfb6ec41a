"""What registries and logins say, read strictly: challenges, tokens, and auth files.

Sources: RFC 9110 11.6.1 (challenges); distribution `docs/content/spec/auth/token.md` and `oauth.md`
(tokens); containers `containers-auth.json(5)` and docker's `config.json` (auth files). Pure.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from kutterlock.model.net.network import Login
from kutterlock.model.oci.reference import DOCKER_HUB, DOCKER_HUB_HOST

SHORTEST_LIFE = 60.0
"""How long a token lives when its issuer does not say, in seconds (token.md)."""

LONGEST_LIFE = 3600.0
CLIENT = "kutterlock"

_CHALLENGE = re.compile(r"\s*([A-Za-z]+)\s+")
_PARAMETER = re.compile(r'\s*([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|\Z)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a 401 asks for: `scheme` in lower case, and the parameters that matter here."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A Bearer token and how many seconds to use it: a little less than it lives."""

    text: str = field(repr=False)
    life: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a login left behind for one registry: a password, or a token that buys tokens."""

    login: Login | None = None
    identity_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthFile:
    """One auth file; keys are registries, with or without a path below them."""

    entries: Mapping[str, Credentials] = field(repr=False)
    helpers: Mapping[str, str]
    helper_of_all: str = ""


def parse_challenges(header: str) -> Iterator[Challenge]:
    """Read a `WWW-Authenticate` field; what cannot be read ends it."""
    position = 0
    while match := _CHALLENGE.match(header, position):
        position = match.end()
        found: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            position = parameter.end()
            quoted = re.sub(r"\\(.)", r"\1", parameter[2] or "")
            found.setdefault(parameter[1].lower(), quoted or parameter[3] or "")
        known = {key: found.get(key, "") for key in ("realm", "service", "scope", "error")}
        yield Challenge(scheme=match[1].lower(), **known)


def token_query(challenge: Challenge, scope: str) -> str:
    """Return the URL to ask for a token for `scope`."""
    query = [("service", challenge.service)] if challenge.service else []
    query += [("scope", part) for part in (scope or challenge.scope).split(" ") if part]
    joint = "&" if "?" in challenge.realm else "?"
    return challenge.realm + (joint + urlencode(query) if query else "")


def refresh_form(challenge: Challenge, scope: str, identity_token: str) -> bytes:
    """Return the form that buys a token with an identity token (oauth.md)."""
    return urlencode(
        {
            "grant_type": "refresh_token",
            "service": challenge.service,
            "client_id": CLIENT,
            "scope": scope or challenge.scope,
            "refresh_token": identity_token,
        }
    ).encode()


def parse_token(data: bytes) -> Token:
    """Read a token server's answer. Raises ValueError."""
    document = _json(data)
    text = document.get("token") or document.get("access_token")
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds no token")
    stated = document.get("expires_in")
    life = SHORTEST_LIFE
    if isinstance(stated, int | float) and stated > 0:
        life = min(float(stated), LONGEST_LIFE)
    return Token(text=text, life=life - min(10.0, life / 4))


def parse_auth_file(data: bytes) -> AuthFile:
    """Read an auth file of docker or containers. Raises ValueError; never shows what it holds."""
    document = _json(data)
    auths, helpers = document.get("auths") or {}, document.get("credHelpers") or {}
    store = document.get("credsStore") or ""
    if not isinstance(auths, dict) or not isinstance(helpers, dict) or not isinstance(store, str):
        raise ValueError("has a key of the wrong type")  # noqa: TRY004 -- a document's
    entries = {_normal(key): _credentials(key, value) for key, value in auths.items()}
    return AuthFile(
        entries={key: value for key, value in entries.items() if value},
        helpers={_normal(key): str(value) for key, value in helpers.items()},
        helper_of_all=store,
    )


def credentials_for(
    files: Iterable[AuthFile], registry: str, repository: str
) -> Credentials | str | None:
    """Return the credentials of the most exact key, the first file first.

    A text is the name of the helper program that has them instead.
    """
    for file in files:
        for name in _names(registry, repository):
            if name in file.entries:
                return file.entries[name]
            if name in file.helpers:
                return file.helpers[name]
        if file.helper_of_all:
            return file.helper_of_all
    return None


def _names(registry: str, repository: str) -> Iterator[str]:
    host = DOCKER_HUB if registry == DOCKER_HUB_HOST else registry
    parts = [host, *repository.split("/")] if repository else [host]
    for end in range(len(parts), 0, -1):
        yield "/".join(parts[:end])


def _normal(key: str) -> str:
    bare = key.partition("://")[2] or key
    host, _, path = bare.partition("/")
    path = path.strip("/")
    host = DOCKER_HUB if host in ("index.docker.io", DOCKER_HUB_HOST) else host.lower()
    return host if path in ("", "v1", "v2") else f"{host}/{path}"


def _credentials(key: str, value: object) -> Credentials | None:
    if not isinstance(value, dict):
        raise ValueError(f"the entry of {key} is not an object")  # noqa: TRY004 -- a document's
    token = value.get("identitytoken") or ""
    if token:
        return Credentials(identity_token=str(token))
    if value.get("auth"):
        return Credentials(login=_login(key, str(value["auth"])))
    if value.get("username"):
        return Credentials(login=Login(str(value["username"]), str(value.get("password") or "")))
    return None


def _login(key: str, text: str) -> Login:
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"the auth of {key} is not base64 of user:password") from error
    if not colon:
        raise ValueError(f"the auth of {key} is not base64 of user:password")
    return Login(user, password.rstrip("\0"))


def _json(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    if not isinstance(document, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 -- of the document, not ours
    return document
