"""Invented ledgers are reproducible, varied, and answered with reasons that they bear out."""

from __future__ import annotations

import pytest

from assay import grounding, places
from assay.evidence import Role, examiners
from assay.prompts import level
from assay.records import Label
from assay.rehearsal import rehearsed

FUSED = [name for name, examiner in examiners().items() if examiner.role is Role.FUSED]


def test_the_same_image_and_number_are_told_the_same() -> None:
    assert rehearsed("a", 0, Label.MANIPULATED) == rehearsed("a", 0, Label.MANIPULATED)
    told = [rehearsed("a", number, Label.MANIPULATED)[0] for number in range(8)]
    assert len({str(findings) for findings in told}) == 8


@pytest.mark.parametrize("label", Label)
def test_the_reasons_for_an_invented_ledger_are_grounded_in_it(label: Label) -> None:
    for number in range(60):
        findings, rationale = rehearsed("a", number, label)
        report = grounding.check(rationale, findings, label)
        assert len(report.grounded) == len(report.claims) >= 2


def test_every_finding_occurs_in_every_strength_and_where_it_points_at_every_place() -> None:
    told = [rehearsed("a", number, Label.AUTHENTIC)[0] for number in range(600)]
    for index, name in enumerate(FUSED):
        ones = [findings[index] for findings in told]
        assert {finding.measurement.id for finding in ones} == {name}
        levels = {None if f.null_rate is None else level(f.null_rate) for f in ones}
        assert len(levels) == 8
        pointed = {places.where(finding.measurement) for finding in ones}
        assert pointed == ({"", *places.PARTS} if examiners()[name].points else {""})
