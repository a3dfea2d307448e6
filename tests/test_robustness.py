from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from assay import images
from assay.dataset import Dataset
from assay.journal import Row
from assay.metrics import Bootstrap
from assay.perturbations import matrix
from assay.perturbed_predictions import UNPERTURBED, predict, sample
from assay.progress import silent
from assay.records import Photo, Split, Verdict
from assay.robustness import Robustness, RobustnessSettings, evaluate, measure, rate
from tests.datasets import stored
from tests.detectors import BAND, Brightness, brightened

FEW = RobustnessSettings(images_per_class=4, resamples=20)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    samples = [brightened(seed, Split.TEST, seed % 2 == 1) for seed in range(24)]
    samples += [brightened(seed, Split.TRAIN, seed % 2 == 1) for seed in range(4)]
    return stored(tmp_path_factory.mktemp("robust"), samples)


@pytest.fixture(scope="module")
def found(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Robustness:
    work = tmp_path_factory.mktemp("work") / "run"
    return measure(Brightness(), BAND, dataset, FEW, work, silent)


def row(perturbation: str, number: int, flagged: bool, **fields: object) -> Row:
    """About image ``number``; even ones are authentic."""
    return {
        "perturbation": perturbation,
        "image_id": f"{number}",
        "label": "manipulated" if number % 2 else "authentic",
        "group": f"g{number}",
        "dataset": "scenes",
        "size": "under 512 px",
        "compression": "not JPEG",
        "score": 0.9 if flagged else 0.1,
        "flagged": flagged,
        "decided": True,
        **fields,
    }


def judged(rows: Sequence[Row]) -> Robustness:
    tried = [p for p in matrix(full=True) if p.name in {"jpeg 70", "jpeg 50"}]
    return evaluate(rows, (None, *tried), 0.5, Bootstrap(20))


def test_matrix_begins_with_the_unperturbed_images(found: Robustness):
    assert [r.name for r in found.results] == [UNPERTURBED, *(p.name for p in matrix(full=False))]
    assert (found.images, found.threshold) == (8, 0.5)
    assert {r.n for r in found.results} == {8}
    plain = found.results[0]
    assert plain.flip_rate is plain.decided_flip_rate is None
    assert plain.everyday


def test_detector_of_brightness_stands_compression(found: Robustness):
    for result in found.results:
        assert result.auc is not None
        assert result.auc.value > 0.8, result.name
    flips = {r.name: r.flip_rate.value for r in found.results if r.flip_rate}
    assert flips["jpeg 90"] <= flips["screenshot jpeg"]
    assert flips["jpeg 90"] < 0.2


def test_full_matrix_holds_every_perturbation(dataset: Dataset, tmp_path: Path):
    settings = RobustnessSettings(images_per_class=1, full=True, resamples=5)
    names = [
        r.name for r in measure(Brightness(), BAND, dataset, settings, tmp_path, silent).results
    ]
    assert names[1:] == [p.name for p in matrix(full=True)]


def test_flips_are_counted_against_the_unperturbed_image():
    before = [row(UNPERTURBED, n, flagged=n % 2 == 1) for n in range(8)]
    after = [row("jpeg 70", n, flagged=n < 4) for n in range(8)]
    result = judged(before + after).results[2]
    assert result.flip_rate is not None
    assert result.flip_rate.value == 4 / 8  # 0 and 2 are flagged now, 5 and 7 no longer
    assert result.false_positive_rate is not None
    assert result.true_positive_rate is not None
    assert (result.false_positive_rate.value, result.true_positive_rate.value) == (0.5, 0.5)


def test_flips_of_decided_images_need_a_decision_both_times():
    before = [row(UNPERTURBED, n, flagged=False, decided=n != 0) for n in range(4)]
    after = [row("jpeg 70", n, flagged=n < 2, decided=n != 3) for n in range(4)]
    result = judged(before + after).results[2]
    assert result.decided_flip_rate is not None
    assert (result.decided_flip_rate.value, result.decided_flip_rate.n) == (0.5, 2)
    assert result.decided_share is not None
    assert result.decided_share.value == 3 / 4


def test_photograph_has_one_vote():
    together = {"group": "one"}
    before = [row(UNPERTURBED, n, False) for n in range(6)]
    after = [row("jpeg 70", n, n in {0, 2}, **(together if n in {0, 2} else {})) for n in range(6)]
    result = judged(before + after).results[2]
    assert result.false_positive_rate is not None
    assert result.false_positive_rate.value == 1 / 2


@pytest.mark.parametrize(
    ("wrong", "n", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (5, 10, 0.1871, 0.8129), (0, 1, 0.0, 0.975)],
)
def test_rate_has_the_interval_of_clopper_and_pearson(wrong: int, n: int, low: float, high: float):
    metric = rate(np.arange(n) < wrong, np.arange(n))
    assert metric is not None
    assert (metric.value, metric.n) == (wrong / n, n)
    assert (metric.low, metric.high) == pytest.approx((low, high), abs=1e-4)


def test_rate_of_divided_photographs_lies_within_a_wider_interval():
    divided = rate(np.array([True, False] * 5), np.repeat(np.arange(5), 2))
    whole = rate(np.arange(10) < 5, np.arange(10))
    assert divided is not None
    assert whole is not None
    assert divided.low < whole.low < divided.value < whole.high < divided.high
    assert rate(np.zeros(0, bool), np.zeros(0)) is None


def test_false_positives_are_told_apart_by_kind_of_file():
    kinds = {0: "JPEG 75-89", 2: "JPEG 75-89", 4: "not JPEG", 1: "JPEG 75-89"}
    rows = [row(UNPERTURBED, n, n in {0, 1}, compression=kind) for n, kind in kinds.items()]
    found = judged(rows)
    shares = {s.name: s.false_positive_rate.value for s in found.slices if s.by == "compression"}
    assert shares == {"JPEG 75-89": 0.5, "not JPEG": 0.0}
    assert found.results[0].slices == found.slices


def test_worst_is_what_is_most_surely_bad_and_everyday():
    before = [row(UNPERTURBED, n, False) for n in range(20)]
    mild = [row("jpeg 70", n, n < 5) for n in range(20)]
    harsh = [row("jpeg 50", n, True) for n in range(20)]
    found = judged(before + mild + harsh)
    worst = found.worst("flip_rate")
    assert worst is not None
    assert (worst[0], worst[1].value) == ("jpeg 70", 0.25)
    assert found.headline()["worst_flip_rate"] == worst[1]


def test_perturbation_without_any_image_has_no_metrics():
    result = judged([row(UNPERTURBED, n, False) for n in range(4)]).results[1]
    assert (result.n, result.auc, result.flip_rate, result.slices) == (0, None, None, ())


def test_matrix_survives_json(found: Robustness):
    assert Robustness.from_dict(json.loads(json.dumps(found.as_dict()))) == found


@pytest.mark.parametrize("wanted", [0, 3, 100])
def test_sample_has_as_many_of_either_class_as_there_are(dataset: Dataset, wanted: int):
    chosen = sample(Brightness(), dataset, wanted, 0)
    numbers = [int(name.removeprefix("test-")) for name in chosen]
    assert sum(n % 2 for n in numbers) == sum(n % 2 == 0 for n in numbers) == min(wanted, 12)


def test_sample_takes_each_photograph_before_any_twice(dataset: Dataset):
    chosen = sample(Brightness(), dataset, 6, 0)  # of 6 photographs with two images in either class
    assert len({int(name.removeprefix("test-")) % 12 for name in chosen}) == 12
    assert chosen == sample(Brightness(), dataset, 6, 0) != sample(Brightness(), dataset, 6, 1)


def test_images_that_the_model_has_seen_are_left_out(dataset: Dataset):
    seen = {f"test-{n}" for n in range(6)}
    groups = {int(i.removeprefix("test-")) % 12 for i in sample(Brightness(seen), dataset, 99, 0)}
    assert groups == set(range(6, 12))


@pytest.mark.parametrize("detector", [Brightness({f"test-{n}" for n in range(12)}), Brightness()])
def test_nothing_is_measured_without_images(dataset: Dataset, tmp_path: Path, detector: Brightness):
    settings = RobustnessSettings(images_per_class=12 if detector.seen else 0)
    found = measure(detector, BAND, dataset, settings, tmp_path, silent)
    assert (found.results, found.images, found.slices, found.headline()) == ((), 0, (), {})


class Killed(Brightness):
    """Counts photos, and is interrupted after ``limit`` of them."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.left = self.limit = limit

    def detect(self, photos: Sequence[Photo], rationale: bool = False) -> list[Verdict]:
        self.left -= len(photos)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().detect(photos)


def test_run_that_was_killed_judges_no_image_twice(
    dataset: Dataset, tmp_path: Path, found: Robustness
):
    with pytest.raises(KeyboardInterrupt):
        measure(Killed(8 * 5), BAND, dataset, FEW, tmp_path, silent)
    rest = Killed(8 * 8)
    assert measure(rest, BAND, dataset, FEW, tmp_path, silent) == found
    assert rest.left == 0
    assert measure(Killed(0), BAND, dataset, FEW, tmp_path, silent) == found


def test_other_images_are_judged_anew_in_the_same_folder(dataset: Dataset, tmp_path: Path):
    measure(Brightness(), BAND, dataset, FEW, tmp_path, silent)
    again = Killed(1000)
    measure(again, BAND, dataset, FEW.model_copy(update={"seed": 1}), tmp_path, silent)
    assert again.limit - again.left == 8 * 13


def test_progress_names_perturbations_and_counts_images(dataset: Dataset, tmp_path: Path):
    heard: list[tuple[int, int, str]] = []
    measure(Brightness(), BAND, dataset, FEW, tmp_path, lambda *told: heard.append(told))
    assert heard[:2] == [(0, 8, "robustness 1 of 13: unperturbed"), (8, 8, heard[0][2])]
    assert (8, 8, "robustness 5 of 13: webp 75") in heard


def test_image_that_becomes_too_large_is_left_out_of_its_row(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(images, "MAX_PIXELS", 64 * 64 * 2)
    tried = (None, *(p for p in matrix(full=True) if p.name in {"resize 1.5", "resize 0.5"}))
    rows = predict(Brightness(), dataset, tried, 2, 0, tmp_path, silent)
    names = [row["perturbation"] for row in rows]
    assert {name: names.count(name) for name in names} == {UNPERTURBED: 4, "resize 0.5": 4}
