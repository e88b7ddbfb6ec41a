"""What a sandbox's network looks like from inside, and what is wrong with it. Pure.

Sources: proc(5) on /proc/net, the kernel's Documentation/admin-guide/sysctl/net.rst on fallback
tunnels.
"""

import itertools

MARK = "== "
FILES = ("dev", "route", "ipv6_route", "if_inet6", "fib_trie")
LOOK = "; ".join(
    f"echo '{MARK}{name}'; [ ! -e /proc/net/{name} ] || while IFS= read -r line;"
    f' do echo "$line"; done < /proc/net/{name}'
    for name in FILES
)
"""A shell script that prints the tables; only the shell's own commands, so it runs anywhere."""

FALLBACK_TUNNELS = frozenset({
    "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0",
})  # fmt: skip
"""Devices that a loaded tunnel module adds to every new namespace: down, and without a route."""

LOOPBACK6 = "00000000000000000000000000000001"


def faults(printed: str) -> list[str]:
    """Say what in the tables is more than a dead loopback; empty when nothing is."""
    tables = _tables(printed)
    if "lo:" not in printed:
        return ["the list of interfaces could not be read"]
    return [
        *(f"interface {name}" for name in _interfaces(tables["dev"])),
        *(f"a route: {line}" for line in tables["route"][1:]),
        *(f"a route: {line}" for line in tables["ipv6_route"] if line.split()[-1] != "lo"),
        *(f"address {line}" for line in tables["if_inet6"] if line.split()[0] != LOOPBACK6),
        *(f"address {address}" for address in _local_addresses(tables["fib_trie"])),
    ]


def _tables(printed: str) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {name: [] for name in FILES}
    for part in printed.split(MARK)[1:]:
        name, *lines = part.splitlines()
        tables[name] = [line.strip() for line in lines if line.strip()]
    return tables


def _interfaces(lines: list[str]) -> list[str]:
    names = [line.split(":")[0].strip() for line in lines[2:]]
    return [name for name in names if name != "lo" and name not in FALLBACK_TUNNELS]


def _local_addresses(lines: list[str]) -> list[str]:
    """Pick the addresses that the machine answers to: `|-- ADDRESS`, then `/32 host LOCAL`."""
    following = itertools.pairwise(lines)
    found = {at.split()[-1] for at, kind in following if kind == "/32 host LOCAL"}
    return sorted(address for address in found if not address.startswith("127."))
