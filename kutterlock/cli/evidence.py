"""Evidence: every check that was made, who signed, what is not covered; as text and as JSON."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kutterlock.cli.context import Context

if TYPE_CHECKING:
    from kutterlock.model.output import OutputManifest
    from kutterlock.trust.outputs import JudgedOutput
    from kutterlock.trust.verified import Finding, VerifiedLock


CONTENT = "what is in the sources: a hash says that they are those pinned, not that they are good"
OVERLAYS = "the files of the overlays: `build` and `resolve --check` hold them against the lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What verifying one thing came to."""

    subject: str
    findings: "tuple[Finding, ...]"
    signers: tuple[str, ...]
    uncovered: tuple[str, ...]

    def tell(self, context: Context) -> None:
        """Print it for people."""
        context.output.table([item.check, item.result] for item in self.findings)
        for line in self.uncovered:
            context.output.say(f" not covered: {line}")

    def facts(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "verified": self.subject,
            "checks": [{"check": item.check, "result": item.result} for item in self.findings],
            "signers": self.signers,
            "not-covered": self.uncovered,
        }


def lock_evidence(verified: "VerifiedLock") -> Evidence:
    """Return the evidence of a judged lock."""
    overlays = (OVERLAYS,) if verified.lock.overlays else ()
    return Evidence(
        subject="lock",
        findings=verified.findings,
        signers=verified.signers,
        uncovered=(*verified.uncovered, *overlays, CONTENT),
    )


def output_evidence(judged: "JudgedOutput", manifest: "OutputManifest") -> Evidence:
    """Return the evidence of a judged output, whose files were all re-hashed."""
    from kutterlock.trust.verified import Finding

    hashed = Finding(check="files", result=f"{len(manifest.files)}: all there, all digests right")
    return Evidence(
        subject="output",
        findings=(*judged.findings, hashed),
        signers=judged.signers,
        uncovered=(*judged.uncovered, CONTENT),
    )
