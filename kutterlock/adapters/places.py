"""Where the user's configuration stands. Apart from who reads it, which takes longer to import."""

from collections.abc import Mapping
from pathlib import Path


def settings_path(environ: Mapping[str, str]) -> Path:
    """Return where the configuration stands: KUTTER_CONFIG, else by the XDG base directories."""
    if environ.get("KUTTER_CONFIG"):
        return Path(environ["KUTTER_CONFIG"])
    home = Path(environ.get("HOME", "/"))
    base = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return base / "kutter" / "config.toml"
