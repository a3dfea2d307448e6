from __future__ import annotations

from pathlib import Path

import pytest

from assay import evidence, images, sources
from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.errors import SchemaViolation
from assay.records import Label, Rejected, Sample, Split
from tests.scenes import scene


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Its four folders with pictures of 32 x 32 pixels, as JPEG."""
    parts = ("train/REAL", "train/FAKE", "test/REAL", "test/FAKE")
    for number, name in enumerate(parts):
        (tmp_path / "cifake" / name).mkdir(parents=True)
        for seed in range(6):
            data = images.encode_jpeg(scene(100 * number + seed, 32, 32), 90)
            (tmp_path / "cifake" / name / f"{seed:04d}.jpg").write_bytes(data)
    return tmp_path / "cifake"


def fetched(folder: Path) -> list[Sample | Rejected]:
    return list(sources.create("cifake", {"path": str(folder)}).fetch())


def test_folders_are_labels_and_splits(folder: Path):
    found = {row.image_id: row for row in fetched(folder) if isinstance(row, Sample)}
    assert len(found) == 24
    fake = found["test/FAKE/0000.jpg"]
    assert (fake.label, fake.split) == (Label.SYNTHESIZED, Split.TEST)
    assert fake.manipulation == "stable_diffusion"
    real = found["train/REAL/0005.jpg"]
    assert (real.label, real.split, real.manipulation) == (Label.AUTHENTIC, Split.TRAIN, "")


def test_prefix_mixes_the_folders(folder: Path):
    first = [row.image_id.rpartition("/")[0] for row in fetched(folder)[:10]]
    assert len(set(first)) > 2


def test_validation_is_taken_out_of_training_and_test_stays(folder: Path, tmp_path: Path):
    data = DataSettings(source="cifake", options={"path": str(folder)}, workers=1)
    dataset = build_dataset(data, tmp_path / "datasets")
    assert dataset.rejected == []
    splits = dataset.summary()["split"]
    assert splits[Split.TEST] == 12
    assert 0 < splits[Split.VALIDATION] < 12
    dataset.check_trainable()


def test_missing_folder_is_named(folder: Path):
    (folder / "test" / "FAKE").rename(folder / "test" / "fake")
    with pytest.raises(SchemaViolation, match="holds no test/FAKE"):
        fetched(folder)


def test_fingerprint_follows_the_files(folder: Path):
    source = sources.create("cifake", {"path": str(folder)})
    before = source.fingerprint()
    (folder / "train" / "REAL" / "0000.jpg").write_bytes(b"other")
    assert source.fingerprint() != before


def test_unreadable_file_is_rejected_when_the_dataset_is_built(folder: Path, tmp_path: Path):
    (folder / "train" / "REAL" / "0000.jpg").write_bytes(b"no image")
    data = DataSettings(source="cifake", options={"path": str(folder)}, workers=1)
    dataset = build_dataset(data, tmp_path / "datasets")
    assert [row["image_id"] for row in dataset.rejected] == ["train/REAL/0000.jpg"]


def test_every_examination_takes_images_as_small():
    photo = images.decode(images.encode_jpeg(scene(1, 32, 32), 90))
    for name, examiner in evidence.examiners().items():
        found = examiner.examine(photo)
        assert found.not_applicable or found.value is not None or found.facts, name


def test_files_that_cannot_be_used_are_rejected_by_kind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(images, "MAX_BYTES", 10)
    (folder / "test" / "REAL" / "od\x1bd.jpg").write_bytes(b"")
    kinds = {row.reason.partition(": ")[0] for row in fetched(folder) if isinstance(row, Rejected)}
    assert kinds == {"unreadable", "faulty row"}
