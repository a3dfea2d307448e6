"""Images worth seeing: thumbnails with a few lines, and the page of hits, mistakes, abstentions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from assay import images, ledger, measuring
from assay.images import Variant
from assay.null_rates import NullRates
from assay.predictions import positive, score, unseen
from assay.progress import Progress, silent
from assay.records import Photo, Sample
from assay.reports import evidence, pictures, views
from assay.reports.drawings import Drawing
from assay.reports.page import Page, render

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset
    from assay.evaluation import Evaluation
from assay.examination import examined_photos

PER_GROUP = 2
"""Images of one photograph among the cards of a section."""
PER_SECTION = 16
"""Cards below one heading of other pages."""
HITS, MISSES, FALSE_ALARMS, ABSTENTIONS = 12, 10, 8, 10
"""Cases below each heading of this page, fewer where there are fewer."""

_SIDE = 288
"""Pixels of a case's pictures along the longer side; they are shown at most half as large."""

Row = Mapping[Any, Any]
"""A row of predictions, by column."""


@dataclass(frozen=True, slots=True)
class Card:
    """An image to look at: what the macro ``card`` of ``parts.html`` shows."""

    thumbnail: str
    """Data URI."""
    label: str
    """True label; it colours the card."""
    lines: tuple[str, ...]
    """Text below; the first is also what a screen reader says."""


