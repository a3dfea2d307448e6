"""The page of a dataset: what is in it, from where, under which licence, and how it looks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.dataset import Dataset
from assay.records import BASIC_SPLITS, Label, Split
from assay.reports import gallery
from assay.reports.gallery import Card, Row
from assay.reports.page import Page, render

if TYPE_CHECKING:
    import pandas as pd

PER_KIND = 7
"""Thumbnails of each label and manipulation."""

COUNTS = (*(split.value for split in BASIC_SPLITS), "all splits", "photographs")
"""The columns that `counted_by` counts."""

_COLUMNS = (
    *("image_id", "label", "manipulation", "source", "dataset", "group", "split"),
    *("licence", "caption"),
)
_KINDS_SHOWN = 24
_PARTS_SHOWN = 50
_REJECTED_SHOWN = 20
_NAMES_SHOWN = 6
_CAPTION_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Kind:
    """A label and manipulation on the contact sheet."""

    label: str
    manipulation: str
    images: int
    photographs: int
    cards: tuple[Card, ...]


def page(dataset: Dataset) -> Page:
    """Counts, origins, licences and a contact sheet; only the images that it shows are read."""
    rows = described(dataset)
    return render(
        "dataset.html",
        f"Dataset {dataset.version}",
        rows=len(rows),
        photographs=rows["group"].nunique(),
        splits=list(in_splits(rows)),
        contents=counted_by(rows, ["label", "manipulation"]),
        origins=counted_by(rows, ["dataset", "source", "label"]),
        licences=list(_licences(rows)),
        counts=COUNTS,
        kinds=_contact_sheet(dataset, rows),
        kinds_left_out=max(0, rows.groupby(["label", "manipulation"]).ngroups - _KINDS_SHOWN),
        rejected=[(row["image_id"], row["reason"]) for row in dataset.rejected[:_REJECTED_SHOWN]],
        rejected_total=len(dataset.rejected),
    )


def described(dataset: Dataset) -> pd.DataFrame:
    """What a dataset says of each of its images, without the image."""
    rows: pd.DataFrame = dataset.table(_COLUMNS).to_pandas()
    return rows.assign(licence=rows["licence"].replace("", "not stated"))


def counted_by(rows: pd.DataFrame, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Images of each value of ``columns``: in each split, in all, and their photographs."""
    return [(*values, *_counts(part)) for values, part in _parts(rows, columns)]


def _parts(
    rows: pd.DataFrame, columns: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The rows of each value of ``columns``; of many, the smallest are put together."""
    import pandas as pd

    parts = {tuple(map(str, v)): part for v, part in rows.groupby(list(columns), sort=True)}
    large = set(sorted(parts, key=lambda values: -len(parts[values]))[:_PARTS_SHOWN])
    yield from ((values, part) for values, part in parts.items() if values in large)
    small = [part for values, part in parts.items() if values not in large]
    if small:
        yield (f"{len(small):,} others", *[""] * (len(columns) - 1)), pd.concat(small)


def in_splits(rows: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Each split with its images and photographs."""
    for split in Split:
        part = rows[rows["split"] == split.value]
        if part.empty and split not in BASIC_SPLITS:
            continue
        yield split.value, f"{len(part):,}", f"{part['group'].nunique():,}"


def _counts(rows: pd.DataFrame) -> tuple[str, ...]:
    splits = rows["split"].value_counts()
    counts = [int(splits.get(split.value, 0)) for split in BASIC_SPLITS]
    return tuple(f"{count:,}" for count in (*counts, len(rows), rows["group"].nunique()))


def _licences(rows: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Each licence of each dataset with its counts, and the photographs under it by name."""
    for values, part in _parts(rows, ("licence", "dataset")):
        names = sorted(set(part["group"]))
        more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
        shown = ", ".join(names[:_NAMES_SHOWN]) + more
        yield *values, *_counts(part), shown


def _contact_sheet(dataset: Dataset, rows: pd.DataFrame) -> list[Kind]:
    """A few images of each kind, over as many photographs as there are."""
    kinds = [part for _, part in rows.groupby(["label", "manipulation"], sort=True)]
    kinds.sort(key=lambda part: (list(Label).index(part["label"].iloc[0]), -len(part)))
    chosen = [(part, _sample(part)) for part in kinds[:_KINDS_SHOWN]]
    seen = gallery.thumbnails(dataset, [name for _, few in chosen for name in few["image_id"]])
    return [_kind(part, few, seen) for part, few in chosen]


def _kind(rows: pd.DataFrame, few: pd.DataFrame, seen: Mapping[str, str]) -> Kind:
    label, manipulation = rows["label"].iloc[0], rows["manipulation"].iloc[0]
    shown = few.to_dict("records")
    cards = tuple(Card(seen[row["image_id"]], label, tuple(_lines(row))) for row in shown)
    return Kind(label, manipulation, len(rows), rows["group"].nunique(), cards)


def _sample(rows: pd.DataFrame) -> pd.DataFrame:
    """`PER_KIND` rows, every photograph once before any comes twice; the same rows each time."""
    keys = rows["image_id"].map(lambda name: hashlib.sha256(name.encode()).hexdigest())
    shuffled = rows.assign(key=keys).sort_values("key")
    turns = shuffled.groupby("group").cumcount()
    return shuffled.assign(turn=turns).sort_values(["turn", "key"]).head(PER_KIND)


def _lines(row: Row) -> Iterator[str]:
    yield row["image_id"]
    yield f"{row['dataset']}, {row['split']}"
    if row["caption"]:
        yield row["caption"][:_CAPTION_LENGTH]
