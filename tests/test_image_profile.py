"""The profile: one decode an image, damage as a value, and the features that training sees."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from assay import images
from assay.baseline import FEATURES, features
from assay.dataset import MANIFEST, Dataset
from assay.duplicates import perceptual_hash
from assay.errors import SchemaViolation
from assay.image_profile import COLUMNS, profile
from assay.images import Variant
from assay.progress import silent
from assay.records import Label, Split
from tests.datasets import stored
from tests.scenes import sample, scene
from tests.training_runs import corner


@pytest.mark.parametrize("form", ["raw", "normalised"])
def test_profile_has_the_features_that_the_baseline_sees(tmp_path: Path, form: str):
    made = sample(1, 64, 96, image=images.encode_jpeg(scene(1, 64, 96), 88), split=Split.TRAIN)
    rows = profile(stored(tmp_path, [made]), 1, silent)
    kind = Variant.AS_IS if form == "raw" else Variant.BIAS_CONTROLLED
    expected = features(images.photo_of(made, kind))
    assert {name: rows[f"{form}_{name}"][0] for name in FEATURES} == expected


def test_profile_measures_image_and_mask(tmp_path: Path):
    made = sample(1, 64, 96, label=Label.MANIPULATED, mask=corner(), split=Split.TEST)
    row = profile(stored(tmp_path, [made]), 1, silent).iloc[0]
    assert (row["width"], row["height"], row["format"]) == (96, 64, "PNG")
    assert (row["mask_width"], row["mask_height"]) == (96, 64)
    assert row["mask_share"] == pytest.approx(400 / (64 * 96))
    assert row["digest"] == perceptual_hash(scene(1, 64, 96)).digest.hex()


@pytest.mark.parametrize(("column", "words"), [("image", "not an image"), ("mask", "mask: not")])
def test_profile_lists_damage_instead_of_raising(tmp_path: Path, column: str, words: str):
    made = [sample(n, split=Split.TRAIN, **({column: b"?"} if n else {})) for n in range(2)]
    rows = profile(stored(tmp_path, made), 1, silent)
    assert rows["error"].isna().tolist() == [True, False]
    assert words in rows["error"][1]


def test_profile_ends_with_the_rejected_rows(tmp_path: Path):
    dataset = stored(tmp_path, [sample(1, split=Split.TRAIN)])
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["rejected"] = [{"image_id": "x", "reason": "gone"}]
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    rows = profile(Dataset(dataset.path), 1, silent)
    assert tuple(rows.columns) == COLUMNS
    assert rows["rejected"].isna().tolist() == [True, False]
    assert rows["image_id"].tolist() == ["scene-1", "x"]


def test_profile_does_not_depend_on_the_processes(tmp_path: Path):
    dataset = stored(tmp_path, [sample(n, split=Split.TRAIN) for n in range(4)])
    assert profile(dataset, 1, silent).equals(profile(dataset, 2, silent))


def test_profile_of_images_without_bytes_is_refused(tmp_path: Path):
    dataset = stored(tmp_path, [sample(1, split=Split.TRAIN)])
    pq.write_table(
        pq.read_table(tmp_path / "0.parquet").drop_columns(["image"]), tmp_path / "0.parquet"
    )
    with pytest.raises(SchemaViolation, match=r"0\.parquet has no image; build it again"):
        profile(dataset, 1, silent)
