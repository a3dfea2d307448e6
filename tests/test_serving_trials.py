"""Ways to serve, tried for real: what hangs, crashes or is not there is a reason, and no more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay import plugins, serving_strategies
from assay.calibration import Calibration
from assay.dataset import Dataset
from assay.detector import Detector
from assay.errors import DataError
from assay.journal import Journal
from assay.model_folder import CALIBRATION_FILE
from assay.progress import silent
from assay.records import Split
from assay.serving_accuracy import Judge
from assay.serving_optimisation import optimise
from assay.serving_plan import Trial
from assay.serving_questions import HeldOut, hold_out
from assay.serving_search import BASELINE, OptimiseSettings
from assay.serving_strategies import ServingStrategy
from assay.serving_trials import Trials
from tests.datasets import stored
from tests.planted_strategies import Absent, Crashing, Hanging, Killed
from tests.training_runs import samples

QUICK = OptimiseSettings(
    images_per_class=2,
    rounds=1,
    alone=2,
    explained=1,
    end_to_end=2,
    batch_sizes=(1,),
    time_limit=120,
)


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them stand among the strategies."""
    members = plugins._members(serving_strategies.__name__, ServingStrategy)
    for kind in (Hanging, Crashing, Killed, Absent):
        monkeypatch.setitem(members, kind.name, kind)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Images that the small model was tested on."""
    return stored(tmp_path_factory.mktemp("dataset"), samples())


@pytest.fixture(scope="module")
def held_out(
    small_model: Path, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> HeldOut:
    path = tmp_path_factory.mktemp("held_out") / "questions.parquet"
    return hold_out(small_model, dataset, 2, 0, path, silent)


@pytest.fixture(scope="module")
def trials(
    small_model: Path, held_out: HeldOut, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trials]:
    """One baseline for all tests."""
    with Trials(small_model, held_out, QUICK, tmp_path_factory.mktemp("logs")) as made:
        yield made


def test_held_out_images_are_new_and_balanced(held_out: HeldOut, dataset: Dataset):
    tested = {s.image_id for s in samples() if s.split is Split.TEST}
    assert set(held_out.table["image_id"]) <= tested
    assert sorted(held_out.positive) == [False, False, True, True]


def test_held_out_images_are_measured_once(small_model: Path, held_out: HeldOut, dataset: Dataset):
    def never(*_: object) -> None:
        raise AssertionError("measured again")

    again = hold_out(small_model, dataset, 2, 0, held_out.path, never)
    assert again.files == held_out.files


def test_questions_are_those_of_the_detector(small_model: Path, held_out: HeldOut):
    from assay import images

    detector = Detector.load(small_model)
    photos = [images.decode(data) for data in held_out.files]
    direct = [detector.preparer.prepare(photo) for photo in photos]
    handed = held_out.questions(detector.preparer.processor)
    assert [one.prompt_ids for one in handed] == [one.prompt_ids for one in direct]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(handed, direct, strict=True))


def test_no_image_that_is_new_to_the_model_is_an_error(small_model: Path, tmp_path: Path):
    seen = [replace(one, split=Split.TEST) for one in samples() if one.split is Split.TRAIN]
    only_seen = stored(tmp_path / "seen", seen)
    with pytest.raises(DataError, match="no image that the model has not seen"):
        hold_out(small_model, only_seen, 2, 0, tmp_path / "held_out.parquet", silent)


def test_baseline_is_itself(trials: Trials):
    figures = trials.measure(BASELINE, True).figures
    assert figures is not None
    assert figures.ratios.model_dump() == {"throughput": 1, "latency": 1, "end_to_end": 1}
    assert figures.accuracy.flips == figures.accuracy.word_flips == 0
    assert set(figures.throughput) == {1, 16}
    assert figures.latency.p50 <= figures.latency.p99
    assert figures.load > 0
    assert figures.peak_memory > figures.size > 0


def test_bf16_holds_half_of_the_bytes(trials: Trials):
    whole, half = (trials.measure(choices, False).figures for choices in (BASELINE, ("bf16",)))
    assert whole is not None
    assert half is not None
    assert half.size == pytest.approx(whole.size / 2, rel=0.01)
    assert half.end_to_end is None


def test_two_instances_hold_it_twice(trials: Trials):
    tried = trials.measure(("fp32", "instances=2"), False).figures
    one = trials.measure(BASELINE, False).figures
    assert tried is not None
    assert one is not None
    assert tried.peak_memory > 1.5 * one.peak_memory
    assert tried.accuracy.word_flips == 0


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("crashing", "RuntimeError: this way to serve is broken"),
        ("killed", "its process was ended by SIGKILL, most likely for want of memory"),
        ("absent", "not available: nobody has it: build one"),
    ],
)
def test_what_goes_wrong_is_a_reason(trials: Trials, choice: str, reason: str):
    assert trials.measure((choice,), False) == Trial(choices=(choice,), reason=reason)


def test_what_hangs_is_ended_at_the_limit(small_model: Path, held_out: HeldOut, tmp_path: Path):
    settings = QUICK.model_copy(update={"time_limit": 120.0})
    with Trials(small_model, held_out, settings, tmp_path) as trials:
        trials.measure(BASELINE, False)
        trials._settings = QUICK.model_copy(update={"time_limit": 3.0})
        start = time.monotonic()
        tried = trials.measure(("hanging",), False)
    assert tried.reason == "it took more than 3 s"
    assert time.monotonic() - start < 60


def test_a_lost_baseline_is_started_again(trials: Trials):
    trials.measure(BASELINE, False)
    assert trials._reference is not None
    os.kill(trials._reference.holders.processes[0]._process.pid, signal.SIGKILL)
    assert trials.measure(("batch_size=4", "fp32"), False).figures is None
    assert trials.measure(("batch_size=4", "fp32"), False).figures is not None


def test_flips_are_against_what_fp32_said(small_model: Path, held_out: HeldOut):
    said = np.tile([3.0, 0.0, 0.0], (len(held_out), 1))
    other = said.copy()
    other[0] = 0.0, 3.0, 0.0
    judge = Judge(small_model, held_out)
    assert judge.accuracy(said, said).word_flips == 0
    assert judge.accuracy(other, said).word_flips == 1 / len(held_out)
    calibrated = Calibration.load(small_model / CALIBRATION_FILE)
    labels = [
        [calibrated.label(row, "") for row in calibrated.probabilities(rows)]
        for rows in (said, other)
    ]
    flipped = sum(a != b for a, b in zip(*labels, strict=True)) / len(held_out)
    assert judge.accuracy(other, said).flips == flipped


def test_a_killed_run_goes_on_after_its_last_trial(
    small_model: Path,
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tracked_state: Path,
):
    measured: list[tuple[str, ...]] = []
    really = Trials.measure

    def until_killed(self: Trials, choices: tuple[str, ...], whole: bool) -> Trial:
        measured.append(choices)
        if len(measured) == 3:
            raise KeyboardInterrupt
        return really(self, choices, whole)

    monkeypatch.setattr(Trials, "measure", until_killed)
    settings = QUICK.model_copy(update={"strategies": ("absent", "crashing")})
    work = small_model, dataset, settings, tmp_path, silent, lambda _: None
    with pytest.raises(KeyboardInterrupt):
        optimise(*work)
    plan = optimise(*work)
    assert measured == [BASELINE, ("absent", "fp32"), ("crashing", "fp32"), ("crashing", "fp32")]
    assert plan.choices == BASELINE
    assert [trial.reason for trial in plan.trials][1].startswith("RuntimeError")


def test_rows_that_are_kept_read_as_they_were(tmp_path: Path):
    trial = Trial(choices=("bf16",), reason="it crashed")
    with Journal.beside(tmp_path / "trials", {}) as journal:
        journal.append([{"key": "bf16", "trial": trial.model_dump_json()}])
    with Journal.beside(tmp_path / "trials", {}) as journal:
        assert Trial.model_validate_json(journal.rows()[0]["trial"]) == trial
