"""The facts of a model card, gathered from a bundle, its dataset and a real registry."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay import (
    home,
    model_card,
    model_registry,
    model_versions,
    parameters,
    prompts,
    publishing,
    tracking,
)
from assay.calibration import Calibration
from assay.dataset import Dataset, DataSettings
from assay.errors import CheckpointMismatch
from assay.fingerprints import content_hash
from assay.images import Variant
from assay.model_folder import CALIBRATION_FILE, MODEL_FILE
from assay.records import Split
from assay.review import ReviewSettings
from assay.training import BaseSettings, TrainingSettings
from tests.cards import card
from tests.datasets import stored
from tests.scenes import sample

PREDICTIONS = pd.DataFrame(
    {
        "variant": ["as_is"] * 4 + ["bias_controlled"] * 4,
        "needs_review": [True, False, False, False, True, True, False, False],
        "seen": [False] * 7 + [True],
    }
)


pytestmark = pytest.mark.usefixtures("tracked_state")


@pytest.fixture(scope="module")
def dataset(tracked_state: Path) -> Dataset:
    return stored(tracked_state / "dataset", [sample(1, split=Split.TRAIN, licence="CC0")])


@pytest.fixture(scope="module")
def bundle(tracked_state: Path) -> Path:
    """A model folder of 12 + 4 numbers, registered from a run that says how long it took."""
    made = model_folder(tracked_state / "bundle")
    tags = {"dataset_version": "test", "zenml_run": "train-1", "hardware": "two cores"}
    with tracking.run("train-1", {}, tags) as run_id:
        tracking.log_metrics(run_id, 1, {"train/seconds": 60.0, "warm_up/seconds": 90.0})
    model_registry.register(made, run_id)
    return made


def model_folder(path: Path) -> Path:
    from safetensors.numpy import save_file

    for part, shape in (("base", (3, 4)), ("adapter", (4,))):
        (path / part).mkdir(parents=True)
        save_file({"w": np.zeros(shape, np.float32)}, path / part / "model.safetensors")
    facts = {
        "family": "tiny_qwen2_5_vl",
        "prompt_version": prompts.PROMPT_VERSION,
        "seen_groups": [],
        "base": BaseSettings(warm_up=True).model_dump(mode="json"),
        "training": TrainingSettings(lora_rank=4).model_dump(mode="json"),
        "version": "abcabc",
    }
    (path / MODEL_FILE).write_text(json.dumps(facts))
    Calibration(1.0, 0.5, 0.25, 0.75).save(path / CALIBRATION_FILE)
    return path


def test_gather_joins_bundle_dataset_and_run(bundle: Path, dataset: Dataset):
    made = model_card.gather(bundle, dataset, card().evaluation, PREDICTIONS)
    assert (made.name, made.lora_rank) == ("abcabc", 4)
    assert (made.parameters, made.adapter_parameters) == (12, 4)
    assert (made.model.version, made.model.run) == ("1", "train-1")
    assert made.training.seconds == {"warm-up": 90, "adapter": 60}
    assert made.training.hardware == "two cores"
    assert made.training.settings == {"base.warm_up": True, "training.lora_rank": 4}
    assert made.data.counts["licence"] == {"CC0": 1}


def test_share_for_people_leaves_out_what_the_model_has_seen(bundle: Path, dataset: Dataset):
    made = model_card.gather(bundle, dataset, card().evaluation, PREDICTIONS)
    assert made.review_share == {
        Variant.AS_IS: 0.25,
        Variant.BIAS_CONTROLLED: pytest.approx(2 / 3),
    }


def test_gather_takes_the_length_of_a_run_that_does_not_say_its_stages(
    tracked_state: Path, dataset: Dataset
):
    other = model_folder(tracked_state / "other")
    (other / "note.txt").touch()
    with tracking.run("train-2", {}, {}) as run_id:
        pass
    model_registry.register(other, run_id)
    made = model_card.gather(other, dataset, card().evaluation, PREDICTIONS)
    assert list(made.training.seconds) == ["all"]
    assert made.training.hardware


def test_gather_names_weights_that_cannot_be_read(bundle: Path, dataset: Dataset, tmp_path: Path):
    broken = model_folder(tmp_path / "broken")
    (broken / "base" / "model.safetensors").write_bytes(b"nothing")
    with tracking.run("train-3", {}, {}) as run_id:
        model_registry.register(broken, run_id)
    with pytest.raises(CheckpointMismatch, match=r"model\.safetensors holds no weights"):
        model_card.gather(broken, dataset, card().evaluation, PREDICTIONS)


def test_publish_describes_version_and_run_and_leaves_the_bundle_alone(
    bundle: Path, dataset: Dataset
):
    before = content_hash(bundle)
    made = model_card.gather(bundle, dataset, card().evaluation, PREDICTIONS)
    for _ in range(2):  # a model that is registered again keeps its version and gets its card anew
        publishing.publish_card(made)
    store = tracking.client()
    version = store.get_model_version(model_versions.MODEL, "1")
    files = store.list_artifacts(version.run_id, model_registry.card_folder("1"))
    assert {Path(file.path).name for file in files} == {"model_card.md", "model_card.html"}
    assert version.description.startswith("The whole card: [model_card-v1/model_card.html](http")
    assert version.tags["zenml_run"] == "train-1"
    assert version.tags["bias_controlled/auc"] == "0.700 (0.600-0.800)"
    assert version.tags["content_hash"] == before == content_hash(model_registry.fetch("1"))
    run = store.get_run(version.run_id)
    assert "**version 1** of the registered model" in run.data.tags["mlflow.note.content"]


def test_trained_on_names_versions_and_aliases(bundle: Path):
    model_registry.set_alias(model_registry.Alias.CHAMPION, "1")
    assert "v1 champion" in model_registry.trained_on()["test"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"data": {"limit": 24, "manipulations": ["splice", "retouch"], "seed": 7}},
        {"data": {"source": "folder", "options": {"path": "my images/it's"}}},
        {"data": {"manipulations": None, "test_share": 0.25, "workers": 3}},
        {
            "base": {"warm_up": False, "options": {"hidden_size": 96}},
            "training": {"optimisation": {"learning_rate": 1e-5, "precision": "fp32"}},
            "review": {"bound": 0.05},
        },
    ],
)
def test_command_gives_the_same_settings_again(given: dict[str, Any]):
    classes = {"data": DataSettings, "base": BaseSettings, "training": TrainingSettings}
    classes["review"] = ReviewSettings
    stored = {
        name: kind.model_validate(given.get(name, {})).model_dump(mode="json")
        for name, kind in classes.items()
    }
    words = shlex.split(model_card.command(stored))
    assert words[:4] == ["python", "run.py", "--pipeline", "train"]
    values = parameters.read(home.REPOSITORY / "configs" / "train.yaml", words[5::2])
    for name, kind in classes.items():
        again = kind.model_validate(values.get(name, {})).model_dump(mode="json")
        assert again | {"workers": None} == stored[name] | {"workers": None}
