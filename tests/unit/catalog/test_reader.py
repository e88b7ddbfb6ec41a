"""Reading data files: templates, unknown hashes, laziness, updates, contradictions."""

import datetime
import os
from pathlib import Path

import pytest

from kutterlock.catalog.reader import Catalog, load_catalog
from kutterlock.catalog.types import (
    CatalogImage,
    FactSource,
    Release,
    ReleaseFile,
    Support,
    last_day,
)
from kutterlock.catalog.updates import Findings, SupportNews, updated_files
from kutterlock.errors import HashMismatchError, KutterError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Trust
from kutterlock.model.version import UpstreamVersion

ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)
RUNC = f"""\
[files.binary]
name = "runc-{{version}}.{{arch}}"
url = "https://example.org/v{{major}}/{{version}}/runc.{{arch}}"
kind = "binary"
arches = ["amd64", "arm64"]

[support]
called = "minor"
repository = "github.com/example/runc"
path = "RELEASES.md"

[series]
"1.4" = {{ end-of-life = "2027-02" }}

[releases."1.4.3"]
released = 2026-06-13
binary = {{ amd64 = "{ONE}", arm64 = "unknown" }}
sizes = {{ binary = 10 }}
facts = {{ go = "1.26" }}
from = ["example@0123456789ab"]
"""
IMAGES = f"""\
[images]
"example.org/a:1" = {{ digest = "sha256:{ONE}", from = ["example"], also-seen = ["sha256:{TWO}"] }}
"example.org/b:1" = {{ digest = "unknown" }}
"""


@pytest.fixture
def small(tmp_path: Path) -> Catalog:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "catalog.toml").write_text("date = 2026-08-22\n")
    (shipped / "runc.toml").write_text(RUNC)
    (shipped / "images.toml").write_text(IMAGES)
    return load_catalog(shipped, tmp_path / "updates")


def write(catalog: Catalog, name: str, text: str) -> Catalog:
    assert catalog.updates is not None
    catalog.updates.mkdir(exist_ok=True)
    (catalog.updates / name).write_text(text)
    return load_catalog(catalog.directory, catalog.updates)


def sha256(text: str) -> Digest:
    return Digest("sha256", text)


def file(arch: str, hexadecimal: str | None, trust: Trust) -> ReleaseFile:
    return ReleaseFile(
        role="binary",
        name=f"runc-1.4.3.{arch}",
        kind="binary",
        url=f"https://example.org/v1/1.4.3/runc.{arch}",
        arch=arch,
        digest=sha256(hexadecimal) if hexadecimal else None,
        trust=trust,
        size=10,
    )


def test_a_release_has_its_templates_expanded(small: Catalog) -> None:
    trust = Trust(level="catalog", by="example@0123456789ab")
    assert small.release("runc", "v1.4.3") == Release(
        name="runc",
        version=UpstreamVersion.parse("1.4.3"),
        released=datetime.date(2026, 6, 13),
        files=(file("amd64", ONE, trust), file("arm64", None, trust)),
        facts={"go": "1.26"},
    )
    assert small.release("runc", "1.4.4") is None


def test_a_month_lasts_until_its_last_day(small: Catalog) -> None:
    support = small.end_of_life("runc", "1.4")
    assert support == Support(
        series="1.4",
        end=datetime.date(2027, 2, 28),
        text="2027-02",
        long_term=False,
        called="minor",
        source=FactSource(repository="github.com/example/runc", path="RELEASES.md"),
    )
    assert not support.has_ended(datetime.date(2027, 2, 28))
    assert support.has_ended(datetime.date(2027, 3, 1))
    assert small.end_of_life("runc", "1.9") is None
    assert last_day("unknown") is None


def test_only_the_files_asked_for_are_read(small: Catalog) -> None:
    (small.directory / "images.toml").write_text("not TOML")
    assert [release.version.text for release in small.releases("runc")] == ["1.4.3"]


def test_a_damaged_file_is_named(small: Catalog) -> None:
    (small.directory / "images.toml").write_text("x")
    with pytest.raises(KutterError) as caught:
        small.image("example.org/a:1")
    path = small.directory / "images.toml"
    assert caught.value.reason.startswith(f"catalog file {path} cannot be read: ")


def test_a_pipe_is_not_waited_for(small: Catalog) -> None:
    assert small.updates is not None
    small.updates.mkdir()
    path = small.updates / "runc.toml"
    os.mkfifo(path)
    for read in (lambda: small.releases("runc"), lambda: small.digest):
        with pytest.raises(KutterError) as caught:
            read()
        assert caught.value.reason == f"{path} is a FIFO, not a file"


def test_a_damaged_entry_is_named(small: Catalog) -> None:
    catalog = write(small, "runc.toml", '[releases."1.4.4"]\nbinary = { amd64 = "12" }\n')
    with pytest.raises(KutterError) as caught:
        catalog.releases("runc")
    assert caught.value.reason == (
        "the catalog's entry of runc 1.4.4 cannot be read: '12' is not 64 lower-case hex digits"
    )
    assert caught.value.hint == f"look into runc.toml of {catalog.updates}"


