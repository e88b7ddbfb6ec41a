"""The keys that sign Debian's archives: primary fingerprints, pinned.

Source: https://ftp-master.debian.org/keys.html and the package debian-archive-keyring 2025.1. The
keys themselves come from a keyring that the user names; one that is not listed here counts for
nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

DEBIAN_ARCHIVE_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "1F89983E0081FDE018F3CC9673A4F27B8DD47936": "archive, 11/bullseye",
        "AC530D520F2F3269F5E98313A48449044AAD5C5D": "security archive, 11/bullseye",
        "A4285295FC7B1A81600062A9605C66F00D6C9793": "stable release, 11/bullseye",
        "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8": "archive, 12/bookworm",
        "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0": "security archive, 12/bookworm",
        "4D64FEC119C2029067D6E791F8D2585B8783D481": "stable release, 12/bookworm",
        "04B54C3CDCA79751B16BC6B5225629DF75B188BD": "archive, 13/trixie",
        "5E04A1E3223A19A20706E20F9904613D4CCE68C6": "security archive, 13/trixie",
        "41587F7DB8C774BCCF131416762F67A0B2C39DE4": "stable release, 13/trixie",
    }
)
