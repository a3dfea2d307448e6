"""The teacher that needs no model: hints and reasons composed from the findings.

Reasons name what was done only as far as the findings bear it out, and a place only where a finding
points: what the ledger does not show cannot be learned from it, and would be dropped when checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar

from assay import places
from assay.prompts import is_unusual, rarity
from assay.records import Finding, Hypothesis, Label, Mask
from assay.teachers import Teacher
from assay.teachers.claims import (
    ACTIONS,
    ALTERED,
    GENERATED,
    Claim,
    Doubt,
    Inferred,
    Measured,
    Statement,
    Subject,
    supports,
    write,
)

_HINTS = {
    Hypothesis.COPIED: "a part may have been copied within the image (cloning)",
    Hypothesis.PASTED: "a part may come from another photograph",
    Hypothesis.GENERATED: "the image may have been made by a generator",
    Hypothesis.EDITED: "a part may have been altered",
}
_NO_HINT = "no measured evidence points to a manipulation; absence proves nothing"
_MOST_HINTS = 2
_MOST_CITED = 3
"""Findings that a rationale cites, the rarest: every word costs a tiny model time."""


class Offline(Teacher):
    """Composes both from the findings; the label and the mask enter the reasons alone."""

    name: ClassVar[str] = "offline"

    def hints(self, findings: Sequence[Finding]) -> str:
        """Up to two hypotheses, the one with the rarest evidence first, and that evidence."""
        rarest: dict[Hypothesis, Finding] = {}
        for finding in _by_rarity(findings):
            rarest.setdefault(finding.suggests, finding)
        reasons = [f"{_HINTS[kind]} ({_title(found)})" for kind, found in rarest.items()]
        return f"Hints: {'; '.join(reasons[:_MOST_HINTS]) or _NO_HINT}."

    def rationale(
        self, label: Label, manipulation: str, mask: Mask | None, findings: Sequence[Finding]
    ) -> str:
        """What may be inferred, then what was measured; at least two claims.

        The inference follows the verdict at once, which it must not contradict.
        """
        return write(claims_of(label, manipulation, mask, findings))


def claims_of(
    label: Label,
    manipulation: str,
    mask: Mask | None,
    findings: Sequence[Finding],
    cited: Collection[str] = (),
) -> list[Claim]:
    """What may be inferred, then what was measured: of the unusual findings those ``cited`` by id.

    Without one of these the rarest are cited. Every claim is borne out by ``findings``.
    """
    match label:
        case Label.AUTHENTIC:
            inferred = _nothing_done(findings)
        case Label.SYNTHESIZED:
            inferred = _generated(findings)
        case Label.MANIPULATED:
            inferred = _edited(manipulation, mask, findings)
    return [inferred, *_measured(findings, cited)]


def _title(finding: Finding) -> str:
    return finding.title or finding.measurement.id.replace("_", " ")


def _by_rarity(findings: Iterable[Finding]) -> list[Finding]:
    """The unusual ones, rarest first."""
    unusual = [finding for finding in findings if is_unusual(finding)]
    return sorted(unusual, key=lambda finding: finding.null_rate or 0.0)


def _measured(findings: Sequence[Finding], wanted: Collection[str]) -> list[Claim]:
    if all(finding.null_rate is None for finding in findings):
        return [Statement.NOTHING_MEASURED]
    rarest = [finding.measurement.id for finding in _by_rarity(findings)]
    cited = [name for name in rarest if name in wanted] or rarest
    told = [finding for finding in findings if finding.measurement.id in cited[:_MOST_CITED]]
    return [*map(_citation, told)] or [Statement.NOTHING_UNUSUAL]


def _citation(finding: Finding) -> Measured:
    place = places.where(finding.measurement)
    return Measured(finding.measurement.id, rarity(finding.null_rate or 0.0), place)


def _nothing_done(findings: Sequence[Finding]) -> Claim:
    return Statement.WITHIN if any(map(is_unusual, findings)) else Statement.UNREMARKABLE


def _generated(findings: Sequence[Finding]) -> Claim:
    action, kind = GENERATED
    if any(supports(finding, kind) for finding in findings):
        return Inferred(Subject.IMAGE, action)
    return Statement.NO_GENERATOR


def _edited(manipulation: str, mask: Mask | None, findings: Sequence[Finding]) -> Claim:
    """The edit by its name where the findings speak for it, else that there was one."""
    for action, kind in (ACTIONS.get(manipulation, ALTERED), ALTERED):
        if speaking := [found for found in _by_rarity(findings) if supports(found, kind)]:
            return _located(action, kind, mask, speaking)
    return Statement.NO_EDIT


def _located(
    action: str, kind: Hypothesis, mask: Mask | None, speaking: Sequence[Finding]
) -> Claim:
    """The place that a finding points at if the mask lies there, else why none is named."""
    if mask is None or places.region_words(mask) in ("", places.WHOLE):
        return Inferred(Subject.IMAGE if kind is Hypothesis.EDITED else Subject.PART, action)
    pointed = [place for found in speaking if (place := places.where(found.measurement))]
    for place in pointed:
        if places.lies_in(mask, place):
            return Inferred(place, action)
    return Inferred(Subject.PART, action, Doubt.ELSEWHERE if pointed else Doubt.UNKNOWN)
