from pathlib import Path
from typing import Any

import pytest
import tomli

from kutterlock.adapters.tomlfile import lock_bytes, read_lock, write_lock
from kutterlock.errors import LockError
from kutterlock.model.lock import LOCK_VERSION
from kutterlock.model.lock_format import UPGRADES, lock_to_dict, parse_lock
from tests.support import samples


def tables() -> dict[str, Any]:
    return lock_to_dict(samples.lock())


def faults(data: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(LockError) as caught:
        parse_lock(data)
    return caught.value.details


def test_a_round_trip_through_the_file_gives_the_same_lock_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "kutter.lock"
    write_lock(path, samples.lock())
    assert read_lock(path) == samples.lock()
    assert lock_bytes(read_lock(path)) == path.read_bytes()


def test_the_file_is_toml_with_a_header_and_a_final_newline() -> None:
    data = lock_bytes(samples.lock()).decode()
    assert data.startswith("# kutter.lock: every byte that goes into every board, by digest.")
    assert data.endswith("\n")
    assert tomli.loads(data)["sources"]["hello/hello-1.0.tar.gz"]["trust"] == "checksum"


@pytest.mark.parametrize(
    ("key", "thing"), [("lock-version", "format"), ("recipe-version", "recipe")]
)
def test_an_unknown_version_is_refused(key: str, thing: str) -> None:
    data = tables() | {key: 99}
    with pytest.raises(LockError) as caught:
        parse_lock(data)
    assert caught.value.reason == (f"kutter.lock has {thing} version 99; this kutterlock reads 1")


def test_a_path_that_leaves_the_download_directory_is_refused() -> None:
    data = tables()
    data["sources"]["hello/hello-1.0.tar.gz"]["path"] = "../../etc/passwd"
    assert faults(data) == (
        "sources.\"hello/hello-1.0.tar.gz\".path: path '../../etc/passwd' "
        "leaves its directory with '..'",
    )


def test_two_sources_of_one_board_cannot_claim_one_path() -> None:
    data = tables()
    twin = data["sources"]["hello/hello-1.0.tar.gz"] | {"path": "hello/hello-1.0.tar.gz"}
    data["sources"]["hello/hello-1.0.tar.gz#0123"] = twin
    data["boards"]["pc"]["sources"].append("hello/hello-1.0.tar.gz#0123")
    assert faults(data) == (
        "boards.pc.sources: two sources claim the path 'hello/hello-1.0.tar.gz'",
    )


def test_every_name_must_lead_somewhere() -> None:
    data = tables()
    data["buildroot"] = "other.tar.gz"
    data["boards"]["pc"]["sources"] = ["nowhere"]
    data["boards"]["pc"]["images"] = ["nobody"]
    data["environment"]["packages"]["make"]["archive"] = "elsewhere"
    assert faults(data) == (
        "buildroot: names source 'other.tar.gz', which is not in [sources]",
        "boards.pc.sources: names 'nowhere', which is not in [sources]",
        "boards.pc.images: names 'nobody', which is not in [images]",
        "environment.packages: make is of archive 'elsewhere', which has no URL",
    )


def test_hand_edits_are_named_all_at_once() -> None:
    data = tables()
    data["sources"]["hello/hello-1.0.tar.gz"]["digest"] = "sha256:1"
    data["sources"]["hello/hello-1.0.tar.gz"]["trust"] = "sure"
    data["surprise"] = 1
    assert faults(data) == (
        "sources.\"hello/hello-1.0.tar.gz\".digest: '1' is not 64 lower-case hex digits",
        "sources.\"hello/hello-1.0.tar.gz\".trust: 'sure' is not one of first-use, catalog, "
        "checksum, pgp",
        "surprise: unknown key",
    )


def test_no_name_leads_out_of_the_directory_that_it_is_used_in() -> None:
    data = tables()
    data["boards"]["../../pc"] = data["boards"]["pc"]
    data["boards"]["pc"] = {**data["boards"]["pc"], "defconfig": "../../etc/passwd"}
    data["overrides"]["../x"] = data["overrides"]["hello"]
    data["sources"]["hello/hello-1.0.tar.gz"]["packages"] = ["../../hello"]
    data["sources"]["../x"] = data["sources"]["hello/hello-1.0.tar.gz"]
    allowed = "is not a name: letters, digits and . _ + - are allowed, a letter or digit first"
    assert faults(data) == (
        f"overrides.\"../x\": '../x' {allowed}",
        "boards.pc.defconfig: path '../../etc/passwd' leaves its directory with '..'",
        f"boards.\"../../pc\": '../../pc' {allowed}",
        f"sources.\"hello/hello-1.0.tar.gz\".packages: '../../hello' {allowed}",
        "sources.\"../x\".path: path '../x' leaves its directory with '..'",
        f"sources.\"../x\".packages: '../../hello' {allowed}",
    )


def test_duplicate_pins_are_a_syntax_error(tmp_path: Path) -> None:
    path = tmp_path / "kutter.lock"
    write_lock(path, samples.lock())
    text = path.read_text()
    path.write_text(text + '\n[inputs.buildroot]\nversion = "1"\n')
    with pytest.raises(LockError) as caught:
        read_lock(path)
    assert caught.value.reason.startswith(f"{path} is not TOML: Cannot declare ('inputs', ")


def test_a_board_that_is_not_covered_is_refused() -> None:
    with pytest.raises(LockError) as caught:
        samples.lock().board("rpi")
    assert caught.value.reason == "kutter.lock does not cover board 'rpi'"
    assert caught.value.details == ("it covers pc",)


KEPT = Path(__file__).parents[2] / "data/locks"


@pytest.mark.parametrize(
    "path", sorted(KEPT.glob("v*/*.lock")), ids=lambda path: str(path.relative_to(KEPT))
)
def test_every_format_that_was_ever_released_is_read(path: Path) -> None:
    lock = read_lock(path)
    assert lock.version == LOCK_VERSION
    assert lock.boards


def test_there_is_a_kept_lock_and_a_way_up_for_every_version() -> None:
    versions = sorted(int(path.name.removeprefix("v")) for path in KEPT.glob("v*"))
    assert versions == list(range(1, LOCK_VERSION + 1))
    assert sorted(UPGRADES) == versions[:-1]
