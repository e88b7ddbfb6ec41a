from pathlib import Path

import pytest

from kutterlock.errors import UsageError
from kutterlock.trust.signatures import LARGEST_DOCUMENT, read_document


def test_a_file_too_large_to_be_held_in_memory_is_not_signed_itself(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(LARGEST_DOCUMENT + 1)
    with pytest.raises(UsageError) as caught:
        read_document(path)
    assert caught.value.reason == (
        f"{path} is larger than {LARGEST_DOCUMENT} bytes: too large to be signed itself"
    )
    assert caught.value.hint == "sign a file with its digest, as sha256sum prints it"
