"""Images worth seeing: thumbnails with a few lines, and the page of mistakes and abstentions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay import images
from assay.images import Variant
from assay.predictions import score, unseen
from assay.records import Label, Sample
from assay.reports import pictures
from assay.reports.page import Page, render

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset
    from assay.evaluation import Evaluation

PER_GROUP = 2
"""Images of one photograph among the cards of a section."""
PER_SECTION = 16
"""Cards below one heading."""

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
class Section:
    """Cards below a heading: ``shown`` of the ``found`` images among ``of`` that could be there."""

    title: str
    order: str
    """How the cards are ordered, in words."""
    found: int
    of: int
    cards: tuple[Card, ...]


def page(
    predictions: pd.DataFrame,
    dataset: Dataset,
    evaluation: Evaluation,
    kind: Variant = Variant.BIAS_CONTROLLED,
) -> Page:
    """The most confident mistakes of each label, and the images nearest to the threshold.

    Of ``predictions`` (`assay.predictions.predict`) those in the form ``kind`` count that the model
    was not fitted on; of one photograph at most `PER_GROUP` images stand below one heading.
    """
    rows = unseen(predictions[predictions["variant"] == kind.value])
    rows = rows.assign(score=score(rows)).sort_values("image_id", kind="stable")
    return render(
        "gallery.html",
        "Mistakes and abstentions",
        kind=kind.value,
        per_group=PER_GROUP,
        images=len(rows),
        photographs=rows["group"].nunique(),
        evaluation=evaluation,
        mistakes=[_mistakes(dataset, rows, label) for label in Label],
        abstentions=_abstentions(dataset, rows, evaluation.threshold),
    )


def _mistakes(dataset: Dataset, rows: pd.DataFrame, label: Label) -> Section:
    own, is_authentic = rows[rows["label"] == label.value], label == Label.AUTHENTIC
    # Not by the score: a stratum, and a fold, has a threshold of its own.
    wrong = own[(own["predicted"] != Label.AUTHENTIC.value) == is_authentic]
    wrong = wrong.sort_values("score", ascending=not is_authentic, kind="stable")
    title = f"{label.value}, taken for {'altered' if is_authentic else 'authentic'}"
    order = f"{'highest' if is_authentic else 'lowest'} scores first"
    return _section(title, order, dataset, wrong, len(own))


def _abstentions(dataset: Dataset, rows: pd.DataFrame, threshold: float) -> Section:
    unsure = rows[rows["needs_review"].to_numpy(bool)]
    nearest = (unsure["score"] - threshold).abs().sort_values(kind="stable").index
    return _section(
        "handed to people",
        "nearest to the threshold first",
        dataset,
        unsure.loc[nearest],
        len(rows),
    )


def _section(title: str, order: str, dataset: Dataset, rows: pd.DataFrame, of: int) -> Section:
    shown = cards(dataset, spread(rows, PER_SECTION), _lines)
    return Section(title, order, len(rows), of, tuple(shown))


def _lines(row: Row) -> Iterator[str]:
    yield f"score {row['score']:.3f}, taken for {row['predicted']}"
    yield f"truth: {row['label']}{', ' + row['manipulation'] if row['manipulation'] else ''}"
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
