"""The page of an evaluation: headline numbers, then figures and slices of each variant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay import likeness
from assay.evaluation import GROUNDED, Evaluation, Slice
from assay.images import Variant
from assay.metrics import Bootstrap, Metric, mean
from assay.predictions import measured, positive, score, unseen
from assay.records import Label
from assay.reports import controls, decided, figures, folds, localisation, pictures
from assay.reports import interval as words
from assay.reports.page import Page, render

if TYPE_CHECKING:
    import pandas as pd

ALONE = "metadata alone"
VARIANTS = {
    Variant.BIAS_CONTROLLED: "Bias controlled: decoded, metadata dropped, re-saved alike",
    Variant.AS_IS: "As is: the bytes as they were received",
}
"""In the order of the page, with a heading each."""

NAMES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "tpr_at_5_fpr": "true positive rate at 5 % false positives",
    "brier": "Brier score",
    "ece": "calibration error",
    "baseline_auc": f"AUC of {ALONE}",
    **controls.NAMES,
    **localisation.NAMES,
    GROUNDED: "claims grounded before dropping",
    likeness.ROUGE_L: "ROUGE-L with a teacher's reasons",
    likeness.BERT_SCORE: "BERTScore with a teacher's reasons",
}
"""Metrics in words, by name."""

BOOTSTRAP = Bootstrap()
"""Behind the bands of the figures; the intervals of the tables come with the evaluation."""

_SLICES_DRAWN = 40
_FINE_NAMES = {"all": "all images", "impact": "{} edits", "source": "source {}"}
_FINE_NAMES |= {"dataset": "dataset {}"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as a data URI, with a heading and the numbers that belong beside it."""

    title: str
    uri: str
    numbers: str


@dataclass(frozen=True, slots=True)
class Part:
    """What the page shows of one variant."""

    title: str
    pictures: tuple[Picture, ...]
    forest: str
    slices: tuple[tuple[str, ...], ...]
    one_class: tuple[tuple[str, ...], ...]
    checks: tuple[tuple[str, ...], ...]


def page(
    predictions: pd.DataFrame, evaluation: Evaluation, bootstrap: Bootstrap = BOOTSTRAP
) -> Page:
    """The whole report; ``predictions`` are those that ``evaluation`` measured.

    Their columns are those of `assay.predictions.predict`, and ``baseline`` where one was fitted.
    """
    rows, present = measured(predictions), set(predictions["variant"])
    parts = [
        _part(kind, predictions, evaluation, bootstrap)
        for kind in VARIANTS
        if kind.value in present
    ]
    return render(
        "evaluation.html",
        "Evaluation",
        evaluation=evaluation,
        images=rows["image_id"].nunique(),
        photographs=rows["group"].nunique(),
        left_out=_left_out(predictions),
        one_class=evaluation.one_class_datasets(),
        tiles=_tiles(rows, evaluation),
        headline=spoken_headline(evaluation),
        folds=folds.table(evaluation),
        controls=controls.table(evaluation),
        located=localisation.table(evaluation),
        parts=parts,
    )


