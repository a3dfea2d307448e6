from __future__ import annotations

from rich.console import Group

from assay.baseline import QUANTISATION
from assay.controls import HISTORY, RESCALED, UNTOUCHED_WINDOW
from assay.evaluation import Evaluation, Slice
from assay.images import Variant
from assay.metrics import Metric
from assay.predictions import LOG_ODDS
from assay.reports import controls, terminal


def auc(value: float) -> Metric:
    return Metric(value, value - 0.1, value + 0.1, 40)


def part(kind: Variant, name: str, **beside: float) -> Slice:
    controlled = {column: auc(value) for column, value in beside.items()}
    made = {"auc": auc(0.75)}
    return Slice(kind, "dataset", name, 40, 20, 30, made, auc(0.5), controls=controlled)


WHOLE = part(Variant.BIAS_CONTROLLED, "plain", **{UNTOUCHED_WINDOW: 0.5})
BESIDE = {LOG_ODDS: 0.625, UNTOUCHED_WINDOW: 0.8125, RESCALED: 0.6875}


def test_table_puts_controls_and_baselines_beside_the_score() -> None:
    parts = (
        part(Variant.AS_IS, "casia", **{QUANTISATION: 0.875}),
        part(Variant.BIAS_CONTROLLED, "casia", **BESIDE),
        part(Variant.BIAS_CONTROLLED, "plain", **{RESCALED: 0.6875}),
    )
    columns, (marked, plain) = controls.table(Evaluation(0.5, parts))
    values = ["0.750", "0.625", "0.812", "0.688", "0.500", "0.875"]
    assert [cell.split()[0] for cell in marked[1:-1]] == values
    assert (marked[0], marked[-1]) == ("casia", HISTORY)
    assert (plain[2], plain[6], plain[-1]) == ("-", "-", "-")
    assert len(columns) == len(marked)


def test_evaluation_without_controls_has_no_table() -> None:
    assert controls.table(Evaluation(0.5, (part(Variant.BIAS_CONTROLLED, "casia"),)))[1] == []


def test_closing_table_names_a_marked_part() -> None:
    parts = part(Variant.BIAS_CONTROLLED, "casia", **{UNTOUCHED_WINDOW: 0.8125}), WHOLE
    (drawn,) = terminal.marked(Evaluation(0.5, parts))
    assert isinstance(drawn, Group)
    assert list(map(str, drawn.renderables)) == [f"dataset casia: {HISTORY}"]
