"""Output manifests from elsewhere: two parsers must not read two things."""

import pytest

from kutterlock.errors import KutterError
from kutterlock.model.digest import Digest
from kutterlock.model.output import OutputManifest, parse_output_manifest

GOOD = OutputManifest(
    board="pc", derivation=Digest.of(b""), lock=Digest.of(b"lock"), pure=True, files=()
).to_bytes()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (GOOD[:-20], "the output's manifest.json is not proper JSON: "),
        (b"[]", "the output's manifest.json is not a JSON object"),
        (
            GOOD.replace(b'"board": "pc"', b'"board": "pi",\n "board": "pc"'),
            "the output's manifest.json is not proper JSON: a key stands in it twice",
        ),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(data: bytes, reason: str) -> None:
    assert data != GOOD
    with pytest.raises(KutterError) as caught:
        parse_output_manifest(data)
    assert caught.value.reason.startswith(reason)
