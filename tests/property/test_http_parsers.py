"""Readers of what strangers send: they answer or refuse with ValueError, and never half."""

import base64
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kutterlock.adapters.process import Finished
from kutterlock.adapters.signing.gpg import judged
from kutterlock.errors import UntrustedError
from kutterlock.model.checksums import parse_checksums
from kutterlock.model.digest import Digest
from kutterlock.model.net.http_rules import (
    next_page,
    parse_content_range,
    parse_length,
    rate_limit_reset,
    retry_after,
)
from kutterlock.model.net.mirrors import places
from kutterlock.model.net.urls import Origin, redacted, redirected, split_url
from kutterlock.model.signing.armor import (
    KEY_BEGIN,
    KEY_END,
    SIGNATURE_BEGIN,
    SIGNATURE_END,
    SIGNED_BEGIN,
    dearmored_keys,
    unwrapped,
)

pytestmark = pytest.mark.property

HEX = st.text("0123456789abcdefABCDEF", min_size=64, max_size=64)
NAMES = st.text(string.ascii_letters + string.digits + "._+~/-", min_size=1, max_size=30).filter(
    lambda name: name.removeprefix("./") != ""
)
LINES = ("{hex}  {name}", "{hex} *{name}", "SHA256 ({name}) = {hex}", "SHA256: {hex}  {name}")
# Text that comes near the real forms, so that more than the first check is met.
NEARLY = st.text("0123456789abcdef \t\n*()=:-SHA256BEGINPGPMESSAGED", max_size=300)


@given(st.dictionaries(NAMES, st.tuples(HEX, st.sampled_from(LINES)), min_size=1, max_size=8))
def test_every_shape_is_read_as_it_was_written(files: dict[str, tuple[str, str]]) -> None:
    bare = {name.removeprefix("./"): name for name in files}
    lines = [files[name][1].format(hex=files[name][0], name=name) for name in bare.values()]
    checksums = parse_checksums("\n".join(lines))
    for short, name in bare.items():
        assert checksums.digest(short) == Digest("sha256", files[name][0].lower())


def refusal(read: Callable[[], object]) -> str | None:
    """Return why `read` refused, None when it did not; only ValueError is a refusal."""
    try:
        read()
    except ValueError as error:
        return str(error)
    return None


@given(st.one_of(st.text(max_size=300), NEARLY))
def test_any_text_is_checksums_or_refused(text: str) -> None:
    reason = refusal(lambda: parse_checksums(text))
    if reason is None:
        checksums = parse_checksums(text)
        assert (checksums.bare is None) != (not checksums.named)
    else:
        assert reason.startswith(("is ", "has ", "line "))


@given(st.one_of(st.text(max_size=300), NEARLY))
def test_any_text_without_a_message_is_refused(text: str) -> None:
    reason = refusal(lambda: unwrapped(text))
    assert reason == "is not exactly one whole clearsigned message"


@given(st.lists(st.text(string.ascii_letters + string.digits + "- .:", max_size=20), max_size=6))
def test_clearsigned_round_trip(lines: list[str]) -> None:
    escaped = ["- " + line if line.startswith("-") else line for line in lines]
    marks = (SIGNED_BEGIN, "Hash: SHA256", "", *escaped, SIGNATURE_BEGIN, "", "iQ==", SIGNATURE_END)
    assert unwrapped("\n".join(marks)) == "".join(f"{line.rstrip()}\n" for line in lines)


@given(st.binary(max_size=200))
def test_armor_round_trip(data: bytes) -> None:
    body = base64.encodebytes(data).decode()
    text = f"{KEY_BEGIN}\n\n{body}{KEY_END}\n"
    assert dearmored_keys(text.encode()) == data


@given(st.binary(max_size=200))
def test_any_keyring_is_read_or_refused(data: bytes) -> None:
    for candidate in (data, KEY_BEGIN.encode() + b"\n" + data + b"\n" + KEY_END.encode()):
        reason = refusal(lambda text=candidate: dearmored_keys(text))  # type: ignore[misc]
        assert reason is None or reason.startswith("the armored keyring is damaged: ")


@given(st.binary(max_size=300), st.integers(0, 3))
def test_no_made_up_status_is_a_signature(output: bytes, status: int) -> None:
    done = Finished(status=status, output=output, errors=b"")
    with pytest.raises(UntrustedError):
        judged(done, frozenset({"A" * 40}), "x")


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_content_ranges_are_never_impossible(first: int, last: int, total: int) -> None:
    found = parse_content_range(f"bytes {first}-{last}/{total}")
    assert (found is not None) == (first <= last < total)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_breaks_its_reader(one: str, other: str) -> None:
    parse_content_range(one)
    length = parse_length(one)
    assert length is None or length >= 0
    wait = retry_after({"retry-after": one, "date": other})
    assert wait is None or wait >= 0
    next_page({"link": one})
    rate_limit_reset({"x-ratelimit-remaining": "0", "x-ratelimit-reset": one})


@given(st.text(max_size=60))
def test_no_url_leads_out_of_a_mirror(rest: str) -> None:
    root = Path("/srv/mirror")
    for mirrors in ({"https://host/": (str(root),)}, {"": (str(root),)}):
        for place in places(f"https://host/{rest}", mirrors, by_name=True)[:-1]:
            assert isinstance(place.where, Path)
            assert root in place.where.parents
            assert ".." not in place.where.parts


@given(st.text(max_size=60))
def test_redirects_lead_to_http_or_nowhere(location: str) -> None:
    try:
        target = redirected("https://host/a/b", location)
    except ValueError:
        return
    assert split_url(target).scheme in {"http", "https"}
    assert "@" not in split_url(target).netloc
    Origin.of(target)


@given(st.text(string.ascii_letters + "@:/?#%", max_size=40))
def test_passwords_are_never_shown(secret: str) -> None:
    shown = redacted(f"https://user:5ecret{secret.replace('/', '').replace('?', '')}@host/path")
    assert "5ecret" not in shown