@dataclass(frozen=True, slots=True)
class Case:
    """A card, and where evidence points in its image."""

    card: Card
    pointed: Drawing | None


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of predictions below a heading: the first of ``found`` among ``of`` that could be."""

    title: str
    order: str
    """How the rows were chosen, in words."""
    found: int
    decided: int
    """Those of ``found`` that were not handed to people."""
    of: int
    rows: pd.DataFrame


def page(
    predictions: pd.DataFrame,
    dataset: Dataset,
    evaluation: Evaluation,
    null_rates: NullRates | None = None,
    kind: Variant = Variant.BIAS_CONTROLLED,
    progress: Progress = silent,
) -> Page:
    """The images of `chosen` with what evidence points at, measured again for these few.

    Of ``predictions`` (`assay.predictions.predict`) those in the form ``kind`` count that the model
    was not fitted on. Without ``null_rates``, which are one model's, no evidence is shown.
    """
    rows = unseen(predictions[predictions["variant"] == kind.value])
    sections = chosen(rows.assign(score=score(rows)), evaluation.threshold)
    cases = _cases(dataset, sections, null_rates, kind, progress)
    return render(
        "gallery.html",
        "Hits, mistakes and abstentions",
        kind=kind.value,
        per_group=PER_GROUP,
        images=len(rows),
        photographs=rows["group"].nunique(),
        evaluation=evaluation,
        sections=[(section, _shown(section, cases)) for section in sections],
        bar_colours=views.colour_bar(11) if null_rates else (),
    )


def chosen(rows: pd.DataFrame, threshold: float) -> list[Section]:
    """Which of ``rows`` (predictions with a score) are shown; the same rows, the same choice.

    Decided images come before those that were handed to people, and datasets, labels and
    manipulations take turns; of one photograph at most `PER_GROUP` images stand in a section. No
    image stands in two.
    """
    decided_at = rows.get("threshold", threshold)  # strata and folds have their own
    surest = rows.assign(far=(rows["score"] - decided_at).abs())
    surest = surest.sort_values(["far", "image_id"], ascending=[False, True], kind="stable")
    altered, flagged = positive(surest["label"]), positive(surest["predicted"])
    order = "the surest of each dataset and manipulation in turn"
    sections = [
        _section("hits", order, surest[altered & flagged], int(altered.sum()), HITS),
        _section("misses", order, surest[altered & ~flagged], int(altered.sum()), MISSES),
        _section(
            "false alarms", order, surest[~altered & flagged], int((~altered).sum()), FALSE_ALARMS
        ),
    ]
    shown = {name for section in sections for name in section.rows["image_id"]}
    unsure = surest[surest["needs_review"].to_numpy(bool)][::-1]
    others = unsure[~unsure["image_id"].isin(shown)]
    nearest = "those nearest to the threshold that are not shown above, each kind in turn"
    abstentions = _section("handed to people", nearest, others, len(rows), ABSTENTIONS)
    return [*sections, replace(abstentions, found=len(unsure), decided=0)]


def _section(title: str, order: str, rows: pd.DataFrame, of: int, limit: int) -> Section:
    few = spread(rows, len(rows))
    kinds = few.groupby(["dataset", "label", "manipulation"], sort=False)
    turns = few.assign(turn=kinds.cumcount()).sort_values(["needs_review", "turn"], kind="stable")
    decided = len(rows) - int(rows["needs_review"].sum())
    return Section(title, order, len(rows), decided, of, turns.head(limit))


def _cases(
    dataset: Dataset,
    sections: Iterable[Section],
    null_rates: NullRates | None,
    kind: Variant,
    progress: Progress,
) -> dict[str, Case]:
    """The case of each row that the dataset holds, by image id; few images are in memory."""
    rows = {row["image_id"]: row for section in sections for row in section.rows.to_dict("records")}
    cases: dict[str, Case] = {}
    make = partial(images.photo_of, kind=kind)
    samples = dataset.find(set(rows))
    seen = examined_photos(make, samples) if null_rates else ((s, make(s)) for s in samples)
    for sample, photo in seen:
        cases[sample.image_id] = _case(rows[sample.image_id], sample, photo, null_rates)
        progress(len(cases), len(rows), "measuring evidence for the gallery")
    return cases


def _case(row: Row, sample: Sample, photo: Photo, null_rates: NullRates | None) -> Case:
    mask = images.mask_of(sample, photo)
    seen = pictures.jpeg(pictures.shrunk(photo.pixels, _SIDE, mask))
    if null_rates is None:
        return Case(Card(seen, row["label"], tuple(_lines(row))), None)
    findings = ledger.findings(measuring.measure(photo), null_rates)
    strongest = evidence.strongest(findings)
    said = strongest.sentence if strongest else "Nothing could be measured."
    pointed = evidence.pointed(photo, findings, _SIDE, labelled=False)
    return Case(Card(seen, row["label"], (*_lines(row), said)), pointed.drawing)


def _shown(section: Section, cases: Mapping[str, Case]) -> list[Case]:
    return [cases[name] for name in section.rows["image_id"] if name in cases]


def _lines(row: Row) -> Iterator[str]:
    handed = ", handed to people" if row["needs_review"] else ""
    yield f"score {row['score']:.3f}, taken for {row['predicted']}{handed}"
    manipulation = f", {row['manipulation']}" if row["manipulation"] else ""
    yield f"truth: {row['label']}{manipulation} ({row['dataset']})"
    yield row["image_id"]


def cards(
    dataset: Dataset, rows: pd.DataFrame, lines: Callable[[Row], Iterable[str]]
) -> list[Card]:
    """A card for each of ``rows`` (columns image_id and label), in order, with its ``lines``.

    Altered regions are outlined. Only these images are read, a few at a time; rows whose image the
    dataset does not hold are left out.
    """
    shown = thumbnails(dataset, rows["image_id"])
    return [
        Card(shown[row["image_id"]], row["label"], tuple(lines(row)))
        for row in rows.to_dict("records")
        if row["image_id"] in shown
    ]


def thumbnails(dataset: Dataset, image_ids: Iterable[str]) -> dict[str, str]:
    """Thumbnails (data URIs) of the images called ``image_ids``, by id, masks outlined."""
    return {sample.image_id: thumbnail(sample) for sample in dataset.find(set(image_ids))}


def thumbnail(sample: Sample) -> str:
    """A data URI of a sample's image, its altered region outlined."""
    photo = images.decode(sample.image)
    return pictures.thumbnail(photo.pixels, mask=images.mask_of(sample, photo))


def spread(rows: pd.DataFrame, limit: int, per_group: int = PER_GROUP) -> pd.DataFrame:
    """The first ``limit`` of ``rows``, at most ``per_group`` of one photograph (column group)."""
    return rows[rows.groupby("group", sort=False).cumcount() < per_group].head(limit)
