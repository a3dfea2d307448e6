from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from assay import measuring, training
from assay.dataset import Dataset
from assay.errors import ConfigError, DataError
from assay.evaluation import Evaluation, EvaluationSettings
from assay.images import Variant
from assay.leave_one_out import FoldSettings, folds, judge_folds, leave_out
from assay.progress import Progress, silent
from assay.records import BASIC_SPLITS, Label, Sample, Split
from assay.review import ReviewSettings
from tests.datasets import stored
from tests.scenes import sample
from tests.training_runs import ADAPTER, BASE

SETTINGS = FoldSettings(BASE, ADAPTER, ReviewSettings(), EvaluationSettings(resamples=5, workers=1))
Judged = tuple[pd.DataFrame, Evaluation]


def rows(name: str, first: int, *labels: Label) -> list[Sample]:
    """Two training, a validation and a test image of each of ``labels``."""
    splits = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
    kinds = [(label, split) for label in labels for split in splits]
    return [
        sample(first + n, 64, 64, label=label, split=split, dataset=name, group=f"{name}-{n}")
        for n, (label, split) in enumerate(kinds)
    ]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two datasets of both classes, and two of one class that belong together."""
    made = rows("edits", 0, Label.AUTHENTIC, Label.MANIPULATED)
    made += rows("renders", 20, Label.AUTHENTIC, Label.SYNTHESIZED)
    made += rows("faces", 40, Label.AUTHENTIC) + rows("fakes", 60, Label.SYNTHESIZED)
    return stored(tmp_path_factory.mktemp("dataset"), made)


@pytest.fixture(scope="module")
def measurements(dataset: Dataset) -> pa.Table:
    return measuring.measure_dataset(dataset, tuple(Split), Variant.BIAS_CONTROLLED, 1)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


class Killed(Exception):
    """Stands for kill -9: nothing after it runs."""


def killing_at(what: str, heard: list[str]) -> Progress:
    def progress(done: int, total: int, now: str, /) -> None:
        heard.append(now)
        if now == what:
            raise Killed

    return progress


@pytest.fixture(scope="module")
def judged(dataset: Dataset, measurements: pa.Table, work: Path) -> Judged:
    """Of a run that was killed while the second fold trained, and run again."""
    heard: list[str] = []
    given = dataset, measurements, SETTINGS, work
    with pytest.raises(Killed):
        judge_folds(*given, killing_at("fold 2 of 2: training adapter", heard))
    assert "fold 1 of 2: predicting test, as_is" in heard
    again: list[str] = []
    made = judge_folds(*given, killing_at("", again))
    assert not [what for what in again if what.startswith("fold 1") or "training base" in what]
    return made


def test_folds_are_datasets_of_both_classes(dataset: Dataset) -> None:
    assert folds(dataset) == {"edits": ("edits",), "renders": ("renders",)}


def test_folds_join_datasets_that_belong_together(dataset: Dataset) -> None:
    joined = folds(dataset, [("faces", "fakes")])
    assert joined["faces + fakes"] == ("faces", "fakes")
    assert list(joined) == ["edits", "faces + fakes", "renders"]


def test_folds_refuse_an_unknown_name(dataset: Dataset) -> None:
    with pytest.raises(ConfigError, match=r"'face', did you mean 'faces'\?"):
        folds(dataset, [("face", "fakes")])
    with pytest.raises(ValidationError, match="faces stands in it twice"):
        EvaluationSettings(same_dataset=(("faces", "fakes"), ("faces", "edits")))


def test_folds_need_a_second_dataset(tmp_path: Path) -> None:
    alone = stored(tmp_path, rows("edits", 0, Label.AUTHENTIC, Label.MANIPULATED))
    with pytest.raises(DataError, match=r"at least two datasets.*here are edits"):
        folds(alone)


def test_left_out_dataset_is_the_whole_test_split(dataset: Dataset, tmp_path: Path) -> None:
    part = leave_out(dataset, ["edits"], tmp_path / "part")
    tested = {s.image_id: s for s in part.samples(Split.TEST)}
    assert tested == {
        s.image_id: replace(s, split=Split.TEST) for s in dataset.samples() if s.dataset == "edits"
    }


def test_other_datasets_train_on_their_test_rows_and_keep_the_rest(
    dataset: Dataset, tmp_path: Path
) -> None:
    part = leave_out(dataset, ["edits"], tmp_path / "part")
    before = {s.image_id: s.split for s in dataset.samples() if s.dataset != "edits"}
    moved = {name: split if split != Split.TEST else Split.TRAIN for name, split in before.items()}
    assert {s.image_id: s.split for s in part.samples() if s.dataset != "edits"} == moved
    assert len(part) == len(dataset)
    assert part.version != leave_out(dataset, ["renders"], tmp_path / "other").version


def test_photograph_of_two_datasets_trains_no_fold_that_is_judged_on_it(tmp_path: Path) -> None:
    twin = sample(99, 64, 64, dataset="renders", group="edits-0", split=Split.TRAIN)
    made = rows("edits", 0, Label.AUTHENTIC, Label.MANIPULATED) + rows("renders", 20, *Label)
    part = leave_out(stored(tmp_path / "all", [*made, twin]), ["edits"], tmp_path / "part")
    assert [row["image_id"] for row in part.rejected] == [twin.image_id]
    assert twin.image_id not in {s.image_id for s in part.samples()}


def test_unfinished_fold_is_written_anew(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "00000.parquet").write_text("half a shard")
    assert len(leave_out(dataset, ["edits"], tmp_path / "part")) == len(dataset)


def test_every_image_of_a_fold_is_judged_once_a_variant(dataset: Dataset, judged: Judged) -> None:
    predictions, evaluation = judged
    expected = sorted(s.image_id for s in dataset.samples() if s.dataset in {"edits", "renders"})
    for kind in Variant:
        own = predictions[predictions["variant"] == kind.value]
        assert sorted(own["image_id"]) == expected
    assert not predictions["seen"].any()
    slices = {(part.by, part.name) for part in evaluation.slices}
    assert {("all", "all"), ("dataset", "edits"), ("dataset", "renders")} <= slices
    whole = evaluation.overall(Variant.BIAS_CONTROLLED)
    assert whole is not None
    assert whole.n == len(expected)


def test_each_fold_decides_at_its_own_threshold_and_band(judged: Judged) -> None:
    predictions, evaluation = judged
    assert [fold.name for fold in evaluation.folds] == ["edits", "renders"]
    for fold in evaluation.folds:
        own = predictions[predictions["fold"] == fold.name]
        altered = (1 - own["p_authentic"] >= own["threshold"]).to_numpy()
        assert (altered == (own["predicted"] != "authentic")).all()
        assert fold.review[0] <= fold.threshold <= fold.review[1]
        assert fold.promise is not None
        assert fold.images == len(own) // 2
    assert Evaluation.from_dict(evaluation.as_dict()) == evaluation


def test_folds_are_fitted_without_what_they_are_judged_on(
    dataset: Dataset, measurements: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[str], set[str]]] = []

    def fitted(part: Dataset, evidence: pa.Table, *_: object) -> Path:
        kinds = zip(*(evidence[name].to_pylist() for name in ("image_id", "split")), strict=True)
        assert set(kinds) == {
            (s.image_id, str(s.split)) for s in part.samples() if s.split != Split.TEST
        }
        names = (set(part.table(["dataset"], s)["dataset"].to_pylist()) for s in BASIC_SPLITS)
        train, validation, test = names
        seen.append((train | validation, test))
        raise Killed

    monkeypatch.setattr(training, "warm_up_base", fitted)
    with pytest.raises(Killed):
        judge_folds(dataset, measurements, SETTINGS, tmp_path, silent)
    assert seen == [({"renders", "faces", "fakes"}, {"edits"})]
