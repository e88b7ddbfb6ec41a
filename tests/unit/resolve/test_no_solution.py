"""What is said when there is no set: the whole text, rule and source named."""

import pytest

from kutterlock.errors import NoSolutionError
from tests.support.solving import ask


def refusal(**wanted: str) -> tuple[str, tuple[str, ...], str]:
    with pytest.raises(NoSolutionError) as caught:
        ask(wanted)
    return caught.value.reason, caught.value.details, caught.value.hint


@pytest.mark.parametrize("minor", ["1.7", "2.0"])
def test_kubernetes_136_with_an_old_containerd(minor: str) -> None:
    assert refusal(kubernetes="==1.36.*", containerd=f"=={minor}.*") == (
        f"no set of versions has kubernetes ==1.36.* and containerd =={minor}.*",
        (
            "kubernetes 1.36.2 asks for containerd 2.3.0+ or 2.2.0+ "
            '(containerd RELEASES.md "Kubernetes Support")',
            "your manifest says kubernetes ==1.36.*",
            f"your manifest says containerd =={minor}.*",
        ),
        "loosen one of them in kutter.toml",
    )


def test_a_kernel_branch_past_its_end_of_life() -> None:
    assert refusal(linux="==6.19.*") == (
        "no release of linux ==6.19.* can be taken",
        (
            "linux 6.19.14: end-of-life: branch 6.19 ended 2026-04-22 "
            "(endoflife.date products/linux-kernel.md)",
        ),
        "ask for a supported linux in kutter.toml, or accept what has ended: "
        'allow-end-of-life = ["linux"] under [policy]',
    )


def test_an_unknown_hash() -> None:
    assert refusal(runc=">=1.5") == (
        "no release of runc >=1.5 can be taken",
        ("runc 1.5.1: digest-known: no known hash of runc-1.5.1.amd64, runc-1.5.1.arm64",),
        "ask for another version, or run `kutterlock catalog update` to learn the hashes",
    )


def test_an_unknown_image_digest() -> None:
    assert refusal(kubernetes="==1.36.3") == (
        "no release of kubernetes ==1.36.3 can be taken",
        ("kubernetes 1.36.3: digest-known: no known digest of registry.k8s.io/kube-proxy:v1.36.3",),
        "ask for another version, or run `kutterlock catalog update` to learn the hashes",
    )


def test_a_version_that_nobody_has_heard_of() -> None:
    assert refusal(kubernetes="==1.99.*") == (
        "the catalog knows no kubernetes ==1.99.*",
        ("the catalog of 2026-08-22 has kubernetes from 1.32.0 to 1.36.4",),
        "correct inputs in kutter.toml, or run `kutterlock catalog update`",
    )


def test_a_kernel_newer_than_the_headers_that_buildroot_knows() -> None:
    assert refusal(buildroot="==2025.2.*", linux="==6.18.*") == (
        "no set of versions has buildroot ==2025.2.* and linux ==6.18.*",
        (
            "buildroot 2025.02.16 asks for linux of series 6.12 or older, its newest kernel "
            "headers series (buildroot package/linux-headers/Config.in.host)",
            "your manifest says buildroot ==2025.2.*",
            "your manifest says linux ==6.18.*",
        ),
        "loosen one of them in kutter.toml",
    )


def test_a_runc_older_than_the_one_that_containerd_is_tested_with() -> None:
    reason, details, _ = refusal(containerd="==2.3.*", runc="==1.3.*")
    assert reason == "no set of versions has containerd ==2.3.* and runc ==1.3.*"
    assert details[0] == (
        "containerd 2.3.4 asks for runc 1.4.3+, the one that it is built and tested with "
        "(containerd script/setup/runc-version)"
    )


def test_an_upgrade_that_the_manifest_does_not_allow_names_both() -> None:
    with pytest.raises(NoSolutionError) as caught:
        ask({"kubernetes": "==1.35.*"}, upgrade={"kubernetes": "==1.36.2"})
    assert caught.value.reason == ("the catalog knows no kubernetes ==1.35.* and ==1.36.2 (-P)")


def test_an_upgrade_that_another_input_stands_against_names_both() -> None:
    with pytest.raises(NoSolutionError) as caught:
        ask({"containerd": "==2.0.*"}, upgrade={"kubernetes": "==1.36.2"})
    assert caught.value.reason == (
        "no set of versions has kubernetes * and ==1.36.2 (-P) and containerd ==2.0.*"
    )
    assert caught.value.details == (
        "kubernetes 1.36.2 asks for containerd 2.3.0+ or 2.2.0+ "
        '(containerd RELEASES.md "Kubernetes Support")',
        "your manifest says kubernetes *",
        "-P asks for kubernetes ==1.36.2",
        "your manifest says containerd ==2.0.*",
    )


def test_three_inputs_that_go_together_only_in_pairs() -> None:
    tested = "the one that it is built and tested with (containerd script/setup/runc-version)"
    assert refusal(kubernetes="==1.36.*", containerd="<2.3", runc="==1.3.2") == (
        "no set of versions has kubernetes ==1.36.*, containerd <2.3 and runc ==1.3.2",
        (
            f"containerd 2.2.7 asks for runc 1.3.6+, {tested}",
            "kubernetes 1.36.2 asks for containerd 2.3.0+ or 2.2.0+ "
            '(containerd RELEASES.md "Kubernetes Support")',
            f"containerd 2.0.11 asks for runc 1.3.6+, {tested}",
            f"containerd 1.7.34 asks for runc 1.3.6+, {tested}",
            "your manifest says kubernetes ==1.36.*",
            "your manifest says containerd <2.3",
            "your manifest says runc ==1.3.2",
        ),
        "loosen one of them in kutter.toml",
    )


def test_a_pre_release_that_would_have_answered_is_named() -> None:
    _, details, _ = refusal(buildroot=">=2025.5", linux="==7.1.*")
    assert details[-1] == (
        "buildroot 2026.08-rc1: pre-release: a pre-release; a specifier that names it, such as "
        "'==2026.08-rc1', takes it"
    )
