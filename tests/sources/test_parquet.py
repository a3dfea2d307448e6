from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import images, sources
from assay.errors import SchemaViolation
from assay.records import Label, Rejected, Sample, Split
from tests.scenes import scene

FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": ["FAKE", "REAL"], "_type": "ClassLabel"},
}
MEANING = {"FAKE": "synthesized", "REAL": "authentic"}


def stored(folder: Path, name: str = "train-00000-of-00001.parquet", **columns: Any) -> Path:
    """A shard as Hugging Face writes one, of two images; ``columns`` replace its own."""
    pictures = [images.encode_png(scene(seed, 64, 64)) for seed in range(2)]
    given = {
        "image": [{"bytes": data, "path": "x.png"} for data in pictures],
        "label": [0, 1],
    }
    table = pa.table(given | columns)
    info = json.dumps({"info": {"features": FEATURES}})
    (folder / "data").mkdir(exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"huggingface": info}), folder / "data" / name)
    return folder


def fetched(folder: Path, **options: Any) -> list[Sample | Rejected]:
    options = {"path": str(folder), "labels": MEANING} | options
    return list(sources.create("parquet", options).fetch())


def test_numbered_labels_are_named_by_the_shard_and_mapped_by_the_option(tmp_path: Path):
    fake, real = fetched(stored(tmp_path), manipulation="gan")
    assert isinstance(fake, Sample)
    assert isinstance(real, Sample)
    assert (fake.label, fake.manipulation) == (Label.SYNTHESIZED, "gan")
    assert (real.label, real.manipulation) == (Label.AUTHENTIC, "")
    assert fake.image_id == "data/train-00000-of-00001.parquet:0"
    assert images.decode(fake.image).size == (64, 64)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-00000-of-00001.parquet", Split.TRAIN),
        ("validation-00000-of-00001.parquet", Split.VALIDATION),
        ("test.parquet", Split.TEST),
        ("0000.parquet", None),
    ],
)
def test_split_is_the_first_word_of_the_name(tmp_path: Path, name: str, split: Split | None):
    assert {row.split for row in fetched(stored(tmp_path, name)) if isinstance(row, Sample)} == {
        split
    }


def test_our_own_label_names_need_no_option(tmp_path: Path):
    folder = stored(tmp_path, label=["authentic", "manipulated"])
    rows = list(sources.create("parquet", {"path": str(folder)}).fetch())
    assert [row.label for row in rows if isinstance(row, Sample)] == [
        Label.AUTHENTIC,
        Label.MANIPULATED,
    ]


def test_plain_binary_column_is_an_image(tmp_path: Path):
    folder = stored(tmp_path, image=[images.encode_png(scene(9, 64, 64))] * 2)
    assert all(isinstance(row, Sample) for row in fetched(folder))


def test_rows_that_cannot_be_used_are_rejected(tmp_path: Path):
    folder = stored(tmp_path, label=[7, 1], image=[{"bytes": b"x", "path": ""}, {"path": "far"}])
    first, second = fetched(folder)
    assert isinstance(first, Rejected)
    assert isinstance(second, Rejected)
    assert first.reason.startswith("unknown label: '7'")
    assert second.reason.startswith("no image:")


def test_missing_column_is_named_with_the_nearest(tmp_path: Path):
    with pytest.raises(SchemaViolation, match="no column 'images', did you mean 'image'"):
        fetched(stored(tmp_path), image_column="images")


def test_damaged_shard_is_named(tmp_path: Path):
    (stored(tmp_path) / "data" / "zz.parquet").write_bytes(b"no parquet")
    with pytest.raises(SchemaViolation, match=r"data/zz\.parquet"):
        fetched(tmp_path)


def test_folder_without_shards_is_refused(tmp_path: Path):
    with pytest.raises(SchemaViolation, match="holds no Parquet file"):
        fetched(tmp_path)


def test_rows_in_memory_are_bounded_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows, read = [], pq.ParquetFile.iter_batches
    monkeypatch.setattr(
        pq.ParquetFile, "iter_batches", lambda file, n, **kw: rows.append(n) or read(file, n, **kw)
    )
    large = [np.random.default_rng(seed).bytes(12 * 2**20) for seed in range(2)]
    assert len(fetched(stored(tmp_path, image=large))) == 2
    assert rows == [5]


def test_shard_whose_name_is_no_text_is_refused(tmp_path: Path):
    (shard,) = (stored(tmp_path) / "data").iterdir()
    shard.rename(shard.with_name(os.fsdecode(b"train-\xff.parquet")))
    with pytest.raises(SchemaViolation, match="rename it"):
        sources.create("parquet", {"path": str(tmp_path)}).fingerprint()
