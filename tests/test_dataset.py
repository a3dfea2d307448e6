"""Reading datasets, and what a row of one is."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.dataset import Dataset, DataSettings, row_digest
from assay.errors import DataError, SplitLeakage, StorageError
from assay.records import BASIC_SPLITS, Label, Sample, Split, sample_schema
from assay.sample_shards import to_row, to_sample
from tests.datasets import stored
from tests.scenes import sample

samples = st.builds(
    Sample,
    image=st.binary(max_size=9),
    mask=st.binary(max_size=9),
    label=st.sampled_from(Label),
    split=st.sampled_from([None, *Split]),
)


def three(path: Path) -> Dataset:
    """A row in each split."""
    return stored(path, [sample(i, split=split) for i, split in enumerate(BASIC_SPLITS)])


@given(samples)
def test_row_round_trip_is_exact(original: Sample) -> None:
    assert to_sample(to_row(original)) == original


@given(samples, samples)
def test_row_digest_tells_rows_apart(one: Sample, other: Sample) -> None:
    assert (row_digest(to_row(one)) == row_digest(to_row(other))) == (one == other)


def test_row_digest_knows_where_a_field_ends() -> None:
    row = to_row(sample(caption="ab", rationale="c"))
    assert row_digest(row) != row_digest(row | {"caption": "a", "rationale": "bc"})


def test_samples_come_back_as_they_were_stored(tmp_path: Path) -> None:
    originals = [sample(i, split=Split.TRAIN, caption="ü") for i in range(70)]
    assert list(stored(tmp_path, originals).samples()) == originals


def test_find_gives_the_named_samples_in_stored_order(tmp_path: Path) -> None:
    originals = [sample(i, split=Split.TRAIN) for i in range(40)]
    dataset = stored(tmp_path, originals)
    found = dataset.find(["scene-33", "scene-2", "unknown"])
    assert list(found) == [originals[2], originals[33]]
    assert list(dataset.find([])) == []


def test_samples_and_table_can_be_limited_to_a_split(tmp_path: Path) -> None:
    dataset = three(tmp_path)
    assert [s.image_id for s in dataset.samples(Split.TEST)] == ["scene-2"]
    assert dataset.table(["image_id"], Split.TEST).to_pylist() == [{"image_id": "scene-2"}]
    assert len(dataset) == len(dataset.table()) == 3


def test_table_reads_image_bytes_only_when_asked(tmp_path: Path) -> None:
    dataset = three(tmp_path)
    assert set(sample_schema().names) - set(dataset.table().column_names) == {"image", "mask"}
    assert dataset.table(["image"]).column_names == ["image"]


def test_check_splits_names_the_torn_group(tmp_path: Path) -> None:
    torn = [sample(i, group="g", split=split) for i, split in enumerate(BASIC_SPLITS)]
    with pytest.raises(SplitLeakage, match="'g' in test and train and validation"):
        stored(tmp_path / "torn", torn).check_splits()
    three(tmp_path / "whole").check_splits()


@pytest.mark.parametrize("split", BASIC_SPLITS)
@pytest.mark.parametrize(
    ("label", "lacking"),
    [(Label.AUTHENTIC, "manipulated or synthesized"), (Label.SYNTHESIZED, "authentic")],
)
def test_check_trainable_names_the_split_and_what_it_lacks(
    tmp_path: Path, split: Split, label: Label, lacking: str
) -> None:
    every = [
        sample(i, split=part, label=kind)
        for i, part in enumerate(BASIC_SPLITS)
        for kind in (Label.AUTHENTIC, Label.SYNTHESIZED)
    ]
    dataset = stored(tmp_path / "one", [s for s in every if s.split != split or s.label is label])
    with pytest.raises(DataError, match=f"the {split} split holds no {lacking} images; add"):
        dataset.check_trainable()
    dataset.check_trainable([part for part in BASIC_SPLITS if part is not split])
    stored(tmp_path / "whole", every).check_trainable()


_SOUND = {"version": "a", "rows": 1, "rejected": [], "counts": {}}
_NO_MANIFESTS = [
    *("{", "[]", "5", "[" * 100_000),
    *(json.dumps(_SOUND | wrong) for wrong in ({"version": 1}, {"rows": "x"}, {"rejected": [1]})),
    json.dumps({"version": "a"}),
]


@pytest.mark.parametrize("content", [None, *_NO_MANIFESTS], ids=range(len(_NO_MANIFESTS) + 1))
def test_open_refuses_what_is_no_dataset(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(StorageError, match="is no dataset"):
        Dataset(tmp_path)


def test_damaged_shard_is_named_with_the_remedy(tmp_path: Path) -> None:
    dataset = three(tmp_path)
    (tmp_path / "0.parquet").write_bytes(b"PAR1 no more PAR1")
    with pytest.raises(StorageError, match=r"0\.parquet cannot be read .* build the dataset again"):
        dataset.table()
    with pytest.raises(StorageError, match=r"0\.parquet cannot be read"):
        list(dataset.samples())


def test_shard_without_a_column_is_named(tmp_path: Path) -> None:
    dataset, shard = three(tmp_path), tmp_path / "0.parquet"
    pq.write_table(pq.read_table(shard).drop(["label"]), shard)
    with pytest.raises(StorageError, match=r"0\.parquet cannot be read .*label"):
        dataset.table()


def test_settings_leave_rows_to_train_on() -> None:
    with pytest.raises(ValidationError, match="leave no training rows"):
        DataSettings(validation_share=0.5, test_share=0.5)


def test_dataset_of_an_earlier_release_reads_with_empty_columns(tmp_path: Path) -> None:
    original = sample(1, split=Split.TRAIN)
    stored(tmp_path, [original])
    shard = tmp_path / "0.parquet"
    pq.write_table(pq.read_table(shard).drop_columns(["context", "url"]), shard)
    dataset = Dataset(tmp_path)
    assert list(dataset.samples()) == list(dataset.find([original.image_id])) == [original]
    assert dataset.table(["context", "url"]).to_pylist() == [{"context": "", "url": ""}]


def test_dataset_without_a_column_of_every_release_is_refused(tmp_path: Path) -> None:
    stored(tmp_path, [sample(1, split=Split.TRAIN)])
    shard = tmp_path / "0.parquet"
    pq.write_table(pq.read_table(shard).drop_columns(["label"]), shard)
    with pytest.raises(StorageError, match="no column label"):
        list(Dataset(tmp_path).samples())