def headline(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of the headline metrics with their intervals, one column a variant."""
    metrics = evaluation.headline()
    variants = sorted({name.partition("/")[0] for name in metrics})
    rows = []
    for metric in dict.fromkeys(name.partition("/")[2] for name in metrics):
        shown = [metrics.get(f"{variant}/{metric}") for variant in variants]
        n = max(found.n for found in shown if found)
        rows.append((metric, *map(words, shown), f"{n:,}"))
    return ("metric (95 % interval)", *variants, "n"), rows


def spoken_headline(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """`headline` in words instead of the names that MLflow and the settings know."""
    columns, rows = headline(evaluation)
    names = [(NAMES.get(name, name), *values) for name, *values in rows]
    return tuple(column.replace("_", " ") for column in columns), names


def auc_by_slice(parts: Iterable[Slice]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of the AUC of ``parts`` but the whole, metadata alone beside each variant.

    A column whose name begins with ``>`` holds numbers.
    """
    found = {(p.by, p.name, p.variant): p for p in parts if p.by != "all"}
    variants = [kind for kind in Variant if any(kind == variant for _, _, variant in found)]
    columns = [name for kind in variants for name in (kind.value, f"{kind}, {ALONE}")]
    rows = []
    for by, name in dict.fromkeys((by, name) for by, name, _ in found):
        shown = [found.get((by, name, kind)) for kind in variants]
        known = next(part for part in shown if part is not None)
        aucs = [words(auc) for part in shown for auc in _aucs(part)]
        rows.append((by, name, *aucs, f"{known.n:,}", f"{known.groups:,}"))
    return ("by", "part", *columns, ">n", ">photographs"), rows


def _aucs(part: Slice | None) -> tuple[Metric | None, Metric | None]:
    return (part.metrics["auc"], part.baseline_auc) if part else (None, None)


def _left_out(predictions: pd.DataFrame) -> int:
    """Images of photographs that the model was fitted on."""
    kept = unseen(predictions)["image_id"].nunique()
    return int(predictions["image_id"].nunique() - kept)


def _tiles(rows: pd.DataFrame, evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    kind = next(kind for kind in VARIANTS if kind.value in set(rows["variant"]))
    whole = evaluation.overall(kind)
    spoken = kind.value.replace("_", " ")
    if whole is not None:
        yield words(whole.metrics["auc"]), f"AUC, {spoken}"
        yield words(whole.baseline_auc), f"AUC of {ALONE}"
        yield words(whole.metrics["ece"]), "calibration error"
    if evaluation.grounding is not None:
        said = words(evaluation.grounding.share)
        yield said, f"of claims grounded before dropping ({evaluation.grounding})"
    if (alike := evaluation.likeness) is not None:
        without = f"; no BERTScore: {alike.left_out}" if alike.left_out else ""
        yield words(alike.rouge_l), f"ROUGE-L with a teacher's reasons ({alike}{without})"
    yield f"{evaluation.threshold:.3f}", "threshold on the score"
    review = rows[rows["variant"] == kind.value]["needs_review"].to_numpy(bool)
    yield f"{100 * review.mean():.0f} %", "of images handed to people"


def _part(
    kind: Variant, predictions: pd.DataFrame, evaluation: Evaluation, bootstrap: Bootstrap
) -> Part:
    every = unseen(predictions[predictions["variant"] == kind.value])
    own = [part for part in evaluation.slices if part.variant == kind]
    return Part(
        VARIANTS[kind],
        tuple(_pictures(measured(every), evaluation, own[0], bootstrap)),
        _forest(own),
        tuple(map(_row, own)),
        tuple(_flagged(every, own, bootstrap)),
        tuple(decided.checks(measured(every), evaluation)),
    )


def _pictures(
    rows: pd.DataFrame, evaluation: Evaluation, whole: Slice, bootstrap: Bootstrap
) -> Iterator[Picture]:
    """Of the images behind the slice ``whole``."""
    scores, groups = score(rows), rows["group"].to_numpy(str)
    edited = positive(rows["label"])
    named = {name: words(metric) for name, metric in whole.metrics.items()}
    if not whole.is_of_one_class:
        curves = {"model": scores}
        curves |= {ALONE: rows["baseline"].to_numpy(float)} if "baseline" in rows else {}
        drawn = figures.roc(curves, edited, groups, bootstrap)
        numbers = f"AUC {named['auc']}; {ALONE} {words(whole.baseline_auc)}"
        yield Picture("ROC, with 95 % band", pictures.svg(drawn), numbers)
    drawn = figures.reliability(scores, edited, groups, bootstrap)
    numbers = f"calibration error {named['ece']}; Brier score {named['brier']}"
    yield Picture(
        "Reliability, with 95 % intervals (hollow: under 10 images)", pictures.svg(drawn), numbers
    )
    drawn = figures.histograms(scores, rows["label"], evaluation.threshold, evaluation.review)
    yield Picture("Scores of each label", pictures.svg(drawn), _decided(rows))
    yield Picture(
        "Risk and coverage, with 95 % band", *decided.risk_coverage(rows, evaluation, bootstrap)
    )
    drawn = figures.confusion(rows["label"], rows["predicted"])
    numbers = f"balanced accuracy, authentic or not: {named['balanced_accuracy']}"
    yield Picture("Confusion, with shares of each row", pictures.svg(drawn), numbers)


def _decided(rows: pd.DataFrame) -> str:
    altered = positive(rows["predicted"])
    shares = {label.value: altered[(rows["label"] == label.value).to_numpy()] for label in Label}
    known = [f"{name} {100 * own.mean():.0f} %" for name, own in shares.items() if len(own)]
    review = 100 * rows["needs_review"].to_numpy(bool).mean()
    return f"taken for altered: {', '.join(known)}; handed to people: {review:.0f} %"


def _forest(parts: list[Slice]) -> str:
    """A data URI; empty where no slice has an AUC."""
    rows = {
        slice_name(part.by, part.name): {"model": part.metrics["auc"], ALONE: part.baseline_auc}
        for part in parts
        if part.metrics["auc"] is not None
    }
    shown = dict(list(rows.items())[:_SLICES_DRAWN])
    return pictures.svg(figures.forest(shown)) if shown else ""


def slice_name(by: str, name: str) -> str:
    """A slice in words: ``splice``, ``material edits``, ``dataset casia``."""
    return _FINE_NAMES.get(by, "{}").format(name)


def _row(part: Slice) -> tuple[str, ...]:
    shown = part.metrics["auc"], part.baseline_auc, part.metrics["balanced_accuracy"]
    return (
        slice_name(part.by, part.name),
        *map(words, shown),
        f"{part.n:,}",
        f"{part.authentic:,}",
        f"{part.groups:,}",
    )


def _flagged(
    rows: pd.DataFrame, parts: list[Slice], bootstrap: Bootstrap
) -> Iterator[tuple[str, ...]]:
    """For datasets of one class the share taken for altered: all that can be measured."""
    for part in parts:
        if part.by == "dataset" and part.is_of_one_class:
            own = rows[rows["dataset"] == part.name]
            truth = " and ".join(sorted(set(own["label"])))
            share = flagged_share(own, bootstrap)
            yield part.name, truth, words(share), f"{part.n:,}", f"{part.groups:,}"


def flagged_share(rows: pd.DataFrame, bootstrap: Bootstrap) -> Metric | None:
    """The share of images taken for altered, each at its own threshold, with its interval."""
    altered, groups = positive(rows["predicted"]), rows["group"].to_numpy(str)
    return mean(altered.astype(np.float64), groups, bootstrap, lowest=0.0)
