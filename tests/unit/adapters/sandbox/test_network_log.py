import pytest

from kutterlock.adapters.sandbox.network_log import attempt_in


@pytest.mark.parametrize(
    ("line", "program", "address"),
    [
        (b"curl: (6) Could not resolve host: example.org\n", "curl", "example.org"),
        (
            "wget: unable to resolve host address \u2018example.org\u2019\n".encode(),
            "wget",
            "example.org",
        ),
        (b"connect: Network is unreachable\n", "connect", "a network"),
        (
            b"fatal: unable to access 'https://x.org/': Could not resolve host: x.org\n",
            "fatal",
            "x.org",
        ),
        (b"ssh: Could not resolve hostname git.x.org: Name or service not known\n",
         "ssh", "git.x.org"),
        (b"OSError: [Errno -3] Temporary failure in name resolution", "OSError", "a network"),
    ],
)  # fmt: skip
def test_a_complaint_tells_of_an_attempt(line: bytes, program: str, address: str) -> None:
    attempt = attempt_in(line)
    assert attempt is not None
    assert (attempt.program, attempt.address, attempt.how_known) == (program, address, "log")
    assert attempt.command == line.decode().strip()


@pytest.mark.parametrize(
    "line", [b"  CC  net/unreach.o\n", b"checking for gethostbyname\n", b"\xff"]
)
def test_other_lines_do_not(line: bytes) -> None:
    assert attempt_in(line) is None
