"""Which of a rationale's claims the findings bear out; people see no others.

A model writes what it has learned to write. Here every claim is read back (`assay.teachers.claims`)
and held against the ledger of the image that it is about; whatever cannot be read counts as a claim
without ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.places import points_at, where
from assay.prompts import is_unusual, rarity
from assay.records import Finding, Hypothesis, Label
from assay.teachers import claims
from assay.teachers.claims import Claim, Doubt, Inferred, Measured, Statement


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """One claim, and why it has no ground."""

    claim: Claim | str
    """The text itself where it has the form of no claim."""
    fault: str = ""
    """Empty where the findings bear it out."""


@dataclass(frozen=True, slots=True)
class GroundingReport:
    """Every claim of a rationale, in order."""

    claims: tuple[CheckedClaim, ...]

    @property
    def grounded(self) -> tuple[Claim, ...]:
        """The claims that the findings bear out."""
        kept = (checked.claim for checked in self.claims if not checked.fault)
        return tuple(claim for claim in kept if not isinstance(claim, str))

    @property
    def share(self) -> float | None:
        """Grounded claims among all, before any is dropped, 0..1; None for no claims."""
        return len(self.grounded) / len(self.claims) if self.claims else None

    @property
    def text(self) -> str:
        """The rationale without what has no ground; empty when nothing is left."""
        return claims.write(self.grounded)


def check(
    rationale: str, findings: Sequence[Finding], label: Label | None = None
) -> GroundingReport:
    """Hold each claim of ``rationale`` against ``findings``, and against the verdict if given.

    A finding has to be in the ledger, as rare as said, and point to the place named. An inference
    needs an unusual finding that speaks for it, at its place. What is said twice counts once.
    """
    checked: list[CheckedClaim] = []
    for claim in claims.read(rationale):
        fault = _repeated(claim, checked) or _fault(claim, findings, label)
        checked.append(CheckedClaim(claim, fault))
    return GroundingReport(tuple(checked))


def _repeated(claim: Claim | str, earlier: Sequence[CheckedClaim]) -> str:
    """One finding bears out many actions; of one subject a rationale may name a single one."""
    if any(claim == checked.claim for checked in earlier):
        return "said before"
    inferred = [one.claim for one in earlier if isinstance(one.claim, Inferred)]
    if isinstance(claim, Inferred) and any(one.subject == claim.subject for one in inferred):
        return "contradicts an earlier claim"
    return ""


def _fault(claim: Claim | str, findings: Sequence[Finding], label: Label | None) -> str:
    match claim:
        case Measured():
            return _fault_of_citation(claim, findings)
        case Inferred():
            return _contradiction(claim, label) or _fault_of_inference(claim, findings)
        case Statement():
            return _contradiction(claim, label) or _fault_of_statement(claim, findings)
        case _:
            return "not a claim that can be checked"


def _fault_of_citation(claim: Measured, findings: Sequence[Finding]) -> str:
    cited = next((found for found in findings if found.measurement.id == claim.id), None)
    if cited is None or cited.null_rate is None:
        return "no such measurement"
    if claim.rarity != rarity(cited.null_rate):
        return "not as rare as measured"
    if claim.place and not points_at(cited.measurement, claim.place):
        return "points elsewhere"
    return ""


def _fault_of_inference(claim: Inferred, findings: Sequence[Finding]) -> str:
    speaking = [found for found in findings if claims.supports(found, claim.hypothesis)]
    if not speaking:
        return "no unusual finding speaks for it"
    pointing = any(where(found.measurement) for found in speaking)
    if claim.place and not any(points_at(f.measurement, claim.place) for f in speaking):
        return "no such finding points there"
    if (claim.doubt is Doubt.ELSEWHERE and not pointing) or (
        claim.doubt is Doubt.UNKNOWN and pointing
    ):
        return "wrong about what points somewhere"
    return ""


def _fault_of_statement(claim: Statement, findings: Sequence[Finding]) -> str:
    unusual = any(map(is_unusual, findings))
    measured = any(found.null_rate is not None for found in findings)
    edit, generator = (
        any(claims.supports(found, kind) for found in findings)
        for kind in (Hypothesis.EDITED, Hypothesis.GENERATED)
    )
    holds = {
        Statement.NOTHING_MEASURED: not measured,
        Statement.NOTHING_UNUSUAL: measured and not unusual,
        Statement.UNREMARKABLE: not unusual,
        Statement.WITHIN: unusual,
        Statement.NO_EDIT: not edit,
        Statement.NO_GENERATOR: not generator,
    }
    return "" if holds[claim] else "the findings say otherwise"


_SPEAKS_FOR = {
    Statement.UNREMARKABLE: Label.AUTHENTIC,
    Statement.WITHIN: Label.AUTHENTIC,
    Statement.NO_EDIT: Label.MANIPULATED,
    Statement.NO_GENERATOR: Label.SYNTHESIZED,
}


def _contradiction(claim: Inferred | Statement, label: Label | None) -> str:
    """A claim that belongs to another verdict than ``label``."""
    if isinstance(claim, Statement):
        spoken_for = _SPEAKS_FOR.get(claim, label)
    else:
        generated = claim.hypothesis is Hypothesis.GENERATED
        spoken_for = Label.SYNTHESIZED if generated else Label.MANIPULATED
    return "contradicts the verdict" if label is not None and spoken_for is not label else ""