def test_a_damaged_support_date_is_named(small: Catalog) -> None:
    catalog = write(small, "runc.toml", '[series]\n"1.4" = { end-of-life = "soon" }\n')
    with pytest.raises(KutterError) as caught:
        catalog.end_of_life("runc", "1.4")
    assert caught.value.reason == (
        "the catalog's entry of runc series 1.4 cannot be read: Invalid isoformat string: 'soon'"
    )


def test_an_update_adds_releases_and_fills_unknown_hashes(small: Catalog) -> None:
    catalog = write(
        small,
        "runc.toml",
        f"""
        [releases."1.4.3"]
        binary = {{ arm64 = "{TWO}" }}
        trust.binary = "checksum: runc.sha256sum"
        [releases."1.4.4"]
        binary = {{ amd64 = "{THREE}", arm64 = "unknown" }}
        [series]
        "1.4" = {{ end-of-life = "2027-06" }}
        """,
    )
    newer, older = catalog.releases("runc")
    stated = Trust(level="checksum", by="runc.sha256sum")
    assert older.files == (file("amd64", ONE, stated), file("arm64", TWO, stated))
    assert [entry.digest for entry in newer.files] == [sha256(THREE), None]
    support = catalog.end_of_life("runc", "1.4")
    assert support is not None
    assert support.text == "2027-06"


def test_an_update_that_contradicts_a_hash_stops_with_both_values_and_origins(
    small: Catalog,
) -> None:
    catalog = write(
        small,
        "runc.toml",
        f'[releases."1.4.3"]\nbinary = {{ amd64 = "{TWO}" }}\ntrust.binary = "pgp: 0123ABCD"\n',
    )
    with pytest.raises(HashMismatchError) as caught:
        catalog.releases("runc")
    assert caught.value.reason == "two hashes are claimed for runc 1.4.3 binary amd64"
    assert caught.value.details == (
        f"catalog: sha256:{ONE} (example@0123456789ab)",
        f"update:  sha256:{TWO} (pgp: 0123ABCD)",
    )
    assert caught.value.hint == (
        "trust neither before you know why: the file may have been replaced upstream, or on the "
        "way. Remove the update from the cache to go on with the catalog"
    )


@pytest.mark.parametrize(("value", "agrees"), [(ONE, True), (TWO, True), (THREE, False)])
def test_an_image_may_only_be_what_was_seen(small: Catalog, value: str, *, agrees: bool) -> None:
    catalog = write(
        small, "images.toml", f'[images]\n"example.org/a:1" = {{ digest = "sha256:{value}" }}\n'
    )
    if agrees:
        image = catalog.image("example.org/a:1")
        assert image is not None
        assert image.digest == sha256(ONE)
        return
    with pytest.raises(HashMismatchError) as caught:
        catalog.image("example.org/a:1")
    assert caught.value.details == (
        f"catalog: sha256:{ONE} (example)",
        f"update:  sha256:{THREE} (origin not recorded)",
    )


def test_the_digest_covers_updates_and_the_date_is_the_newer(small: Catalog) -> None:
    before, date = small.digest, small.date
    catalog = write(small, "catalog.toml", "date = 2026-11-01\n")
    assert date == datetime.date(2026, 8, 22)
    assert catalog.date == datetime.date(2026, 11, 1)
    assert catalog.digest != before


def live(hexadecimal: str, arch: str = "arm64") -> Findings:
    found = file(arch, hexadecimal, Trust(level="checksum", by="runc.sha256sum"))
    release = Release(name="runc", version=UpstreamVersion.parse("1.4.3"), files=(found,))
    image = CatalogImage(
        reference="example.org/b:1",
        digest=sha256(TWO),
        trust=Trust(level="first-use", by="example.org"),
    )
    news = SupportNews(name="runc", series="1.5", end="2027-10-31", long_term=True)
    date = datetime.date(2026, 11, 22)
    return Findings(date=date, releases=(release,), images=(image,), support=(news,))


def test_findings_are_written_in_the_form_that_is_read(small: Catalog) -> None:
    for name, data in updated_files(small, live(TWO)).items():
        small = write(small, name, data.decode())
    (release,) = small.releases("runc")
    stated = Trust(level="checksum", by="runc.sha256sum")
    assert release.files == (file("amd64", ONE, stated), file("arm64", TWO, stated))
    image = small.image("example.org/b:1")
    assert image is not None
    assert (image.digest, image.trust.level) == (sha256(TWO), "first-use")
    support = small.end_of_life("runc", "1.5")
    assert support is not None
    assert support.long_term
    assert small.date == datetime.date(2026, 11, 22)


def test_writing_the_same_findings_again_gives_the_same_bytes(small: Catalog) -> None:
    first = updated_files(small, live(TWO))
    for name, data in first.items():
        small = write(small, name, data.decode())
    assert updated_files(small, live(TWO)) == first


def test_a_finding_that_contradicts_writes_nothing(small: Catalog) -> None:
    with pytest.raises(HashMismatchError, match=r"runc 1\.4\.3 binary amd64"):
        updated_files(small, live(TWO, "amd64"))


def test_a_finding_that_contradicts_an_earlier_update_writes_nothing(small: Catalog) -> None:
    for name, data in updated_files(small, live(TWO)).items():
        small = write(small, name, data.decode())
    with pytest.raises(HashMismatchError, match=r"runc 1\.4\.3 binary arm64"):
        updated_files(small, live(THREE))
