"""Which set is chosen, which is kept, and what is said of what was not taken."""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kutterlock.errors import NoSolutionError
from kutterlock.model.lock import Refusal
from kutterlock.resolve.field import Request
from kutterlock.resolve.rules import Conditions
from kutterlock.resolve.solution import Choice
from kutterlock.resolve.solve import solve
from tests.support.solving import AS_OF, ask, shipped

SETS = json.loads((Path(__file__).parents[2] / "data" / "coherent-sets.json").read_text())["sets"]
NEWEST = {
    "buildroot": "2025.02.16",
    "kubernetes": "1.36.2",
    "containerd": "2.3.4",
    "linux": "6.12.104",
    "runc": "1.4.3",
    "cni-plugins": "1.9.1",
    "cri-tools": "1.36.0",
    "flannel": "0.28.5",
}
OLD = {
    "buildroot": "2025.02.15",
    "kubernetes": "1.35.4",
    "containerd": "2.2.6",
    "linux": "6.12.91",
    "runc": "1.3.6",
    "cni-plugins": "1.9.0",
    "cri-tools": "1.35.0",
    "flannel": "0.28.4",
}
KUBERNETES_ASKS = (
    "kubernetes 1.36.2 asks for containerd 2.3.0+ or 2.2.0+ "
    '(containerd RELEASES.md "Kubernetes Support")'
)


def versions_of(entry: Mapping[str, Any]) -> dict[str, str]:
    names = {"cni-plugins": "cni_plugins", "cri-tools": "crictl"}
    return {name: entry[names.get(name, name)]["version"] for name in NEWEST}


def refused(choice: Choice) -> dict[str, Refusal]:
    return {item.version: item for item in choice.refused}


def test_an_open_manifest_arrives_at_the_newest_complete_set() -> None:
    assert ask().versions == NEWEST
    assert versions_of(SETS[0]) == NEWEST


@pytest.mark.parametrize("entry", SETS, ids=[item["name"] for item in SETS])
def test_every_coherent_set_satisfies_the_rules(entry: Mapping[str, Any]) -> None:
    exact = {name: f"=={text}" for name, text in versions_of(entry).items()}
    allowed = frozenset({"buildroot"}) if entry["name"] == "stable-buildroot" else frozenset()
    conditions = Conditions(as_of=AS_OF, allow_end_of_life=allowed)
    assert ask(exact, conditions=conditions).versions == versions_of(entry)


def test_the_telling_reason_stands_first() -> None:
    found = {name: choice.reasons[0] for name, choice in ask().choices.items()}
    assert found == {
        "buildroot": "long-term support until 2028-03",
        "kubernetes": "newest of which every hash is known (1.36.4, 1.36.3 refused)",
        "containerd": KUBERNETES_ASKS,
        "linux": "buildroot 2025.02.16 asks for linux of series 6.12 or older, its newest kernel "
        "headers series (buildroot package/linux-headers/Config.in.host)",
        "runc": "newest of which every hash is known (1.5.1 refused)",
        "cni-plugins": "containerd 2.3.4 asks for cni-plugins 1.9.0+ (containerd go.mod)",
        "cri-tools": "kubernetes 1.36.2 asks for cri-tools 1.27.0+ (cri-tools README.md "
        '"Compatibility matrix")',
        "flannel": "newest of which every hash is known (0.28.9, 0.28.8, 0.28.7, 0.28.6 refused)",
    }


def test_a_cri_dockerd_whose_hash_nobody_published_is_not_guessed() -> None:
    choice = ask({"cri-dockerd": "*"}).choices["cri-dockerd"]
    assert choice.version == "0.3.26"
    assert refused(choice)["0.4.3"].rule == "digest-known"
    with pytest.raises(NoSolutionError) as caught:
        ask({"cri-dockerd": "==0.4.*"})
    assert caught.value.reason == "no release of cri-dockerd ==0.4.* can be taken"
    assert caught.value.details == (
        "cri-dockerd 0.4.3: digest-known: no known hash of cri-dockerd-0.4.3.amd64.tgz, "
        "cri-dockerd-0.4.3.arm64.tgz",
    )


