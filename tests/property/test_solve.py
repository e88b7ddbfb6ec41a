"""Solving again changes nothing, and the order of the question does not matter."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kutterlock.errors import NoSolutionError
from kutterlock.model.manifest import INPUTS
from kutterlock.resolve.field import Field, Request
from kutterlock.resolve.rules import Conditions, matches, object_to
from kutterlock.resolve.solution import Solution
from kutterlock.resolve.solve import solve
from tests.support.solving import AS_OF, shipped

pytestmark = pytest.mark.property
CONDITIONS = Conditions(as_of=AS_OF)
SPECIFIERS = {
    name: ("*", *(f"=={series}.*" for series in sorted(
        {release.version.series for release in shipped().releases(name)})))
    for name in INPUTS
}  # fmt: skip


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, str]:
    names = draw(st.permutations(INPUTS))
    count = draw(st.integers(min_value=1, max_value=len(names)))
    return {
        name: draw(st.sampled_from(["*", draw(st.sampled_from(SPECIFIERS[name]))]))
        for name in names[:count]
    }


def attempt(request: Request) -> Solution | str:
    try:
        return solve(request, shipped())
    except NoSolutionError as error:
        return "\n".join([error.reason, *error.details, error.hint])


@given(wanted=manifests())
@settings(max_examples=40, deadline=None)
def test_solving_with_the_result_kept_gives_the_same(wanted: dict[str, str]) -> None:
    first = attempt(Request(wanted=wanted, conditions=CONDITIONS))
    if isinstance(first, Solution):
        again = attempt(Request(wanted=wanted, conditions=CONDITIONS, keep=first.versions))
        assert again == first


@given(wanted=manifests(), data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_manifest_does_not_matter(
    wanted: dict[str, str], data: st.DataObject
) -> None:
    other = {name: wanted[name] for name in data.draw(st.permutations(sorted(wanted)))}
    first = attempt(Request(wanted=wanted, conditions=CONDITIONS))
    assert attempt(Request(wanted=other, conditions=CONDITIONS)) == first


@given(wanted=manifests())
@settings(max_examples=30, deadline=None)
def test_a_solution_breaks_no_rule(wanted: dict[str, str]) -> None:
    request = Request(wanted=wanted, conditions=CONDITIONS)
    solution = attempt(request)
    if not isinstance(solution, Solution):
        return
    chosen = {name: choice.release for name, choice in solution.choices.items()}
    assert chosen.keys() == wanted.keys()
    for name, release in chosen.items():
        assert matches(request.specifier(name), release.version)
        assert object_to(release, request.specifier(name), shipped(), CONDITIONS) is None
        for demand in Field(request, shipped()).demands(release):
            assert demand.allows(chosen[demand.rule.on])


@given(wanted=manifests(), data=st.data())
@settings(max_examples=30, deadline=None)
def test_an_upgrade_moves_nothing_else(wanted: dict[str, str], data: st.DataObject) -> None:
    narrow = attempt(Request(wanted=wanted, conditions=CONDITIONS))
    if not isinstance(narrow, Solution):
        return
    name = data.draw(st.sampled_from(sorted(wanted)))
    open_ = {**wanted, name: "*"}
    moved = attempt(
        Request(wanted=open_, conditions=CONDITIONS, keep=narrow.versions, upgrade={name: "*"})
    )
    assert isinstance(moved, Solution)
    others = {key: text for key, text in moved.versions.items() if key != name}
    assert others == {key: text for key, text in narrow.versions.items() if key != name}
