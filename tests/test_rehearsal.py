"""Invented ledgers are reproducible, varied, and answered with reasons that they bear out."""

from __future__ import annotations

from assay import grounding, places
from assay.evidence import Role, examiners
from assay.prompts import level
from assay.records import Label
from assay.rehearsal import rehearsed

FUSED = [name for name, examiner in examiners().items() if examiner.role is Role.FUSED]


def test_the_same_image_and_number_are_told_the_same() -> None:
    assert rehearsed("a", 0) == rehearsed("a", 0)
    told = [rehearsed("a", number)[1] for number in range(8)]
    assert len({str(findings) for findings in told}) == 8


def test_the_reasons_for_an_invented_ledger_are_grounded_in_it() -> None:
    for number in range(200):
        label, findings, rationale = rehearsed("a", number)
        report = grounding.check(rationale, findings, label)
        assert len(report.grounded) == len(report.claims) >= 2


def test_every_finding_occurs_in_every_strength_and_where_it_points_at_every_place() -> None:
    made = [rehearsed("a", number) for number in range(600)]
    assert {label for label, _, _ in made} == set(Label)
    told = [findings for _, findings, _ in made]
    for index, name in enumerate(FUSED):
        ones = [findings[index] for findings in told]
        assert {finding.measurement.id for finding in ones} == {name}
        levels = {None if f.null_rate is None else level(f.null_rate) for f in ones}
        assert len(levels) == 8
        pointed = {places.where(finding.measurement) for finding in ones}
        assert pointed == ({"", *places.PARTS} if examiners()[name].points else {""})
