"""A window on MLflow: a run with its numbers as metrics, and its pages beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from assay import hardware, tracking
from assay.monitoring.decision import RetrainDecision
from assay.monitoring.numbers import WindowNumbers
from assay.recording import Stage

REPORTS = "reports"
"""The folder of the pages."""


@contextmanager
def monitor_run(
    zenml_run: str,
    numbers: WindowNumbers,
    decision: RetrainDecision,
    pages: Mapping[str, str],
) -> Iterator[str]:
    """Open a run that holds a window and its HTML ``pages`` by name; yields its id."""
    parameters = {
        "model_version": numbers.model_version,
        "since": numbers.since.isoformat(),
        "until": numbers.until.isoformat(),
        "reference": numbers.reference.kind.value,
    }
    tags = {
        "stage": Stage.MONITOR.value,
        "zenml_run": zenml_run,
        "action": decision.action.value,
        "hardware": hardware.summary(),
    }
    with tracking.run(zenml_run, parameters, tags) as run_id:
        tracking.log_metrics(run_id, 0, metrics(numbers))
        for name, html in pages.items():
            tracking.client().log_text(run_id, html, f"{REPORTS}/{name}.html")
        yield run_id


def metrics(numbers: WindowNumbers) -> dict[str, float]:
    """The numbers of a window that make curves over windows; what is not known is absent."""
    found: dict[str, float | None] = {
        "captures": numbers.captures,
        "pictures": numbers.groups,
        "labelled": numbers.labelled,
        "review_share": numbers.review_share,
        "refused_share": numbers.quality.refused_share,
        "duplicates_share": numbers.quality.duplicates_share,
        "flip_rate": numbers.flip_rate.value if numbers.flip_rate else None,
    }
    if numbers.is_enough:
        effects = [column.effect for column in numbers.drifted]
        found |= {"drifted_share": numbers.drifted_share, "drift": max(effects, default=0.0)}
    figures = numbers.performance.figures if numbers.performance else {}
    found |= {name: figure.value for name, figure in figures.items()}
    return {name: float(value) for name, value in found.items() if value is not None}
