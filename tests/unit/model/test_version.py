import pytest

from kutterlock.model.version import UpstreamVersion, parse_specifier


def test_keeps_upstreams_spelling() -> None:
    assert str(UpstreamVersion.parse("2025.02.16")) == "2025.02.16"
    assert UpstreamVersion.parse("2025.02.16").series == "2025.02"
    assert str(UpstreamVersion.parse("v1.9.1-flannel1")) == "1.9.1-flannel1"


def test_orders_as_people_expect() -> None:
    texts = ["1.9.1-flannel1", "1.10.0", "1.9.1", "1.10.0-rc.1", "3.6.8-0"]
    found = [str(v) for v in sorted(map(UpstreamVersion.parse, texts), reverse=True)]
    assert found == ["3.6.8-0", "1.10.0", "1.10.0-rc.1", "1.9.1-flannel1", "1.9.1"]


def test_a_specifier_meets_a_leading_zero() -> None:
    assert UpstreamVersion.parse("2025.02.16").key in parse_specifier("==2025.2.*")
    assert UpstreamVersion.parse("2025.02.16").key in parse_specifier("*")


def test_refuses_what_cannot_be_ordered() -> None:
    with pytest.raises(ValueError, match="version 'master' cannot be ordered"):
        UpstreamVersion.parse("master")
    with pytest.raises(ValueError, match="'newest' is not a PEP 440 specifier"):
        parse_specifier("newest")
