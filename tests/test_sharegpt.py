from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assay import images, prompts, sharegpt
from assay.__main__ import main
from assay.dataset import Dataset
from assay.errors import DataError
from assay.images import Variant
from assay.progress import silent
from assay.records import Label, Sample
from assay.sources.sharegpt import ShareGPT
from tests import datasets, training_runs

REASON = "Inferred: nothing points to an edit or a generator."


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Six training and three test images, with everything that a sample can say."""
    made = [
        replace(one, licence="CC0", caption="A “caption”", url="https://example.org/a", context="x")
        for one in training_runs.samples()
        if int(one.image_id.partition("-")[2]) in (0, 1, 2, 3, 4, 5, 12, 13, 14)
    ]
    return datasets.stored(tmp_path_factory.mktemp("data"), made)


def exported(dataset: Dataset, folder: Path, form: Variant) -> sharegpt.Exported:
    return sharegpt.export(dataset, folder, silent, {"scene-0": REASON}, form, 1)


def read_back(folder: Path) -> dict[str, Sample]:
    found = list(ShareGPT(path=folder).fetch())
    assert all(isinstance(one, Sample) for one in found)
    return {one.image_id: one for one in found}  # type: ignore[misc]


def test_a_dataset_goes_out_and_comes_back(dataset: Dataset, tmp_path: Path) -> None:
    made = exported(dataset, tmp_path / "out", Variant.AS_IS)
    assert made.conversations == {"assay_train": 6, "assay_test": 3}
    assert made.with_reasons_of_a_teacher == 1
    back = read_back(tmp_path / "out")
    for sample in dataset.samples():
        twin = back[sample.image_id]
        assert replace(twin, rationale="", source=sample.source) == sample
        assert twin.rationale
    assert back["scene-0"].rationale == REASON


def test_images_are_bias_controlled_unless_asked_otherwise(
    dataset: Dataset, tmp_path: Path
) -> None:
    exported(dataset, tmp_path / "out", Variant.BIAS_CONTROLLED)
    twin = read_back(tmp_path / "out")["scene-1"]
    original = next(one for one in dataset.samples() if one.image_id == "scene-1")
    assert twin.image == images.bias_control(original.image, "scene-1")
    assert images.mask_of(twin, images.decode(twin.image)) is not None


def test_conversations_are_those_of_a_training(dataset: Dataset, tmp_path: Path) -> None:
    exported(dataset, tmp_path / "out", Variant.BIAS_CONTROLLED)
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    entry = info["assay_train"]
    assert entry["formatting"] == "sharegpt"
    for record in json.loads((tmp_path / "out" / entry["file_name"]).read_text()):
        asked, said = record[entry["columns"]["messages"]]
        assert (asked[entry["tags"]["role_tag"]], said["role"]) == ("user", "assistant")
        assert asked["content"].startswith(f"<image>{prompts.QUESTION}\nHints: ")
        assert asked["content"].count("<image>") == len(record["images"]) == 1
        assert prompts.parse(said["content"]).label in Label
        assert (tmp_path / "out" / record["images"][0]).is_file()


def test_a_folder_in_use_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(DataError, match="name a new folder"):
        exported(dataset, tmp_path, Variant.AS_IS)


def test_the_command_exports(
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    out = tmp_path / "out"
    assert main(["datasets", "export", str(dataset.path), str(out), "--as-is", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["conversations"] == {"assay_train": 6, "assay_test": 3}
    assert len(read_back(out)) == 9