def test_refused_kernels_name_their_rule_and_its_source() -> None:
    found = refused(ask().choices["linux"])
    assert found["6.18.45"] == Refusal(
        version="6.18.45",
        rule="kernel-headers-of-buildroot",
        reason="buildroot 2025.02.16 asks for linux of series 6.12 or older, its newest kernel "
        "headers series (buildroot package/linux-headers/Config.in.host)",
    )
    assert found["7.0.14"] == Refusal(
        version="7.0.14",
        rule="end-of-life",
        reason="branch 7.0 ended 2026-06-27 (endoflife.date products/linux-kernel.md)",
    )
    assert found["7.1.9"].reason == (
        "6.12 has long-term support until 2028-12-31, 7.1 has none "
        "(endoflife.date products/linux-kernel.md)"
    )


def test_refused_buildroots_say_long_term_end_of_life_and_pre_release() -> None:
    found = refused(ask().choices["buildroot"])
    assert {version: item.rule for version, item in found.items()} == {
        "2026.08-rc1": "pre-release",
        "2026.05.1": "long-term-first",
        "2026.02.3": "end-of-life",
        "2025.11.3": "end-of-life",
        "2025.08.3": "end-of-life",
        "2025.05.3": "end-of-life",
        "2025.02.18": "facts-known",
        "2025.02.17": "facts-known",
    }
    assert found["2025.02.18"].reason == "the catalog does not know its commit, epoch, headers"


def test_unknown_hashes_and_digests_are_named() -> None:
    choices = ask().choices
    assert refused(choices["kubernetes"])["1.36.3"] == Refusal(
        version="1.36.3",
        rule="digest-known",
        reason="no known digest of registry.k8s.io/kube-proxy:v1.36.3",
    )
    assert refused(choices["runc"])["1.5.1"] == Refusal(
        version="1.5.1",
        rule="digest-known",
        reason="no known hash of runc-1.5.1.amd64, runc-1.5.1.arm64",
    )


def test_images_do_not_count_where_no_board_takes_them() -> None:
    conditions = Conditions(as_of=AS_OF, needs_images=False)
    assert ask(conditions=conditions).versions["kubernetes"] == "1.36.4"


def test_only_the_architectures_of_the_boards_need_their_hash() -> None:
    conditions = Conditions(as_of=AS_OF, arches=("arm64",))
    assert refused(ask(conditions=conditions).choices["runc"])["1.5.1"].reason == (
        "no known hash of runc-1.5.1.arm64"
    )


def test_a_specifier_that_excludes_the_long_term_series_is_obeyed() -> None:
    found = ask({"buildroot": ">=2025.5"}).versions
    assert found["buildroot"] == "2026.05.1"
    assert found["linux"] == "6.18.45"


def test_a_long_term_series_counts_no_more_once_it_has_ended() -> None:
    conditions = Conditions(as_of=datetime.date(2025, 6, 1))
    found = ask({"buildroot": "<2025.2"}, conditions=conditions)
    assert found.versions["buildroot"] == "2024.11.4"


def test_a_pre_release_is_taken_when_the_specifier_names_one() -> None:
    assert ask({"buildroot": "==2026.08-rc1"}).versions["buildroot"] == "2026.08-rc1"


def test_an_older_containerd_takes_kubernetes_back_and_says_so() -> None:
    solution = ask({"containerd": "==1.7.*"})
    assert solution.versions["kubernetes"] == "1.35.4"
    assert refused(solution.choices["kubernetes"])["1.36.2"] == Refusal(
        version="1.36.2",
        rule="containerd-for-kubernetes",
        reason=f"{KUBERNETES_ASKS}; containerd 1.7.34 stays",
    )


def test_crictl_follows_the_minor_of_kubernetes_but_only_when_it_can() -> None:
    assert ask({"kubernetes": "==1.35.*"}).versions["cri-tools"] == "1.35.0"
    assert (
        ask({"kubernetes": "==1.35.*", "cri-tools": "==1.36.*"}).versions["cri-tools"] == "1.36.0"
    )


