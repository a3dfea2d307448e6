"""Pixel-equal images with two labels leave a dataset, and people get to decide about them."""

from __future__ import annotations

import json

import pytest

from assay import __main__ as command
from assay import conflicts
from assay.dataset import Dataset
from tests.conflicting import built


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return built(tmp_path_factory.mktemp("conflicts"))


def test_conflicting_images_leave_the_dataset_with_the_reason(dataset: Dataset) -> None:
    reasons = {row["image_id"]: row["reason"] for row in dataset.rejected}
    assert set(reasons) == {
        *("authentic/100.png", "authentic/101.png"),
        *("manipulated/100.webp", "manipulated/101.webp"),
    }
    told = reasons["authentic/100.png"]
    assert told.startswith("conflict: labelled authentic, but has the pixels of manipulated/100")
    assert "(manipulated)" in told
    stored = set(dataset.table(["image_id"])["image_id"].to_pylist())
    assert not stored & set(reasons)


def test_nearly_equal_images_with_two_labels_stay_in_one_group(dataset: Dataset) -> None:
    rows = {row["image_id"]: row for row in dataset.table().to_pylist()}
    one, other = rows["authentic/102.png"], rows["manipulated/near.jpg"]
    assert one["group"] == other["group"]
    assert one["split"] == other["split"]


def test_conflicts_are_kept_beside_the_dataset(dataset: Dataset) -> None:
    found = conflicts.of(dataset)
    assert sorted(one.labels for one in found) == [
        (("authentic/100.png", "authentic"), ("manipulated/100.webp", "manipulated")),
        (("authentic/101.png", "authentic"), ("manipulated/101.webp", "manipulated")),
    ]


def test_command_lists_conflicts(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["datasets", "conflicts", str(dataset.path)]) == 0
    assert "manipulated/101.webp" in capsys.readouterr().out
    assert command.main(["datasets", "conflicts", str(dataset.path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
