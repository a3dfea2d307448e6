from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import load_file

from assay import prompts, training, training_log
from assay.dataset import Dataset
from assay.errors import ConfigError, DataError
from assay.fingerprints import content_hash, group_digest
from assay.model_folder import MODEL_FILE
from assay.progress import Progress, silent
from assay.records import Split
from assay.training import BaseSettings
from assay.watching import OnAnswers
from tests.datasets import stored
from tests.training_runs import ADAPTER, BASE, dataset_and_measurements, samples

Data = tuple[Dataset, pa.Table]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return dataset_and_measurements(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def base(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.warm_up_base(*data, BASE, tmp_path_factory.mktemp("work"), silent)


def unheard(step: int, metrics: dict[str, float]) -> None:
    pass


def weights(folder: Path) -> dict[str, np.ndarray]:
    (file,) = folder.glob("*.safetensors")
    return load_file(file)


class Killed(Exception):
    """Stands for kill -9: nothing after it runs."""


def killing_at(step: int) -> Progress:
    def progress(done: int, total: int, what: str, /) -> None:
        if what.startswith("training") and done >= step:
            raise Killed

    return progress


def test_warm_up_changes_the_weights(data: Data, base: Path, tmp_path: Path) -> None:
    cold = BASE.model_copy(update={"warm_up": False})
    fresh = training.warm_up_base(*data, cold, tmp_path, silent)
    name = "model.layers.0.mlp.up_proj.weight"
    assert not np.array_equal(weights(fresh)[name], weights(base)[name])


def test_a_finished_stage_is_not_repeated(data: Data, base: Path) -> None:
    again = training.warm_up_base(*data, BASE, base.parent.parent, killing_at(0))
    assert again == base


def test_adapter_leaves_the_base_alone_and_stores_only_safetensors(
    data: Data, base: Path, tmp_path: Path
) -> None:
    model = training.train_adapter(*data, base, BASE, ADAPTER, tmp_path, silent, unheard)
    trained = weights(model / "adapter")
    assert all("lora_" in name for name in trained)
    assert any(np.abs(value).max() > 0 for name, value in trained.items() if "lora_B" in name)
    assert not [p for p in model.rglob("*") if p.suffix in {".bin", ".pt", ".pth", ".pkl"}]


def test_other_reasons_are_another_training(data: Data, base: Path, tmp_path: Path) -> None:
    made = *data, base, BASE, ADAPTER, tmp_path, silent
    told = {data[0].table(["image_id"])["image_id"][0].as_py(): "Inferred: the image was altered."}
    plain = training.train_adapter(*made, unheard)
    assert training.train_adapter(*made, unheard, reasons={}) == plain
    assert training.train_adapter(*made, unheard, reasons=told) != plain


def test_model_folder_says_what_it_was_made_from(data: Data, base: Path, tmp_path: Path) -> None:
    model = training.train_adapter(*data, base, BASE, ADAPTER, tmp_path, silent, unheard)
    facts = json.loads((model / MODEL_FILE).read_text())
    assert facts["dataset_version"] == data[0].version
    assert facts["prompt_version"] == prompts.PROMPT_VERSION
    assert facts["training"]["lora_rank"] == 4


def test_a_killed_adapter_goes_on_to_the_same_weights(
    data: Data, base: Path, tmp_path: Path
) -> None:
    def train(work: Path, progress: Progress) -> Path:
        return training.train_adapter(*data, base, BASE, ADAPTER, work, progress, seen.add)

    seen = Steps()
    whole = train(tmp_path / "whole", silent)
    with pytest.raises(Killed):
        train(tmp_path / "killed", killing_at(3))
    seen.steps.clear()
    resumed = train(tmp_path / "killed", silent)
    assert min(seen.steps) > 2, "the steps before the checkpoint ran again"
    for name, value in weights(whole / "adapter").items():
        np.testing.assert_allclose(weights(resumed / "adapter")[name], value, atol=1e-5)


def test_a_killed_warm_up_goes_on_to_the_same_weights(
    data: Data, base: Path, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        training.warm_up_base(*data, BASE, tmp_path, killing_at(3))
    resumed = training.warm_up_base(*data, BASE, tmp_path, silent)
    for name, value in weights(base).items():
        np.testing.assert_allclose(weights(resumed)[name], value, atol=1e-5)


class Steps:
    """Collects the steps at which metrics were reported."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def add(self, step: int, metrics: dict[str, float]) -> None:
        self.steps.append(step)


def test_a_resumed_run_prepares_its_pixels_only_once(
    data: Data, base: Path, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        training.train_adapter(*data, base, BASE, ADAPTER, tmp_path, killing_at(3), unheard)
    prepared: list[str] = []
    training.train_adapter(
        *data, base, BASE, ADAPTER, tmp_path, lambda _, __, what: prepared.append(what), unheard
    )
    assert not [what for what in prepared if what.startswith("preparing")]


def test_adapters_of_one_seed_are_equal_whatever_ran_before(
    data: Data, base: Path, tmp_path: Path
) -> None:
    first = training.train_adapter(*data, base, BASE, ADAPTER, tmp_path / "a", silent, unheard)
    torch.rand(100)
    moved = shutil.copytree(base, tmp_path / "elsewhere")
    second = training.train_adapter(*data, moved, BASE, ADAPTER, tmp_path / "b", silent, unheard)
    for name, value in weights(first / "adapter").items():
        np.testing.assert_array_equal(weights(second / "adapter")[name], value)
    assert content_hash(first) == content_hash(second)  # and no place is named in any file


def test_a_checkpoint_cut_short_is_not_resumed_from(data: Data, base: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        training.train_adapter(*data, base, BASE, ADAPTER, tmp_path, killing_at(3), unheard)
    (run,) = tmp_path.iterdir()
    (checkpoint,) = run.glob("checkpoint-*")
    (checkpoint / "whole").unlink()
    (checkpoint / "adapter_model.safetensors").write_bytes(b"torn")
    model = training.train_adapter(*data, base, BASE, ADAPTER, tmp_path, silent, unheard)
    assert (model / "adapter" / "adapter_model.safetensors").stat().st_size > 1000


def test_validation_metrics_are_reported(data: Data, base: Path, tmp_path: Path) -> None:
    seen: dict[str, float] = {}

    def hear(step: int, metrics: dict[str, float]) -> None:
        seen.update(metrics)

    training.train_adapter(*data, base, BASE, ADAPTER, tmp_path, silent, hear)
    assert 0 <= seen["validation/auc"] <= 1
    assert set(training_log.NAMES.values()) <= set(seen)
    assert {"train/images_per_second", "train/eta_seconds", "train/seconds"} <= set(seen)
    assert all(name.startswith(("train/", "validation/")) for name in seen)


def test_a_resumed_warm_up_counts_the_seconds_before_and_the_pace_since(
    data: Data, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        training.warm_up_base(*data, BASE, tmp_path, killing_at(3))
    (marker,) = tmp_path.glob("*/checkpoint-*/whole")
    marker.write_text("1000.0")
    seen: dict[str, float] = {}
    training.warm_up_base(*data, BASE, tmp_path, silent, lambda _, metrics: seen.update(metrics))
    assert 1000 < seen["train/seconds"] < 1100
    assert 0 < seen["train/images_per_second"] < 4 * 1000


def test_listening_changes_nothing_about_what_is_trained(data: Data, tmp_path: Path) -> None:
    def train(on_answers: OnAnswers | None) -> str:
        work = tmp_path / "work"  # the same for both: peft notes where the base lay
        base = training.warm_up_base(*data, BASE, work, silent, unheard, on_answers)
        listeners = silent, unheard, on_answers
        digest = content_hash(training.train_adapter(*data, base, BASE, ADAPTER, work, *listeners))
        shutil.rmtree(work)
        return digest

    heard: list[int] = []
    watched = train(lambda step, _: heard.append(step))
    assert heard == [2, 4, 2, 4]
    assert watched == train(None)


def test_training_without_validation_rows_is_refused(data: Data, tmp_path: Path) -> None:
    rows = [s for s in samples() if s.split is not Split.VALIDATION]
    dataset = stored(tmp_path / "data", rows)
    with pytest.raises(ConfigError, match="no validation rows"):
        training.warm_up_base(dataset, data[1], BASE, tmp_path / "work", silent)


def test_an_unknown_family_is_named_with_the_nearest_right_one() -> None:
    with pytest.raises(ValidationError, match="did you mean 'tiny_qwen2_5_vl'"):
        BaseSettings(family="tiny_qwen2_5")


def test_an_adapter_goes_on_from_the_old_one_with_what_is_new(
    data: Data, base: Path, tmp_path: Path
) -> None:
    old = training.train_adapter(*data, base, BASE, ADAPTER, tmp_path, silent, unheard)
    known = json.loads((old / MODEL_FILE).read_text())
    rows = data[0].table(["group"], Split.TRAIN)["group"].unique().to_pylist()
    fresh = {group_digest(group) for group in rows[:3]}
    forgetful = known | {"seen_groups": sorted(set(known["seen_groups"]) - fresh)}
    (old / MODEL_FILE).write_text(json.dumps(forgetful))
    seen: list[tuple[int, str]] = []

    def progress(done: int, total: int, what: str, /) -> None:
        seen.append((total, what))

    again = ADAPTER.model_copy(update={"lora_rank": 8})
    new = training.continue_adapter(*data, old, again, tmp_path, progress)
    assert (6, "preparing train") in seen, "three new photographs and as many old ones"
    before, after = weights(old / "adapter"), weights(new / "adapter")
    assert before.keys() == after.keys()
    moved = np.concatenate([(after[k] - v).ravel() for k, v in before.items()])
    assert 0 < np.abs(moved).max() < 0.1
    assert content_hash(new / "base") == content_hash(old / "base")
    facts = json.loads((new / MODEL_FILE).read_text())
    assert facts["training"]["lora_rank"] == ADAPTER.lora_rank
    assert facts["seen_groups"] == known["seen_groups"]


def test_an_adapter_that_has_seen_everything_does_not_go_on(
    data: Data, base: Path, tmp_path: Path
) -> None:
    old = training.train_adapter(*data, base, BASE, ADAPTER, tmp_path, silent, unheard)
    with pytest.raises(DataError, match="no image to learn from is new"):
        training.continue_adapter(*data, old, ADAPTER, tmp_path, silent)
