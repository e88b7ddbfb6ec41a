"""What a reviewer should look at in a lock and its manifest: `kutterlock audit`.

Pure; the day to judge at is handed in. Covers overrides and their review dates, how pins came to
be trusted, and support that has ended.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kutterlock.catalog.reader import Catalog
from kutterlock.model.lock import Lock
from kutterlock.model.manifest import Manifest
from kutterlock.model.trust import TRUST_LEVELS
from kutterlock.resolve.rules import ended_support

SOON = datetime.timedelta(days=90)
"""Support that ends within this time is named, and fails nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at; `fails` when `audit --strict` is to fail for it."""

    rule: str
    subject: str
    reason: str
    fails: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain values for programs."""
        return {
            "rule": self.rule,
            "subject": self.subject,
            "reason": self.reason,
            "fails": self.fails,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Overrides, pins with who vouched for them by level of trust, and findings."""

    as_of: datetime.date
    overrides: tuple[tuple[str, str, str, str], ...]
    pins: dict[str, tuple[tuple[str, str], ...]]
    findings: tuple[Finding, ...]

    @property
    def trust(self) -> dict[str, int]:
        """The number of pins at each level of trust."""
        return {level: len(pins) for level, pins in self.pins.items()}

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that fail a strict audit."""
        return tuple(finding for finding in self.findings if finding.fails)


def audit(manifest: Manifest, lock: Lock, catalog: Catalog, as_of: datetime.date) -> Audit:
    """Judge a lock and its manifest on that day."""
    return Audit(
        as_of=as_of,
        overrides=tuple(
            (
                name,
                pin.version or "(as packaged)",
                pin.review_by.isoformat() if pin.review_by else "-",
                pin.reason or "-",
            )
            for name, pin in sorted(manifest.packages.items())
        ),
        pins=trusted_pins(lock),
        findings=(
            *_override_findings(manifest, as_of),
            *_trust_findings(manifest, lock),
            *_support_findings(manifest, lock, catalog, as_of),
            *_environment_findings(lock),
        ),
    )


def trusted_pins(lock: Lock) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return every pin and who vouched for its hash, by level, the strongest first."""
    pins = [(pin.trust.level, key, pin.trust.by) for key, pin in sorted(lock.sources.items())]
    pins += [(pin.trust.level, key, pin.trust.by) for key, pin in sorted(lock.images.items())]
    pins += [
        ("pgp", f"{package.name} {package.version}", f"the archive {package.archive}")
        for package in lock.environment.packages
    ]
    return {
        level: tuple((name, by) for found, name, by in pins if found == level)
        for level in reversed(TRUST_LEVELS)
    }


def _override_findings(manifest: Manifest, as_of: datetime.date) -> Iterator[Finding]:
    for name, pin in sorted(manifest.packages.items()):
        subject = f"packages.{name}"
        if not pin.reason:
            yield Finding(
                rule="override-reason", subject=subject, reason="has no reason", fails=True
            )
        if pin.review_by is None:
            yield Finding(
                rule="override-review", subject=subject, reason="has no review-by date", fails=False
            )
        elif pin.review_by < as_of:
            days = (as_of - pin.review_by).days
            yield Finding(
                rule="override-review",
                subject=subject,
                reason=f"was to be reviewed by {pin.review_by}, {days} days ago",
                fails=True,
            )


def _trust_findings(manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    least = TRUST_LEVELS.index(manifest.policy.minimum_trust)
    pins = [(pin.key, pin.trust) for pin in lock.sources.values()]
    pins += [(pin.reference, pin.trust) for pin in lock.images.values()]
    for name, trust in pins:
        if TRUST_LEVELS.index(trust.level) < least:
            yield Finding(
                rule="minimum-trust",
                subject=name,
                reason=f"is trusted by {trust.level}, "
                f"policy.minimum-trust asks for {manifest.policy.minimum_trust}",
                fails=True,
            )


def _support_findings(
    manifest: Manifest, lock: Lock, catalog: Catalog, as_of: datetime.date
) -> Iterator[Finding]:
    for name, pin in sorted(lock.inputs.items()):
        release = catalog.release(name, pin.version)
        support = catalog.support_of(release) if release else None
        subject = f"{name} {pin.version}"
        if release is None:
            yield Finding(
                rule="end-of-life",
                subject=subject,
                reason="is not in the catalog: nothing is known of its support",
                fails=False,
            )
        elif ended := ended_support(release, catalog, as_of):
            fails = name not in manifest.policy.allow_end_of_life
            yield Finding(rule="end-of-life", subject=subject, reason=ended, fails=fails)
        elif support is not None and support.end is not None and support.end - as_of < SOON:
            yield Finding(
                rule="end-of-life",
                subject=subject,
                reason=f"{support.called} {support.series} ends {support.text} ({support.source})",
                fails=False,
            )


def _environment_findings(lock: Lock) -> Iterator[Finding]:
    if not lock.environment.is_pure:
        yield Finding(
            rule="build-environment",
            subject=lock.environment.kind,
            reason="is the machine as it is: impure, and the lock is unportable",
            fails=False,
        )
