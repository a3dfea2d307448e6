"""The closing page of a training run: what it used, what came out, and where to look next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.dataset import Dataset
from assay.evaluation import Evaluation
from assay.images import Variant
from assay.model_versions import MODEL
from assay.promotion import PromotionDecision
from assay.reports import dataset as contents
from assay.reports import interval
from assay.reports.evaluation import spoken_headline
from assay.reports.page import Page, render
from assay.reports.terminal import Stage
from assay.tracking import EXPERIMENT


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at the end of a run."""

    run: str
    """Name of the ZenML run."""
    commit: str
    """Of the code that ran, with ``-dirty`` where files differ; empty outside git."""
    dataset: Dataset
    stages: Sequence[Stage]
    evaluation: Evaluation
    decision: PromotionDecision
    model_version: str
    mlflow_run: str
    """Id of the MLflow run that recorded the training."""
    handed_to_people: float
    """Share of test images, in both variants, that the model does not decide itself."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Addresses of other pages, by title; shown as text, as both dashboards stop links in pages."""


def page(facts: Facts) -> Page:
    """The summary; every count, metric and reason is that of ``facts``."""
    rows = contents.described(facts.dataset)
    return render(
        "summary.html",
        f"Run {facts.run}",
        facts=facts,
        tiles=_tiles(facts),
        outcome="promoted to champion" if facts.decision.promoted else "not promoted",
        headline=spoken_headline(facts.evaluation),
        splits=list(contents.in_splits(rows)),
        labels=contents.counted_by(rows, ["label"]),
        licences=contents.counted_by(rows, ["licence"]),
        counts=contents.COUNTS,
        stages=[(stage.name, stage.state, f"{stage.seconds:.1f}") for stage in facts.stages],
        total=f"{sum(stage.seconds for stage in facts.stages):.0f}",
        places=_places(facts),
    )


def _tiles(facts: Facts) -> list[tuple[str, str]]:
    whole = facts.evaluation.overall(Variant.BIAS_CONTROLLED)
    auc, alone = (whole.metrics["auc"], whole.baseline_auc) if whole else (None, None)
    seconds = sum(stage.seconds for stage in facts.stages)
    return [
        (f"{MODEL} {facts.model_version}", "model and version"),
        (interval(auc), "AUC, bias controlled"),
        (interval(alone), "AUC of metadata alone"),
        (f"{100 * facts.handed_to_people:.0f} %", "of images handed to people"),
        (f"{len(facts.dataset):,}", "images in the dataset"),
        (f"{seconds / 60:.1f} min", "in all stages"),
        (facts.commit or "no git", "commit"),
    ]


def _places(facts: Facts) -> list[tuple[str, str, str]]:
    """What a reader may ask next, with the artifact on ZenML and the place on MLflow."""
    report = "run, Artifacts, reports/{}.html".format
    version = f"registered model {MODEL}, version {facts.model_version}"
    training = f"experiment {EXPERIMENT}, run {facts.mlflow_run}"
    return [
        ("Which images, which licence, which split?", "dataset", report("dataset")),
        ("Was the data fit to train on?", "validation", report("validation")),
        ("How good, on what, with which intervals?", "evaluation_report", report("evaluation")),
        ("Which images does it get wrong, or hand to people?", "gallery", report("gallery")),
        ("Do its decisions stand sharing?", "robustness_report", report("robustness")),
        ("What was said of each test image?", "predictions", "run, Artifacts, predictions.json"),
        ("What can it do, and what not?", "model_card", version),
        ("How did the training go?", "mlflow_run", training),
    ]
