"""Cards: images of a dataset as thumbnails with a few lines, and which of them are worth seeing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay import images
from assay.records import Sample
from assay.reports import pictures

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset

PER_GROUP = 2
"""Images of one photograph among the cards of a section."""
SIDE = 112
"""Pixels of a thumbnail's longer side."""

Row = Mapping[str, Any]
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
    mask = images.decode_mask(sample.mask, photo.size) if sample.mask else None
    return pictures.thumbnail(photo.pixels, SIDE, mask)


def spread(rows: pd.DataFrame, limit: int, per_group: int = PER_GROUP) -> pd.DataFrame:
    """The first ``limit`` of ``rows``, at most ``per_group`` of one photograph (column group)."""
    return rows[rows.groupby("group", sort=False).cumcount() < per_group].head(limit)
