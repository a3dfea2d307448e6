"""Every committed configuration fits its pipeline, and says how it is launched."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import run
from assay import parameters
from assay.dataset import DataSettings

CONFIGS = sorted((run.ROOT / "configs").glob("*.yaml"))


def launch_command(config: Path) -> list[str]:
    """The command at the head of ``config``, as words after ``run.py``."""
    found = re.search(r"^# +python run\.py (.+)$", config.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{config.name}: the head names no launch command"
    return shlex.split(found[1])


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_config_names_its_own_launch_command(config: Path):
    options = run._parser().parse_args(launch_command(config))
    assert options.config == config.relative_to(run.ROOT)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_config_fits_the_signature_of_its_pipeline(config: Path, tmp_path: Path):
    options = run._parser().parse_args(launch_command(config))
    assignments = [text.replace("FOLDER", str(tmp_path)) for text in options.set]
    values = run._parameters(options.pipeline, config, assignments)
    assert set(values) == set(parameters.signature(run.pipelines()[options.pipeline]).model_fields)


def data_settings(name: str, *assignments: str) -> DataSettings:
    """What the configuration ``name`` tells its pipeline about the data."""
    values = run._parameters(name, run.ROOT / "configs" / f"{name}.yaml", list(assignments))
    assert isinstance(values["data"], DataSettings)
    return values["data"]


@pytest.mark.parametrize(
    "name", ["compare", "evaluate", "data_validation", "optimize", "robustness"]
)
def test_config_has_the_data_that_train_has(name: str):
    assert data_settings(name) == data_settings("train") != DataSettings()


def test_evaluate_config_says_how_to_take_labelled_images_as_they_are(tmp_path: Path):
    head = (run.ROOT / "configs/evaluate.yaml").read_text(encoding="utf-8")
    assignments = re.findall(r"--set (data\.\S+)", head.replace("FOLDER", str(tmp_path)))
    data = data_settings("evaluate", *assignments)
    assert (data.source, data.manipulations) == ("folder", None)


def test_configs_without_a_pipeline_of_their_name_extend_one():
    stems = {config.stem for config in CONFIGS}
    assert stems >= set(run.pipelines())
    assert all(any(s.startswith(name) for name in run.pipelines()) for s in stems)
