"""`audit` and `outdated` as functions of lock, manifest, catalog and a day."""

import dataclasses
import datetime

from kutterlock.model.digest import Digest
from kutterlock.model.lock import EnvironmentPin, InputPin, Lock
from kutterlock.model.manifest import Manifest, PackagePin, Policy
from kutterlock.resolve.audit import Finding, audit, trusted_pins
from kutterlock.resolve.outdated import Standing, standings
from kutterlock.resolve.rules import Conditions
from tests.support import samples
from tests.support.solving import AS_OF, shipped


def manifest(*pins: PackagePin, policy: Policy | None = None) -> Manifest:
    return Manifest(
        name="demo",
        version="1",
        inputs={"buildroot": "*"},
        packages={pin.name: pin for pin in pins},
        policy=policy or Policy(),
    )


def locked(**versions: str) -> Lock:
    pins = {
        name: InputPin(name=name, version=version, constraint="*")
        for name, version in versions.items()
    }
    return samples.lock()._replace(inputs=pins)


def findings(wanted: Manifest, lock: Lock, as_of: datetime.date = AS_OF) -> tuple[Finding, ...]:
    return audit(wanted, lock, shipped(), as_of).findings


def test_an_overdue_override_fails_and_a_reviewed_one_does_not() -> None:
    late = PackagePin(name="a", version="1", reason="CVE", review_by=datetime.date(2026, 8, 1))
    due = PackagePin(name="b", version="2", reason="CVE", review_by=AS_OF)
    found = audit(manifest(late, due), locked(), shipped(), AS_OF)
    assert found.findings == (
        Finding(
            rule="override-review",
            subject="packages.a",
            reason="was to be reviewed by 2026-08-01, 21 days ago",
            fails=True,
        ),
    )
    assert found.failures == found.findings
    assert found.overrides == (("a", "1", "2026-08-01", "CVE"), ("b", "2", "2026-08-22", "CVE"))


def test_an_override_without_reason_fails_and_one_without_date_is_noted() -> None:
    pin = PackagePin(name="a", digest=Digest.of(b""))
    assert findings(manifest(pin), locked()) == (
        Finding(rule="override-reason", subject="packages.a", reason="has no reason", fails=True),
        Finding(
            rule="override-review",
            subject="packages.a",
            reason="has no review-by date",
            fails=False,
        ),
    )


def test_pins_are_counted_by_trust_strongest_first() -> None:
    found = audit(manifest(), locked(), shipped(), AS_OF)
    assert list(found.trust.items()) == [
        ("pgp", 1),
        ("checksum", 2),
        ("catalog", 1),
        ("first-use", 0),
    ]


def test_a_pin_below_the_minimum_trust_fails() -> None:
    policy = Policy(minimum_trust="checksum")
    assert findings(manifest(policy=policy), locked()) == (
        Finding(
            rule="minimum-trust",
            subject="registry.k8s.io/pause:3.10.2",
            reason="is trusted by catalog, policy.minimum-trust asks for checksum",
            fails=True,
        ),
    )


def test_ended_support_fails_unless_allowed() -> None:
    ended = Finding(
        rule="end-of-life",
        subject="linux 6.19.14",
        reason="branch 6.19 ended 2026-04-22 (endoflife.date products/linux-kernel.md)",
        fails=True,
    )
    lock = locked(linux="6.19.14")
    assert findings(manifest(), lock) == (ended,)
    policy = Policy(allow_end_of_life=("linux",))
    assert findings(manifest(policy=policy), lock) == (dataclasses.replace(ended, fails=False),)


def test_support_that_ends_soon_and_unheard_of_versions_are_noted() -> None:
    assert findings(manifest(), locked(containerd="2.2.7", runc="9.9")) == (
        Finding(
            rule="end-of-life",
            subject="containerd 2.2.7",
            reason="series 2.2 ends 2026-11-06 (endoflife.date products/containerd.md)",
            fails=False,
        ),
        Finding(
            rule="end-of-life",
            subject="runc 9.9",
            reason="is not in the catalog: nothing is known of its support",
            fails=False,
        ),
    )


def test_a_host_environment_is_noted_as_impure() -> None:
    host = EnvironmentPin(kind="host", architecture="amd64")
    (found,) = findings(manifest(), locked()._replace(environment=host))
    assert (found.subject, found.fails) == ("host", False)
    assert found.reason == "is the machine as it is: impure, and the lock is unportable"


def test_outdated_says_what_is_allowed_what_is_newest_and_what_holds_it_back() -> None:
    pinned = {"linux": "6.12.91", "runc": "1.3.6", "cni-plugins": "1.9.1"}
    wanted = {"linux": "==6.12.*", "runc": "*", "cni-plugins": "*"}
    found = standings(pinned, wanted, Conditions(as_of=AS_OF), shipped())
    assert found == (
        Standing(
            name="linux",
            pinned="6.12.91",
            allowed="6.12.104",
            newest="7.1.9",
            holding="manifest: linux is to be ==6.12.*",
        ),
        Standing(
            name="runc",
            pinned="1.3.6",
            allowed="1.4.3",
            newest="1.5.1",
            holding="digest-known: no known hash of runc-1.5.1.amd64, runc-1.5.1.arm64",
        ),
        Standing(name="cni-plugins", pinned="1.9.1", allowed="1.9.1", newest="1.9.1", holding=""),
    )
    assert [item.is_outdated for item in found] == [True, True, False]


def test_pins_are_listed_by_who_vouched_for_them() -> None:
    found = trusted_pins(samples.lock())
    assert list(found) == ["pgp", "checksum", "catalog", "first-use"]
    assert found == {
        "pgp": (("make 4.4.1-2", "the archive debian"),),
        "checksum": (
            ("buildroot-2026.08.tar.gz", "example.org"),
            ("hello/hello-1.0.tar.gz", "example.org"),
        ),
        "catalog": (("registry.k8s.io/pause:3.10.2", ""),),
        "first-use": (),
    }
