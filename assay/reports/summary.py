"""The closing page of a training run: what it used, what came out, and where to look next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.dataset import Dataset
from assay.evaluation import Evaluation
from assay.images import Variant
from assay.model_registry import MODEL
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
    links: Mapping[str, str] = field(default_factory=dict)
    """Addresses of other pages, by title."""


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
        (f"{len(facts.dataset):,}", "images in the dataset"),
        (f"{seconds / 60:.1f} min", "in all stages"),
        (facts.commit or "no git", "commit"),
    ]


def _places(facts: Facts) -> list[tuple[str, str, str]]:
    """What a reader may ask next, and the place and name of the answer."""
    version, run = facts.model_version, facts.mlflow_run
    return [
        ("Which images, which licence, which split?", "ZenML, artifact", "dataset"),
        ("Was the data fit to train on?", "ZenML, artifact", "validation"),
        ("How good, on what, with which intervals?", "ZenML, artifact", "evaluation_report"),
        ("Which images does it get wrong, or hand to people?", "ZenML, artifact", "gallery"),
        ("What was said of each test image?", "ZenML, artifact", "predictions"),
        ("What can it do, and what not?", "ZenML, artifact", "model_card"),
        ("How did the training go?", f"MLflow, experiment {EXPERIMENT}, run", run),
        ("Where is the model?", f"MLflow, registered model {MODEL}, version", version),
        ("What was it made from?", f"ZenML, model {MODEL}, version", f"v{version}"),
    ]
