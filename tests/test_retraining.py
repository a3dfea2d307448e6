"""Which dataset a champion goes on from, which span of captures, and what it is moved by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from assay import bundle, measuring, parameters, retraining
from assay.calibration import Calibration
from assay.dataset import MANIFEST, Dataset
from assay.dataset_builder import finish
from assay.errors import ConfigError, DataError
from assay.fusion import Fusion
from assay.home import REPOSITORY
from assay.images import Variant
from assay.label_intake import IntakeSettings
from assay.model_folder import CALIBRATION_FILE, FUSION_FILE, MODEL_FILE, RETRAINED, read_facts
from assay.progress import silent
from assay.prompts import PROMPT_VERSION
from assay.records import Split
from assay.retraining import Moment
from assay.review import ReviewSettings
from assay.store import HumanLabel, Store, StoreSettings
from tests.captures import Clock
from tests.datasets import stored
from tests.labels import SINCE, UNTIL, base_samples, labelled


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = StoreSettings(folder=tmp_path / "store")
    with Store.open(settings, drain=False, clock=Clock()) as opened:
        yield opened


def described(folder: Path, **facts: object) -> Path:
    folder.mkdir()
    known = {"family": "tiny", "prompt_version": PROMPT_VERSION, "seen_groups": []}
    (folder / MODEL_FILE).write_text(json.dumps({**known, "dataset_version": "old", **facts}))
    return folder


def test_a_model_goes_on_where_its_captures_end(tmp_path: Path) -> None:
    captures = {"since": "2026-01-01T00:00:00+00:00", "until": "2026-01-08T00:00:00+00:00"}
    model = described(tmp_path / "m", captures=captures)
    assert retraining.span(model, "", "2026-02-01") == (
        datetime(2026, 1, 8, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    )
    fresh = described(tmp_path / "n")
    assert retraining.span(fresh, "", "")[0] == retraining.BEGINNING


def test_a_span_ends_now_at_the_latest(tmp_path: Path) -> None:
    _, last = retraining.span(described(tmp_path / "m"), "", "9999-01-01")
    assert last <= datetime.now(UTC)


def test_a_span_without_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not before until"):
        retraining.span(described(tmp_path / "m"), "2026-02-01", "2026-01-01")


def test_a_moment_is_iso_8601() -> None:
    with pytest.raises(ValidationError, match="ISO 8601"):
        TypeAdapter(Moment).validate_python("yesterday")


@pytest.mark.parametrize("pipeline", ["retrain", "recalibrate"])
def test_a_span_is_set_in_days_or_moments(pipeline: str) -> None:
    schema = parameters.signature(REPOSITORY / "pipelines" / f"{pipeline}.py")
    given = parameters.read(None, ["since=2026-11-01", "until=2026-11-08T12:00:00Z"])
    found = parameters.validate(schema, given)
    assert (found["since"], found["until"]) == ("2026-11-01", "2026-11-08T12:00:00+00:00")


def test_a_dataset_that_is_gone_cannot_judge(tmp_path: Path, home: Path) -> None:
    with pytest.raises(ConfigError, match="dataset old of the model is gone"):
        retraining.base_of(described(tmp_path / "m"), home / "datasets")


def test_captures_join_the_dataset_and_its_test_split_stays(home: Path, store: Store) -> None:
    base, model = older(home), described(home / "m")
    for seed in range(24):
        label = HumanLabel.SYNTHESIZED if seed % 2 else HumanLabel.AUTHENTIC
        labelled(store, seed, label, f"who{seed % 6}", client=f"c{seed % 6}")
    settings = IntakeSettings(workers=1)
    found = retraining.collect(store, model, (SINCE, UNTIL), settings, silent)
    intake, dataset = found
    assert ids(dataset, Split.TEST) == ids(base, Split.TEST)
    assert ids(dataset, Split.NEWEST)
    assert retraining.captures_in(dataset) <= {one.image_id for one in intake.taken}
    assert store.lineage.captures_of(dataset.version)
    # Nobody keeps a second copy of the images.
    assert not list((home / "label_intake").rglob("*.parquet"))
    again = retraining.collect(store, model, (SINCE, UNTIL), settings, silent)[1]
    assert again.version == dataset.version


def test_nothing_labelled_is_said_with_the_span(home: Path, store: Store) -> None:
    older(home)
    with pytest.raises(DataError, match=r"nobody labelled any.*widen the span"):
        retraining.collect(
            store, described(home / "m"), (SINCE, UNTIL), IntakeSettings(workers=1), silent
        )


def test_all_captures_cannot_be_widened(home: Path, store: Store) -> None:
    older(home)
    span = retraining.BEGINNING, UNTIL
    with pytest.raises(DataError, match="to learn from until") as refused:
        retraining.collect(store, described(home / "m"), span, IntakeSettings(workers=1), silent)
    assert "widen" not in str(refused.value)


def test_traffic_moves_the_calibration_and_says_so(
    tracked_state: Path, small_model: Path, tmp_path: Path
) -> None:
    dataset = stored(tmp_path / "data", base_samples(24))
    splits = (Split.TRAIN, Split.VALIDATION)
    measured = measuring.measure_dataset(dataset, splits, Variant.BIAS_CONTROLLED, 1)
    traffic = measuring.measure_dataset(dataset, splits, Variant.AS_IS, 1)
    made_of = small_model, dataset, measured, ReviewSettings(), tmp_path, silent
    facts = bundle.origin(RETRAINED, small_model, dataset, {"since": "a", "until": "b"})
    plain, moved = bundle.calibrated(*made_of), bundle.calibrated(*made_of, traffic, facts)
    said = read_facts(moved)
    assert said["captures"] == {"since": "a", "until": "b"}
    assert said["retrained"]["dataset"] == dataset.version
    assert "too few" in said["learning"]
    assert Fusion.load(moved / FUSION_FILE) == Fusion.load(plain / FUSION_FILE)
    calibrations = [Calibration.load(model / CALIBRATION_FILE) for model in (plain, moved)]
    assert calibrations[0].bias != calibrations[1].bias


def older(home: Path) -> Dataset:
    """The dataset that `described` models know, where the state folder keeps it."""
    base = stored(home / "datasets" / "older", base_samples())
    finish(base.path, {}, ["a"], [])
    manifest = base.path / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": "old"}))
    return Dataset(base.path)


def ids(dataset: Dataset, split: Split) -> set[str]:
    return set(dataset.table(["image_id"], split)["image_id"].to_pylist())
