"""The closing tables: what a reader sees, whatever the text in it."""

from __future__ import annotations

import io

import pandas as pd
from rich.console import Group

from assay.evaluation import Evaluation, Slice
from assay.images import Variant
from assay.metrics import METRICS as NAMES
from assay.metrics import Metric
from assay.promotion import PromotionDecision
from assay.records import Finding, Label, Measurement, Verdict
from assay.reports import terminal
from assay.reports.terminal import Stage

METRICS = {name: Metric(0.6, 0.5, 0.7, 40) for name in NAMES}


def shown(drawn: object) -> str:
    console = terminal.console()
    console.file = io.StringIO()
    console.print(drawn)
    return console.file.getvalue()


def test_stages_show_state_and_seconds():
    text = shown(terminal.stages([Stage("build", "cached", 0.04)]))
    assert text.splitlines()[1].split() == ["build", "cached", "0.0"]


def test_decision_gives_outcome_and_every_reason():
    made = PromotionDecision(False, ("too close", "too few"), None)
    text = shown(terminal.decision(made, "7"))
    assert [line.strip() for line in text.splitlines()] == [
        "version 7: not promoted",
        "- too close",
        "- too few",
    ]


def test_slices_show_metadata_alone_in_each_variant():
    def part(kind: Variant, auc: float, alone: float) -> Slice:
        metrics = {"auc": Metric(auc, auc - 0.1, auc + 0.1, 40)}
        baseline = Metric(alone, alone - 0.1, alone + 0.1, 40)
        return Slice(kind, "manipulation", "colour_filter", 4000, 20, 1000, metrics, baseline)

    parts = part(Variant.AS_IS, 0.6, 0.9), part(Variant.BIAS_CONTROLLED, 0.55, 0.5)
    lines = shown(terminal.slices(Evaluation(0.5, parts))).splitlines()
    intervals = "0.600 (0.500-0.700) 0.900 (0.800-1.000) 0.550 (0.450-0.650) 0.500 (0.400-0.600)"
    assert lines[-1].split() == f"manipulation colour_filter {intervals} 4,000 1,000".split()
    assert lines[0].split() == ["as_is", "bias_controlled"]  # above "metadata alone" of each
    assert lines[1].count("metadata alone") == 2
    assert max(map(len, lines)) <= 128


def test_verdict_prints_written_reasons_literally():
    probabilities = dict(zip(Label, (0.1, 0.7, 0.2), strict=True))
    finding = Finding(Measurement("noise", 0.5), 0.02, "Noise measures 0.5.")
    given = Verdict(
        Label.MANIPULATED, 0.9, probabilities, True, 0.0, (finding,), "See [/left] there."
    )
    text = shown(terminal.verdict(given.as_dict()))
    assert "manipulated 70.0%" in text
    assert "Noise measures 0.5." in text
    assert "See [/left] there." in text


def test_scores_count_labels_errors_and_reviews():
    table = pd.DataFrame(
        {
            "label": ["authentic", "authentic", ""],
            "error": ["", "", "damaged"],
            "needs_review": pd.array([True, False, None], dtype="boolean"),
        }
    )
    lines = [line.split() for line in shown(terminal.scores(table)).splitlines()]
    assert ["authentic", "2"] in lines
    assert ["error", "1"] in lines
    assert ["to", "review", "1"] in lines


def test_metrics_of_a_variant_stand_below_its_name():
    part = Slice(Variant.AS_IS, "all", "all", 40, 20, 4, METRICS, None)
    lines = [
        line.split() for line in shown(terminal.metrics(Evaluation(0.5, (part,)))).splitlines()
    ]
    assert lines[0][-2:] == ["as_is", "n"]
    assert ["auc", "0.600", "(0.500-0.700)", "40"] in lines


def test_datasets_of_one_class_are_named():
    def part(name: str, authentic: int) -> Slice:
        return Slice(Variant.AS_IS, "dataset", name, 9, authentic, 3, METRICS, None)

    apart = Evaluation(0.5, (part("mixed", 4), part("clean", 9)), apart=("clean",))
    assert "of one class: clean" in shown(Group(*terminal.apart(apart)))
    pooled = Evaluation(0.5, (part("fake", 0), part("clean", 9)))
    assert "every dataset is of one class" in shown(Group(*terminal.apart(pooled)))
    assert terminal.apart(Evaluation(0.5, (part("mixed", 4),))) == []
