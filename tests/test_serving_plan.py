"""A plan says what it was made for, and whoever reads one learns why it is not followed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from assay import serving_plan
from assay.errors import PlanMismatch
from assay.serving_plan import PLAN_FILE, ServingPlan
from tests.serving_plans import CONTENT, figures, plan


def written(folder: Path, **changes: Any) -> Path:
    """The file of a plan whose JSON has ``changes``."""
    stored = json.loads(plan().text()) | changes
    (folder / PLAN_FILE).write_text(json.dumps(stored))
    return folder / PLAN_FILE


def test_plan_is_read_as_it_was_written(tmp_path: Path):
    plan().save(tmp_path / PLAN_FILE)
    read, reason = serving_plan.read(tmp_path / PLAN_FILE, CONTENT)
    assert (read, reason) == (plan(), "")
    assert read is not None
    assert read.recipe.batch_size == 8
    assert read.recipe.caches_prefix


def test_name_changes_with_the_content():
    assert plan().name == plan().name
    assert plan().name != plan(seconds=101.0).name


def test_speed_up_is_over_one_image_at_a_time():
    assert plan().speed_up == pytest.approx(2.0 * 40 / 10)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"choices": ["batch_sise=8"]}, "batch_sise"),
        ({"choices": ["bf16", "fp16"]}, "precision"),
        ({"choices": ["batch_size=0"]}, "batch_size"),
        ({"schema_version": 2}, "schema_version"),
        ({"model_content": "abc"}, "model_content"),
        ({"objektive": "speed"}, "objektive"),
        ({"seconds": "100"}, "seconds"),
        ({"baseline": None}, "baseline"),
    ],
)
def test_wrong_field_is_named_in_one_line(tmp_path: Path, changes: dict[str, Any], place: str):
    read, reason = serving_plan.read(written(tmp_path, **changes), CONTENT)
    assert read is None
    assert place in reason
    assert "\n" not in reason


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\0\0", '{"schema_version": 1'])
def test_damaged_file_is_one_line(tmp_path: Path, text: str):
    (tmp_path / PLAN_FILE).write_text(text)
    read, reason = serving_plan.read(tmp_path / PLAN_FILE, CONTENT)
    assert read is None
    assert "cannot be read" in reason
    assert "\n" not in reason


@pytest.mark.parametrize("path", [None, Path("nowhere.json")])
def test_missing_plan_names_the_remedy(path: Path | None):
    read, reason = serving_plan.read(path, CONTENT)
    assert read is None
    assert "run.py --pipeline optimize" in reason


def test_plan_of_another_model_is_refused(tmp_path: Path):
    plan().save(tmp_path / PLAN_FILE)
    with pytest.raises(PlanMismatch, match="was made for model 1"):
        serving_plan.read(tmp_path / PLAN_FILE, "f" * 64)


def test_choice_that_this_machine_lacks_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(serving_plan, "unavailable", lambda choice: "no GPU" * (choice == "bf16"))
    read, reason = serving_plan.read(written(tmp_path, choices=["bf16"]), CONTENT)
    assert read is None
    assert "bf16: no GPU" in reason


def test_other_machine_and_other_libraries_are_sentences():
    then = plan(hardware={**plan().hardware, "cores": "96"}, versions={"torch": "1.0"})
    assert serving_plan.differences(plan()) == ()
    cores, torch = serving_plan.differences(then)
    assert "cores '96'" in cores
    assert "torch '1.0'" in torch


def test_figures_cannot_be_out_of_range():
    with pytest.raises(ValidationError):
        figures(auc=1.5)
    with pytest.raises(ValidationError):
        ServingPlan.model_validate({})
