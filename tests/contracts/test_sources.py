"""What every source promises; a new file in the folder is tested without editing this one."""

from __future__ import annotations

import json
import shutil
from itertools import islice
from pathlib import Path

import pytest

from assay import images, plugins, sources
from assay.errors import UnknownPlugin
from assay.records import Label, Sample, Split
from assay.sources import Source
from tests import ammeba_set, datasets, intakes
from tests.scenes import sample, scene

LIMIT = 24


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory for any required option: labelled images, a dataset, and labels after it.

    And CIFAKE's folders, and AMMeBa's files with the images beside them.
    """
    for label in Label:
        (tmp_path / label).mkdir()
        for seed in range(2):
            (tmp_path / label / f"{seed}.png").write_bytes(images.encode_png(scene(seed, 64, 64)))
    older, newer = (
        sample(seed, source="captures", dataset="captures", group=str(seed), split=Split.TRAIN)
        for seed in range(2)
    )
    conversations(tmp_path)
    for name in ("train/REAL", "train/FAKE", "test/REAL", "test/FAKE"):
        shutil.copytree(tmp_path / "authentic", tmp_path / name)
    ammeba_set.with_images(tmp_path, [scene(seed, 64, 64) for seed in range(2)])
    intakes.written(tmp_path, datasets.stored(tmp_path, [older]), [newer])
    return tmp_path


def conversations(folder: Path) -> None:
    """Two of the images as conversations."""
    files = [f"{label}/0.png" for label in (Label.AUTHENTIC, Label.MANIPULATED)]
    told = [
        {
            "conversations": [
                {"from": "human", "value": "<image>What is it?"},
                {"from": "gpt", "value": f"{file.split('/')[0].capitalize()}."},
            ],
            "images": [file],
        }
        for file in files
    ]
    (folder / "told.json").write_text(json.dumps(told))
    info = {"told": {"file_name": "told.json", "formatting": "sharegpt"}}
    (folder / "dataset_info.json").write_text(json.dumps(info))


@pytest.fixture(params=plugins.discover("assay.sources", Source))  # type: ignore[type-abstract]
def source(request: pytest.FixtureRequest, folder: Path) -> Source:
    """Each source with its defaults; required options are directories."""
    kind = plugins.find("assay.sources", Source, request.param)  # type: ignore[type-abstract]
    required = [name for name, field in kind.model_fields.items() if field.is_required()]
    return sources.create(request.param, dict.fromkeys(required, folder))


def first(source: Source) -> list[Sample]:
    """The first samples, none of them rejected."""
    samples = list(islice(source.fetch(), LIMIT))
    assert all(isinstance(sample, Sample) for sample in samples)
    return samples  # type: ignore[return-value]


def test_fetch_order_is_stable(source: Source) -> None:
    assert first(source) == first(source)


def test_fetch_yields_unique_image_ids(source: Source) -> None:
    samples = first(source)
    assert len({sample.image_id for sample in samples}) == len(samples) > 0


def test_fetch_names_source_and_dataset(source: Source) -> None:
    assert all(sample.source == source.name and sample.dataset for sample in first(source))


def test_fetch_yields_decodable_images(source: Source) -> None:
    assert all(min(images.decode(sample.image).size) >= 64 for sample in first(source))


def test_fetch_streams(source: Source) -> None:
    iterator = source.fetch()
    assert iter(iterator) is iterator
    assert isinstance(next(iterator), Sample)


def test_fingerprint_is_repeatable(source: Source) -> None:
    twin = type(source)(**source.model_dump())
    assert twin.fingerprint() == source.fingerprint()


def test_name_is_its_module(source: Source) -> None:
    assert type(source).__module__ == f"assay.sources.{source.name}"


def test_create_names_nearest_source() -> None:
    with pytest.raises(UnknownPlugin, match="did you mean 'photos'"):
        sources.create("photo", {})
