"""Which images kubeadm asks for besides those of its own version: kubeadm's constants of a tag.

Source: cmd/kubeadm/app/constants/constants.go, and images.go beside it, which reads them so: etcd's
tag is that of the minor's row in SupportedEtcdVersion. DefaultEtcdVersion is what kubeadm falls
back to, and has been another one (1.32 said 3.5.16-0 there, and took 3.5.24-0).
"""

import re
from collections.abc import Mapping

from kutterlock.adapters.http.client import Http
from kutterlock.errors import HashMismatchError, NetworkError
from kutterlock.model.version import UpstreamVersion

URL = (
    "https://raw.githubusercontent.com/kubernetes/kubernetes/v{version}"
    "/cmd/kubeadm/app/constants/constants.go"
)
LARGEST = 1 << 20
"""The file has 35 kB; in bytes."""

_TAG = r'"(v?\d{1,4}(?:\.\d{1,4}){1,2}(?:-\d{1,4})?)"'
_COREDNS = re.compile(rf"^[ \t]*CoreDNSVersion[ \t]*=[ \t]*{_TAG}[ \t]*$", re.MULTILINE)
_PAUSE = re.compile(rf"^[ \t]*PauseVersion[ \t]*=[ \t]*{_TAG}[ \t]*$", re.MULTILINE)
_ETCD = re.compile(
    r"^[ \t]*SupportedEtcdVersion[ \t]*=[ \t]*map\[uint8\]string\{([^}]{0,4096})\}", re.MULTILINE
)
_ROW = re.compile(rf"^[ \t]*(\d{{1,3}}):[ \t]*{_TAG},[ \t]*$", re.MULTILINE)


def image_facts(
    version: UpstreamVersion, known: Mapping[str, str], http: Http
) -> Mapping[str, str]:
    """Return the tags of coredns, etcd and pause; as they were `known` where the tag has no file.

    Raises NetworkError for what are no such constants, HashMismatchError when they are not those
    that were known before: a tag does not move.
    """
    url = URL.format(version=version)
    response = http.get_bytes(url, limit=LARGEST, missing_ok=True)
    if response.status != 200:
        return known
    minor = version.series.partition(".")[2]
    found = read_constants(response.body.decode("utf-8", "replace"), minor, url)
    for name, tag in found.items():
        if known.get(name, tag) != tag:
            raise HashMismatchError(
                f"two tags are claimed for the {name} of kubeadm {version}",
                details=[f"catalog: {known[name]}", f"update:  {tag} ({url})"],
                hint="trust neither before you know why: the tag may have been moved upstream",
            )
    return {**known, **found}


def read_constants(text: str, minor: str, what: str) -> dict[str, str]:
    """Read the three tags for kubeadm of a minor. Raises NetworkError naming `what`."""
    table = _ETCD.search(text)
    rows = dict(_ROW.findall(table[1])) if table else {}
    found = {
        "coredns": _only(_COREDNS, text),
        "etcd": rows.get(minor),
        "pause": _only(_PAUSE, text),
    }
    tags = {name: tag for name, tag in found.items() if tag}
    if missing := sorted(found.keys() - tags.keys()):
        raise NetworkError(f"{what} does not say which {', '.join(missing)} kubeadm takes")
    return tags


def _only(pattern: re.Pattern[str], text: str) -> str | None:
    found = set(pattern.findall(text))
    return found.pop() if len(found) == 1 else None
