"""What came, what went and what changed between two datasets that were really built."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay import dataset_diff, images
from assay.dataset import Dataset, DataSettings
from assay.dataset_builder import build_dataset
from assay.errors import StorageError
from tests.datasets import stored
from tests.scenes import sample, scene

ROWS = {
    "a": ("authentic", "", "train", 1),
    "b": ("authentic", "", "validation", 2),
    "c": ("manipulated", "splice", "test", 3),
}
"""By name: label, kind, split, and which scene."""


def built(folder: Path, rows: dict[str, tuple[str, str, str, int]], **settings: object) -> Dataset:
    folder.mkdir()
    lines = ["file,label,kind,split,group,licence,dataset"]
    for name, (label, kind, split, seed) in rows.items():
        (folder / f"{name}.png").write_bytes(images.encode_png(scene(seed, 48, 48)))
        lines.append(f"{name}.png,{label},{kind},{split},group-{seed},CC0,set")
    (folder / "manifest.csv").write_text("\n".join(lines))
    chosen = {"source": "folder", "options": {"path": str(folder)}, "workers": 1, **settings}
    return build_dataset(DataSettings.model_validate(chosen), folder.parent / "datasets")


@pytest.fixture
def before(tmp_path: Path) -> Dataset:
    return built(tmp_path / "before", ROWS)


def test_diff_of_a_dataset_with_itself_is_nothing(before: Dataset) -> None:
    found = dataset_diff.diff(before, before)
    assert found.before == found.after
    assert (found.added.count, found.removed.count, found.changed.count) == (0, 0, 0)
    assert not found.transitions
    assert not found.settings


def test_diff_counts_what_came_and_what_went(before: Dataset, tmp_path: Path) -> None:
    rows = {name: row for name, row in ROWS.items() if name != "c"}
    rows |= {name: ("synthesized", "", "test", seed) for seed, name in enumerate("de", 4)}
    found = dataset_diff.diff(before, built(tmp_path / "after", rows))
    assert found.rows == (3, 4)
    assert (found.added.count, found.removed.count) == (2, 1)
    assert found.added.by["label"] == {"synthesized": 2}
    assert set(found.added.examples) == {"d.png", "e.png"}
    assert found.removed.by["label"] == {"manipulated": 1}
    assert found.counts["label"]["synthesized"] == (0, 2)
    assert found.counts["manipulation"]["splice"] == (1, 0)
    assert found.counts["licence"] == {"CC0": (3, 4)}


def test_diff_names_changed_labels_splits_and_groups(before: Dataset, tmp_path: Path) -> None:
    rows = {**ROWS, "a": ("synthesized", "", "test", 1)}
    after = built(tmp_path / "after", rows)
    found = dataset_diff.diff(before, after)
    assert (found.changed.count, found.content) == (1, 0)
    assert found.changed.examples == ("a.png",)
    assert found.transitions["label"] == {"authentic -> synthesized": 1}
    assert found.transitions["split"] == {"train -> test": 1}


def test_diff_tells_another_picture_under_the_same_name(before: Dataset, tmp_path: Path) -> None:
    (tmp_path / "before" / "a.png").write_bytes(images.encode_png(scene(9, 48, 48)))
    options = {"source": "folder", "options": {"path": str(tmp_path / "before")}, "workers": 1}
    again = build_dataset(DataSettings.model_validate(options), tmp_path / "datasets")
    found = dataset_diff.diff(before, again)
    assert (found.changed.count, found.content) == (1, 1)
    assert not found.transitions


def test_diff_shows_settings_that_differ(before: Dataset, tmp_path: Path) -> None:
    found = dataset_diff.diff(before, built(tmp_path / "after", ROWS, seed=3))
    assert found.settings["seed"] == ("0", "3")
    assert set(found.settings) == {"seed", "options.path"}


def test_diff_needs_the_digests_that_a_build_writes(before: Dataset, tmp_path: Path) -> None:
    other = stored(tmp_path / "other", [sample(1)])
    with pytest.raises(StorageError, match="holds no digests of its rows; build the dataset again"):
        dataset_diff.diff(before, other)
