"""Checksum files in every shape, and every reason to refuse one."""

import pytest

from kutterlock.model.checksums import LARGEST, parse_checksums
from kutterlock.model.digest import Digest

A = "a" * 64
B = "b" * 64
LONG = "c" * 128

KUBERNETES = f"{A}  bin/linux/amd64/kubeadm\n{B}  bin/linux/arm64/kubeadm"
BUILDROOT = f"""\
buildroot-2026.02.3.tar.xz released Tue Jun 16 21:01:40 UTC 2026

SHA1: {"1" * 40}  buildroot-2026.02.3.tar.xz
SHA256: {A}  buildroot-2026.02.3.tar.xz
"""


@pytest.mark.parametrize(
    ("text", "name", "algorithm", "expected"),
    [
        pytest.param(A, "anything", "sha256", A, id="dl.k8s.io: hex alone"),
        pytest.param(A.upper() + "\r\n", "x", "sha256", A, id="hex alone, upper case"),
        pytest.param(LONG, "x", "sha512", LONG, id="hex alone, sha512"),
        pytest.param(KUBERNETES, "bin/linux/arm64/kubeadm", "sha256", B, id="no final newline"),
        pytest.param(f"{A}  x.tgz\n", "x.tgz", "sha256", A, id="coreutils"),
        pytest.param(f"{A} *x.tgz\n", "x.tgz", "sha256", A, id="coreutils, binary"),
        pytest.param(f"{A}  ./x.tgz\r\n", "x.tgz", "sha256", A, id="leading ./ and CRLF"),
        pytest.param(f"{A}  a name\n", "a name", "sha256", A, id="blank in the name"),
        pytest.param(f"SHA256 (x) = {A}\n", "x", "sha256", A, id="BSD"),
        pytest.param(f"SHA2-256(x)= {A}\n", "x", "sha256", A, id="openssl"),
        pytest.param(f"SHA512 (x) = {LONG}\n", "x", "sha512", LONG, id="BSD sha512"),
        pytest.param(BUILDROOT, "buildroot-2026.02.3.tar.xz", "sha256", A, id="Buildroot"),
        pytest.param(f"{A}  x\n{A}  x\n", "x", "sha256", A, id="said twice alike"),
        pytest.param(f"{A}  x\n{LONG}  x\n", "x", "sha512", LONG, id="two algorithms"),
        pytest.param(f"{'1' * 40}  x\n{A}  x\n", "x", "sha256", A, id="sha1 passed over"),
        pytest.param(f"{A}  x\n# a comment\n\n", "x", "sha256", A, id="prose passed over"),
    ],
)
def test_shapes(text: str, name: str, algorithm: str, expected: str) -> None:
    assert parse_checksums(text).digest(name, algorithm) == Digest(algorithm, expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no checksum in it"),
        ("<html>404</html>", "has no checksum in it"),
        ("abc", "has 3 hex digits, which is neither sha256 nor sha512"),
        ("1" * 40, "has 40 hex digits, which is neither sha256 nor sha512"),
        (f"{'1' * 40}  x\n", "has no checksum in it"),
        (f"{A}  x\n{B}  x\n", f"has two digests for x: sha256:{A} and sha256:{B}"),
        (f"{A}  ./x\n{B}  x\n", f"has two digests for x: sha256:{A} and sha256:{B}"),
        (f"{A}\n{B}\n", "line 1 has a hash, but not in a known shape"),
        (f"x {A}\n", "line 1 has a hash, but not in a known shape"),
        (f"\\{A}  a\\nb\n", "line 1 has a hash, but not in a known shape"),
        (f"{A}   x\n", "line 1 has a hash, but not in a known shape"),
        (f"{A}a  x\n", "line 1 has 65 hex digits, which is no known hash"),
        (f"SHA256 (x) = {A}a\n", "line 1 has 65 hex digits where sha256 has 64"),
        (f"SHA3-256 (x) = {A}\n", "line 1 names an unknown hash algorithm, SHA3-256"),
        (f"CRC: {A}  x\n", "line 1 names an unknown hash algorithm, CRC"),
        (f"{A}  x\x07y\n", "line 1 has a name that cannot be one"),
        (f"{A}  x \n", "line 1 has a name that cannot be one"),
        (f"{A}  ./\n", "line 1 has a name that cannot be one"),
        (
            f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{A}  x\n",
            "is signed: its text is to be taken out by the verifier first",
        ),
        ("a" * (LARGEST + 1), f"is longer than {LARGEST} characters"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- the whole text follows
        parse_checksums(text)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "name", "algorithm"),
    [(A, "x", "sha512"), (f"{A}  x\n", "y", "sha256"), (f"{A}  dir/x\n", "x", "sha256")],
)
def test_absent(text: str, name: str, algorithm: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- the whole text follows
        parse_checksums(text).digest(name, algorithm)
    assert str(caught.value) == f"has no {algorithm} for {name}"
