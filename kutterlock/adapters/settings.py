"""The user's configuration and the files that it names: tokens and .netrc.

Everything is read when it is asked for: a command that needs no network reads no secret.
"""

from collections.abc import Mapping
from pathlib import Path

from kutterlock.adapters.places import settings_path
from kutterlock.adapters.tomlfile import read_table
from kutterlock.errors import UsageError
from kutterlock.model.net.network import HttpOptions, Login
from kutterlock.model.settings import Settings, parse_settings

LARGEST_TOKEN = 4096


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the configuration; without a file only the environment counts. Raises UsageError."""
    path = settings_path(environ)
    if not path.exists() and not environ.get("KUTTER_CONFIG"):
        return parse_settings({}, path.parent, environ)
    try:
        return parse_settings(read_table(path), path.parent, environ)
    except UsageError as error:
        raise UsageError(
            f"{path} cannot be used",
            details=error.details,
            hint="docs/configuration.md lists every key",
        ) from error


def http_options(
    settings: Settings, *, allowed_hosts: tuple[str, ...] = (), apt: Path | None = None
) -> HttpOptions:
    """Read the secrets that the settings name. `allowed_hosts` restricts further. UsageError.

    `apt` is where apt's configuration stands (default: /etc/apt), read for a mirror of `auto`.
    """
    return HttpOptions(
        mirrors=_mirrors(settings, apt),
        ca_file=settings.ca_file,
        ca_bundle=settings.ca_bundle,
        proxies=settings.proxies,
        logins=read_netrc(settings.netrc) if settings.netrc else {},
        github_token=settings.github_token or _read_token(settings.github_token_file),
        allowed_hosts=allowed_hosts or settings.allowed_hosts,
        patience=settings.patience,
        plain_http=settings.plain_http,
    )


def _mirrors(settings: Settings, apt: Path | None) -> Mapping[str, tuple[str, ...]]:
    found = dict(settings.mirrors)
    if settings.debian_mirror:
        from kutterlock.adapters.apt import CONFIGURATION, debian_mirrors

        for prefix, places in debian_mirrors(settings.debian_mirror, apt or CONFIGURATION).items():
            found[prefix] = (*found.get(prefix, ()), *places)
    return found


def read_netrc(path: Path) -> dict[str, Login]:
    """Return the logins by host. Raises UsageError.

    The `default` entry is left out: a password goes only to a host that is named with it.
    """
    import netrc

    try:
        found = netrc.netrc(str(path)).hosts
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as .netrc: {error}") from error
    return {
        host.lower(): Login(user, password or "")
        for host, (user, _, password) in found.items()
        if host != "default"
    }


def _read_token(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            token = file.read(LARGEST_TOKEN).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"github-token-file {path} cannot be read: {error}") from error
    if not token or not token.isprintable() or " " in token:
        raise UsageError(f"github-token-file {path} does not hold one token")
    return token
