from kutterlock.adapters.sandbox.network_proof import faults

HEAD = "Inter-| Receive\n face |bytes\n"
DEAD = (
    f"== dev\n{HEAD}    lo: 0 0\n"
    "== route\nIface\tDestination\n"
    "== ipv6_route\n00000000000000000000000000000001 80 00 lo\n"
    "== if_inet6\n00000000000000000000000000000001 01 80 10 80 lo\n"
    "== fib_trie\nMain:\n  |-- 127.0.0.1\n     /32 host LOCAL\n  |-- 127.255.255.255\n"
    "     /32 link BROADCAST\n"
)


def test_a_dead_loopback_is_what_is_wanted() -> None:
    assert faults(DEAD) == []


def test_a_tunnel_that_the_kernel_adds_everywhere_leads_nowhere() -> None:
    assert faults(DEAD.replace("    lo: 0 0\n", "    lo: 0 0\n tunl0: 0 0\n")) == []


def test_anything_more_is_named() -> None:
    live = (
        DEAD.replace("    lo: 0 0\n", "    lo: 0 0\n  eth0: 5 5\n")
        .replace("Destination\n", "Destination\neth0\t00000000\n")
        .replace("80 00 lo\n", "80 00 lo\nfe80 40 00 eth0\n")
        .replace("10 80 lo\n", "10 80 lo\nfe80000000000000 02 40 20 80 eth0\n")
        .replace("  |-- 127.255", "  |-- 192.0.2.9\n     /32 host LOCAL\n  |-- 127.255")
    )
    assert faults(live) == [
        "interface eth0",
        "a route: eth0\t00000000",
        "a route: fe80 40 00 eth0",
        "address fe80000000000000 02 40 20 80 eth0",
        "address 192.0.2.9",
    ]


def test_no_list_is_no_proof() -> None:
    assert faults("== dev\n== route\n") == ["the list of interfaces could not be read"]
    assert faults("") == ["the list of interfaces could not be read"]
