"""The source that continues a dataset: what it yields, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.dataset import Dataset
from assay.errors import SchemaViolation
from assay.records import Sample, Split
from assay.sources.captures import LISTING, Captures
from tests import datasets, intakes
from tests.scenes import sample

OLDER = [
    sample(number, source="folder", dataset="older", group=str(number), split=split)
    for number, split in enumerate(Split)
]
NEWER = sample(
    9, source="captures", dataset="captures", group="9", split=Split.NEWEST,
    published_at="2026-01-05T12:00:00+00:00",
)  # fmt: skip


@pytest.fixture
def base(tmp_path: Path) -> Dataset:
    return datasets.stored(tmp_path / "base", OLDER)


def source(base: Dataset, tmp_path: Path, dropped: tuple[str, ...] = ()) -> Captures:
    labels = intakes.written(tmp_path / "labels", base, [NEWER], dropped)
    return Captures(base=base.path, labels=labels)


def splits(found: Captures, since: str | None = None) -> dict[str, Split | None]:
    rows = list(found.fetch(since))
    assert all(isinstance(row, Sample) for row in rows)
    return {row.image_id: row.split for row in rows if isinstance(row, Sample)}


def test_older_rows_keep_their_splits_but_the_newest_window(base: Dataset, tmp_path: Path) -> None:
    assert splits(source(base, tmp_path)) == {
        "scene-0": Split.TRAIN,
        "scene-1": Split.VALIDATION,
        "scene-2": Split.TEST,
        "scene-3": Split.TRAIN,
        "scene-4": Split.ONLINE_TEST,
        "scene-5": Split.PRODUCTION,
        "scene-9": Split.NEWEST,
    }


def test_dropped_rows_are_not_yielded(base: Dataset, tmp_path: Path) -> None:
    assert "scene-0" not in splits(source(base, tmp_path, ("scene-0",)))


def test_since_leaves_out_what_was_served_before(base: Dataset, tmp_path: Path) -> None:
    assert "scene-9" not in splits(source(base, tmp_path), "2026-01-06")


def test_other_labels_have_another_fingerprint(base: Dataset, tmp_path: Path) -> None:
    before = source(base, tmp_path)
    other = intakes.written(tmp_path / "other", base, [OLDER[0]])
    assert Captures(base=base.path, labels=other).fingerprint() != before.fingerprint()


def test_labels_of_another_dataset_are_refused(base: Dataset, tmp_path: Path) -> None:
    found = source(base, tmp_path)
    listing = found.labels / LISTING
    listing.write_text(listing.read_text().replace('"test"', '"another"'))
    with pytest.raises(SchemaViolation, match="continues dataset another"):
        next(found.fetch())


def test_folder_without_a_listing_is_refused(base: Dataset, tmp_path: Path) -> None:
    with pytest.raises(SchemaViolation, match="take the labels in again"):
        Captures(base=base.path, labels=tmp_path).fingerprint()
