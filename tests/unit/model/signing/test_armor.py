"""Taking OpenPGP's text wrappings off."""

import base64

import pytest

from kutterlock.model.signing.armor import dearmored_keys, is_clearsigned, unwrapped

SIGNED = """\
before
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

one
- -----dashes
- - two  \t
-----BEGIN PGP SIGNATURE-----

iQEz
-----END PGP SIGNATURE-----
after
"""
DATA = b"\x99\x01\x0d\x04"
BLOCK = """\
-----BEGIN PGP PUBLIC KEY BLOCK-----
{headers}
{body}
{check}-----END PGP PUBLIC KEY BLOCK-----
"""


def armored(data: bytes, check: str = "", headers: str = "Version: 1\n") -> str:
    return BLOCK.format(headers=headers, body=base64.b64encode(data).decode(), check=check)


def test_unwrapping_drops_what_is_outside() -> None:
    assert unwrapped(SIGNED) == "one\n-----dashes\n- two\n"
    assert is_clearsigned(SIGNED)
    assert not is_clearsigned("plain")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("plain", "is not exactly one whole clearsigned message"),
        (SIGNED * 2, "is not exactly one whole clearsigned message"),
        (
            SIGNED.replace("-----END PGP SIGNATURE-----", ""),
            "is not exactly one whole clearsigned message",
        ),
        (
            "-----BEGIN PGP SIGNED MESSAGE-----\n-----BEGIN PGP SIGNATURE-----\n"
            "-----END PGP SIGNATURE-----\n",
            "is a clearsigned message out of order",
        ),
    ],
)
def test_half_a_message(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- the whole text follows
        unwrapped(text)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        armored(DATA).encode(),
        armored(DATA, check="=pFdJ\n").encode(),
        armored(DATA, headers="").replace("\n", "\r\n").encode(),
        b"prose\n" + armored(DATA[:2]).encode() + b"prose\n" + armored(DATA[2:]).encode(),
    ],
)
def test_keyrings(data: bytes) -> None:
    assert dearmored_keys(data) == DATA


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (armored(DATA, check="=AAAA\n"), "its checksum is wrong"),
        (armored(DATA).replace("-----END", "----"), "a block has no end"),
        (armored(DATA).replace("mQ", "m-"), "Only base64 data is allowed"),
        (armored(DATA).replace("1\n\n", "1\n"), "no blank line after its headers"),
    ],
)
def test_damaged_keyrings(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- the whole text follows
        dearmored_keys(text.encode())
    assert str(caught.value) == f"the armored keyring is damaged: {reason}"
