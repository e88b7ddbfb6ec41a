import pytest

from kutterlock.errors import NoSolutionError
from kutterlock.model.debian.solve import solve_closure
from tests.support.archive import index_of, stanza


def solved(requested: str, *stanzas: str) -> list[str]:
    return [package.name for package in solve_closure(index_of(*stanzas), requested.split())]


def refused(requested: str, *stanzas: str) -> NoSolutionError:
    with pytest.raises(NoSolutionError) as caught:
        solved(requested, *stanzas)
    return caught.value


def test_takes_essential_and_requested_packages_with_all_they_depend_on() -> None:
    assert solved(
        "make",
        stanza("base", essential="yes", pre_depends="awk"),
        stanza("mawk", provides="awk"),
        stanza("make", depends="libc6 (>= 2), perl:any", recommends="manual"),
        stanza("libc6", "2.41", depends="libgcc"),
        stanza("libgcc", depends="libc6"),
        stanza("perl", multi_arch="allowed"),
        stanza("manual"),
        stanza("other"),
    ) == ["base", "libc6", "libgcc", "make", "mawk", "perl"]


def test_what_is_already_chosen_meets_a_dependency() -> None:
    assert solved(
        "gawk",
        stanza("base", essential="yes", depends="mawk | awk"),
        stanza("mawk", provides="awk"),
        stanza("gawk", provides="awk"),
    ) == ["base", "gawk"]


def test_the_first_alternative_wins_and_a_real_package_before_providers() -> None:
    packages = [
        stanza("a", depends="x | y"), stanza("x"), stanza("y"),
        stanza("b", depends="v"), stanza("v"), stanza("c", provides="v"),
    ]  # fmt: skip
    assert solved("a b", *packages) == ["a", "b", "v", "x"]


def test_an_alternative_that_cannot_be_had_is_passed_over() -> None:
    assert solved(
        "a",
        stanza("a", depends="x | y"),
        stanza("x", depends="deep"),
        stanza("deep", depends="nowhere"),
        stanza("y"),
    ) == ["a", "y"]


def test_an_alternative_that_conflicts_is_passed_over() -> None:
    packages = [
        stanza("a", depends="x | y"), stanza("b"), stanza("x", conflicts="b"), stanza("y"),
    ]  # fmt: skip
    assert solved("a b", *packages) == ["a", "b", "y"]


def test_a_virtual_package_may_be_requested() -> None:
    assert solved("awk", stanza("gawk", provides="awk"), stanza("mawk", provides="awk")) == ["gawk"]


def test_only_a_versioned_provides_meets_a_versioned_dependency() -> None:
    assert solved(
        "a",
        stanza("a", depends="v (>= 2)"),
        stanza("p1", provides="v"),
        stanza("p2", provides="v (= 1)"),
        stanza("p3", provides="v (= 2)"),
    ) == ["a", "p3"]


def test_says_who_asks_for_what_is_not_there() -> None:
    error = refused(
        "git",
        stanza("git", "1:2", depends="libx | liby"),
        stanza("libx", "3", depends="libz (>= 9)"),
        stanza("libz", "8"),
    )  # fmt: skip
    assert error.reason == "the build environment cannot have package 'git'"
    assert error.details == (
        "git 1:2 depends on libx | liby; libx 3 depends on libz (>= 9), the suite has 8",
    )
    assert error.hint == "correct `packages` or `suite` of [build-environment] in kutter.toml"


def test_says_that_a_requested_package_does_not_exist() -> None:
    error = refused("gti", stanza("git"))
    assert error.reason == "the build environment cannot have package 'gti'"
    assert error.details == ("no package 'gti' is in the suite, and none provides it",)


def test_a_dependency_on_a_foreign_architecture_is_not_met() -> None:
    error = refused("a", stanza("a", depends="b:arm64"), stanza("b"))
    assert error.details == ("a 1 depends on b:arm64, the suite has 1",)


@pytest.mark.parametrize(
    ("one", "two", "detail"),
    [
        ({"conflicts": "b"}, {}, "a 1 conflicts with b: b 1"),
        ({"breaks": "b (<< 2)"}, {}, "a 1 conflicts with b (<< 2): b 1"),
        ({"conflicts": "mta"}, {"provides": "mta"}, "a 1 conflicts with mta: b 1"),
    ],
)
def test_packages_that_exclude_each_other_are_named(
    one: dict[str, str], two: dict[str, str], detail: str
) -> None:
    error = refused("a b", stanza("a", **one), stanza("b", **two))
    assert error.reason == "packages of the build environment exclude each other"
    assert error.details == (detail,)


def test_nobody_conflicts_with_itself_or_with_another_version() -> None:
    packages = [stanza("a", conflicts="mta, b (<< 1)", provides="mta"), stanza("b")]
    assert solved("a b", *packages) == ["a", "b"]
