"""The folder with turned labels that `benchmarks.planted_defect` trains on."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.progress import silent
from assay.records import Label, Sample, Split
from assay.sources.folder import Folder
from benchmarks.planted_defect import _drawn, _is_of_batch, export
from tests.datasets import stored
from tests.scenes import sample
from tests.training_runs import samples


def exported(folder: Path, share: float) -> tuple[dict[str, Sample], dict[str, Sample]]:
    """The samples of a dataset, and those of its export, by id."""
    dataset = stored(folder / "dataset", samples())
    export(dataset, folder / "export", _drawn(share))
    before = {s.image_id: s for s in dataset.samples()}
    fetched = Folder(path=folder / "export").fetch()
    return before, {Path(s.image_id).stem: s for s in fetched if isinstance(s, Sample)}


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_export_turns_the_share_of_labels_outside_the_test_split(tmp_path: Path, share: float):
    before, after = exported(tmp_path, share)
    assert set(before) == set(after)
    fitted = [name for name, row in before.items() if row.split is not Split.TEST]
    authentic = [(before[n].label, after[n].label) for n in fitted]
    turned = [(a is Label.AUTHENTIC) != (b is Label.AUTHENTIC) for a, b in authentic]
    assert 0 < sum(turned) < len(turned) if share == 0.5 else sum(turned) == share * len(turned)
    kept = set(before) - set(fitted)
    assert all(after[name].label is before[name].label for name in kept)


def test_batch_is_the_pairs_of_one_manipulation_with_their_twins():
    ids = ("photos-a-1-resynthesis-0", "photos-a-1-resynthesis-0-twin", "photos-a-1-splice-0-twin")
    assert [_is_of_batch(sample(image_id=name)) for name in ids] == [True, True, False]


def test_export_keeps_bytes_splits_and_groups(tmp_path: Path):
    before, after = exported(tmp_path, 0.5)
    for name, row in before.items():
        kept = after[name]
        assert (kept.image, kept.split, kept.group) == (row.image, row.split, row.group)
        assert kept.mask == (b"" if kept.label is Label.AUTHENTIC else row.mask)


def test_export_is_built_with_the_same_groups(tmp_path: Path):
    before, _ = exported(tmp_path, 0.5)
    data = DataSettings(source="folder", options={"path": str(tmp_path / "export")}, workers=1)
    built = build_dataset(data, tmp_path / "built", silent)
    groups = {(s.group, s.split) for s in built.samples()}
    assert groups == {(s.group, s.split) for s in before.values()}