def test_other_sandbox_image_is_a_note_and_no_conflict() -> None:
    assert ask().notes == ()
    assert ask({"kubernetes": "==1.35.*", "containerd": "==2.3.*"}).notes == (
        "containerd 2.3.4 starts pods with pause:3.10.2 (containerd internal/cri/config/config.go),"
        " kubernetes 1.35.4 brings pause:3.10.1: containerd's configuration must name the latter "
        "as sandbox image",
    )


def test_what_has_ended_can_be_allowed_and_is_noted() -> None:
    conditions = Conditions(as_of=AS_OF, allow_end_of_life=frozenset({"buildroot"}))
    solution = ask({"buildroot": "==2026.2.*"}, conditions=conditions)
    assert solution.versions["buildroot"] == "2026.02.3"
    assert solution.choices["buildroot"].reasons[0] == "support ended 2026-06"
    assert solution.notes == (
        "buildroot 2026.02.3: series 2026.02 ended 2026-06 (buildroot docs/website/download.html);"
        " taken because policy.allow-end-of-life names buildroot",
    )


def test_go_counts_only_for_what_is_built_from_source() -> None:
    wanted = {"buildroot": "==2025.02.14", "kubernetes": "==1.35.*"}
    assert ask(wanted).versions["containerd"] == "2.3.4"
    built = Conditions(as_of=AS_OF, built_from_source=frozenset({"containerd"}))
    solution = ask(wanted, conditions=built)
    assert solution.versions["containerd"] == "1.7.29"
    assert refused(solution.choices["containerd"])["1.7.34"].reason == (
        "containerd 1.7.34 asks for buildroot with go 1.25.0+ to be built from source "
        "(containerd go.mod); buildroot 2025.02.14 stays"
    )


def test_nothing_moves_without_need() -> None:
    assert ask(keep=OLD).versions == OLD


def test_a_named_input_moves_alone_as_far_as_the_others_allow() -> None:
    assert ask(keep=OLD, upgrade={"containerd": "*"}).versions == {**OLD, "containerd": "2.2.7"}
    assert ask(keep=OLD, upgrade={"linux": "*"}).versions == {**OLD, "linux": "6.12.104"}


def test_what_holds_a_named_input_back_is_named() -> None:
    solution = ask(keep=OLD, upgrade={"containerd": "*"})
    assert refused(solution.choices["containerd"])["2.3.4"].reason == (
        "containerd 2.3.4 asks for runc 1.4.3+, the one that it is built and tested with "
        "(containerd script/setup/runc-version); runc 1.3.6 stays"
    )


def test_an_exact_version_moves_what_must_move_for_it_and_no_more() -> None:
    found = ask(keep=OLD, upgrade={"containerd": "==2.3.4"}).versions
    assert found == {**OLD, "containerd": "2.3.4", "runc": "1.4.3"}


def test_a_pin_that_the_manifest_no_longer_allows_moves() -> None:
    assert ask({"flannel": "==0.28.5"}, keep=OLD).versions == {**OLD, "flannel": "0.28.5"}


def test_a_pin_that_has_ended_moves() -> None:
    keep = {**OLD, "containerd": "2.1.9"}
    assert ask(keep=keep).versions == {**OLD, "containerd": "2.2.7"}


def test_a_kept_pin_says_how_to_move_it() -> None:
    found = ask(keep=OLD).choices["linux"].refused
    assert found[-1] == Refusal(
        version="6.12.104",
        rule="kept",
        reason="kutter.lock pins 6.12.91; `kutterlock resolve -P linux` moves it",
    )


def test_only_the_inputs_asked_for_are_solved() -> None:
    wanted = {"buildroot": "*", "linux": "*"}
    solution = solve(Request(wanted=wanted, conditions=Conditions(as_of=AS_OF)), shipped())
    assert solution.versions == {"buildroot": "2025.02.16", "linux": "6.12.104"}
