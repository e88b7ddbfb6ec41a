import itertools

import pytest

from kutterlock.model.debian.version import DebianVersion, Relation, parse_relations, show_clause

ORDERED = [
    "0~~", "0~", "0", "0a", "0a+", "0+", "0.", "1~rc1-1", "1", "1-0.1", "1-1~bpo1", "1-1",
    "1-1+b1", "1-1+deb13u1", "1-2", "1.0-1", "1.2-3", "1.10-1", "1.10a-1", "1.10+dfsg-1",
    "2-1-1", "10-1", "0:99-1", "1:0-1", "1:0.1", "2:0",
]  # fmt: skip
"""Ordered as `dpkg --compare-versions` orders them."""


def test_versions_are_ordered_as_dpkg_orders_them() -> None:
    versions = [DebianVersion.parse(text) for text in ORDERED]
    for low, high in itertools.combinations(versions, 2):
        assert low < high
        assert high > low


@pytest.mark.parametrize(
    ("one", "two"),
    [("1", "1-0"), ("0:1", "1"), ("1.0", "1.00"), ("1a", "1a0"), ("1.02-1", "1.2-01")],
)
def test_versions_that_differ_in_spelling_only_are_equal(one: str, two: str) -> None:
    assert DebianVersion.parse(one) == DebianVersion.parse(two)
    assert hash(DebianVersion.parse(one)) == hash(DebianVersion.parse(two))
    assert str(DebianVersion.parse(one)) == one


@pytest.mark.parametrize("text", ["", "1:", "a:1", "1 2", "1_2", "1-", "é", "1:2-3:4_", "1" * 600])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a Debian version"):
        DebianVersion.parse(text)


def test_relations_are_read() -> None:
    clauses = parse_relations("libc6 (>= 2.38), perl:any | perl5, gcc-14 (= 14.2.0-19),")
    assert [show_clause(clause) for clause in clauses] == [
        "libc6 (>= 2.38)",
        "perl:any | perl5",
        "gcc-14 (= 14.2.0-19)",
    ]
    assert clauses[1] == (Relation("perl", "any"), Relation("perl5"))
    assert parse_relations("") == ()


@pytest.mark.parametrize(
    ("operator", "admitted"),
    [("<<", "low"), ("<=", "low same"), ("=", "same"), (">=", "same high"), (">>", "high")],
)
def test_relations_admit_versions(operator: str, admitted: str) -> None:
    relation = parse_relations(f"a ({operator} 2-1)")[0][0]
    versions = {"low": "2-1~", "same": "0:2-1", "high": "2-1+b1"}
    found = [name for name, v in versions.items() if relation.admits(DebianVersion.parse(v))]
    assert found == admitted.split()
    assert not relation.admits(None)
    assert Relation("a").admits(None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A", "'A' is not a relation to a package"),
        ("a |", "'' is not a relation to a package"),
        ("a (> 1)", "'a (> 1)' is not a relation to a package"),
        ("a (>= )", "'a (>= )' is not a relation to a package"),
        ("a [amd64]", "'a [amd64]' is not a relation to a package"),
        ("a <!nocheck>", "'a <!nocheck>' is not a relation to a package"),
        ("a (= 1_)", "'1_' is not a Debian version"),
        ("a," * 200_000, "a list of relations is longer than 262144 characters"),
    ],
)
def test_what_is_no_relation_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_relations(text)
    assert str(caught.value) == reason
