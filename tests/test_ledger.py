from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import ledger, measuring, null_rates, places
from assay.dataset import Dataset
from assay.errors import CheckpointMismatch
from assay.evidence import examiners
from assay.images import Variant, decode, variant
from assay.null_rates import NullRates
from assay.records import Finding, Hypothesis, Label, Measurement, Photo, Split
from tests.datasets import stored
from tests.scenes import sample, scene

NAMES = measuring.measured_names()
FINITE = st.floats(-1e6, 1e6)


SAMPLES = [
    *(sample(seed, 80, 80, split=Split.TRAIN) for seed in range(5)),
    sample(7, 80, 80, split=Split.TRAIN, label=Label.MANIPULATED),
    sample(5, 80, 80, split=Split.VALIDATION),
    sample(6, 40, 40, split=Split.TEST),
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return stored(tmp_path_factory.mktemp("dataset"), SAMPLES)


def measured(dataset: Dataset, *splits: Split, workers: int = 1) -> pa.Table:
    kind = Variant.BIAS_CONTROLLED
    return measuring.measure_dataset(dataset, splits or tuple(Split), kind, workers)


@given(st.lists(FINITE, min_size=1, max_size=50), FINITE)
def test_rate_is_the_share_at_least_as_high(values: list[float], value: float) -> None:
    rate = NullRates.fit({"a": values}).rate("a", value)
    assert rate == pytest.approx((sum(v >= value for v in values) + 1) / (len(values) + 1))
    assert 0 < rate <= 1


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=50))
def test_mid_rates_of_the_reference_have_a_mean_of_one_half(values: list[float]) -> None:
    rates = NullRates.fit({"a": values})
    n = len(values)
    own = [rates.mid_rate("a", value) for value in values]
    assert np.mean(own) == pytest.approx((n * 0.5 + 0.5) / (n + 1))


def test_to_find_nothing_as_nearly_all_do_is_no_surprise() -> None:
    rates = NullRates.fit({"a": [0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0]})
    assert rates.rate("a", 0.0) == 1.0
    assert rates.mid_rate("a", 0.0) == pytest.approx(0.525, abs=0.01)
    assert rates.mid_rate("a", 5.5) == pytest.approx(0.005, abs=0.001)


def test_surprises_of_a_class_add_up_and_what_is_shown_only_counts_nothing() -> None:
    told = [
        Finding(Measurement("repeated_regions"), 0.1, "", "", Hypothesis.COPIED, 2.0),
        Finding(Measurement("colour_inconsistency"), 0.1, "", "", Hypothesis.PASTED, 1.0),
        Finding(Measurement("spectral_artefacts"), 0.1, "", "", Hypothesis.GENERATED, 0.5),
        Finding(Measurement("noise_inconsistency"), 0.1, "", "", Hypothesis.PASTED, 9.0),
    ]
    sums = ledger.surprises_of([told, told[:1], []])
    assert sums[Label.MANIPULATED].tolist() == [3.0, 2.0, 0.0]
    assert sums[Label.SYNTHESIZED].tolist() == [0.5, 0.0, 0.0]


def test_an_image_without_a_null_rate_to_be_fused_is_no_evidence() -> None:
    shown = Finding(Measurement("noise_inconsistency"), 0.1, "")
    unmeasured = Finding(Measurement("repeated_regions"), None, "")
    assert not ledger.is_evidence([shown, unmeasured])
    assert ledger.is_evidence([Finding(Measurement("repeated_regions"), 0.9, "")])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_has_no_rate(value: float) -> None:
    with pytest.raises(ValueError, match="no number"):
        NullRates.fit({"a": [1.0, 2.0]}).rate("a", value)


@pytest.mark.parametrize("kept", ['"count": 0, "quantiles": []', '"count": 2, "quantiles": [2, 1]'])
def test_damaged_null_rates_are_refused(kept: str, tmp_path: Path) -> None:
    (tmp_path / "null_rates.json").write_text(f'{{"a": {{{kept}}}}}')
    with pytest.raises(CheckpointMismatch, match="holds no null rates"):
        NullRates.load(tmp_path / "null_rates.json")


def test_rate_of_a_large_reference_stays_close_to_exact() -> None:
    values = np.random.default_rng(0).lognormal(size=20_000)
    rates = NullRates.fit({"a": values.tolist()})
    for quantile in (0.01, 0.5, 0.95, 0.99):
        found = rates.rate("a", float(np.quantile(values, quantile)))
        assert found == pytest.approx(1 - quantile, abs=0.002)


def test_rate_above_a_large_reference_claims_no_more_than_its_quantiles_resolve() -> None:
    values = np.arange(20_000.0)
    rates = NullRates.fit({"a": values.tolist()})
    top = values[-2]  # 2 of 20 000 are as high, all above the highest quantile
    assert rates.rate("a", top) >= 3 / 20_001
    assert rates.rate("a", values.max() + 1) == pytest.approx(0.5 / 512, rel=0.1)


@given(st.dictionaries(st.sampled_from("abc"), st.lists(FINITE, min_size=1)), FINITE)
def test_null_rates_survive_storage(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, list[float]], value: float
) -> None:
    path = tmp_path_factory.mktemp("rates") / "null_rates.json"
    fitted = NullRates.fit(values)
    fitted.save(path)
    assert NullRates.load(path) == fitted


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"count": 3}}'])
def test_load_refuses_other_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "null_rates.json").write_text(text)
    with pytest.raises(CheckpointMismatch, match="train again"):
        NullRates.load(tmp_path / "null_rates.json")


def test_rate_refuses_a_measurement_it_was_not_fitted_on() -> None:
    with pytest.raises(CheckpointMismatch, match="'b'"):
        NullRates.fit({"a": [1.0]}).rate("b", 1.0)


def test_measure_covers_all_examiners_in_order() -> None:
    measurements = measuring.measure(Photo(b"", scene(), "PNG"))
    assert [measurement.id for measurement in measurements] == sorted(examiners())


def test_finding_cites_value_and_null_rate() -> None:
    name = NAMES[0]
    rates = NullRates.fit({name: list(np.arange(99.0))})
    (finding,) = ledger.findings([Measurement(name, 89.0)], rates)
    assert finding.null_rate == pytest.approx(0.11)
    assert "89" in finding.sentence
    assert "11 %" in finding.sentence
    assert examiners()[name].title in finding.sentence.lower()


def test_finding_without_value_states_the_reason() -> None:
    rates = NullRates.fit({NAMES[0]: [1.0]})
    (finding,) = ledger.findings([Measurement(NAMES[0], not_applicable="a flat picture")], rates)
    assert finding.null_rate is None
    assert "a flat picture" in finding.sentence


def test_findings_are_those_the_model_was_trained_on() -> None:
    rates = NullRates.fit({NAMES[0]: [1.0], NAMES[1]: []})
    given = [Measurement(name, 1.0) for name in NAMES]
    assert [finding.measurement.id for finding in ledger.findings(given, rates)] == [NAMES[0]]
    with pytest.raises(CheckpointMismatch, match=NAMES[0]):
        ledger.findings(given[1:], rates)


def test_measure_dataset_measures_the_variant_of_each_sample(dataset: Dataset) -> None:
    (row,) = measured(dataset, Split.VALIDATION).to_pylist()
    given = SAMPLES[6]
    controlled = decode(variant(given.image, given.image_id, Variant.BIAS_CONTROLLED))
    measured_here = [m for m in measuring.measure(controlled) if m.id in measuring.measured_names()]
    expected = {m.id: m.value for m in measured_here}
    expected |= {f"{m.id}_where": places.where(m) for m in measured_here}
    assert row == {"image_id": "scene-5", "split": "validation", "label": "authentic", **expected}


def test_by_image_gives_back_values_and_places(dataset: Dataset) -> None:
    table = measured(dataset)
    remembered = measuring.by_image(table)
    assert list(remembered) == table["image_id"].to_pylist()
    for row in table.to_pylist():
        for measurement in remembered[row["image_id"]]:
            assert measurement.value == row[measurement.id]
            assert places.where(measurement) == row[f"{measurement.id}_where"]


def test_measure_dataset_leaves_what_does_not_apply_empty(dataset: Dataset) -> None:
    (row,) = measured(dataset, Split.TEST).to_pylist()
    assert [row[name] for name in NAMES] == [None] * len(NAMES)


def test_measure_dataset_does_not_depend_on_workers(dataset: Dataset) -> None:
    assert measured(dataset, workers=2).equals(measured(dataset))


def test_measure_dataset_reports_progress(dataset: Dataset) -> None:
    calls: list[tuple[int, int, str]] = []
    measuring.measure_dataset(
        dataset, [Split.TRAIN], Variant.AS_IS, 1, lambda *call: calls.append(call)
    )
    done = [call[0] for call in calls]
    assert done == sorted(set(done))
    assert len(done) > 1
    assert calls[-1][:2] == (6, 6)


def test_measure_dataset_of_nothing_keeps_its_columns(dataset: Dataset, tmp_path: Path) -> None:
    empty = measured(stored(tmp_path, []))
    assert empty.num_rows == 0
    assert empty.schema == measured(dataset).schema


def test_fit_null_rates_takes_authentic_training_rows(dataset: Dataset) -> None:
    table = measured(dataset)
    authentic = table.to_pylist()[:5]
    expected = NullRates.fit({name: [row[name] for row in authentic] for name in NAMES})
    assert null_rates.fit_null_rates(table) == expected


def test_load_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match="train again"):
        NullRates.load(tmp_path / "absent.json")


def test_sentence_quotes_a_file_in_short() -> None:
    facts = (("EXIF Software", "x" * 300), *((f"PNG {i}", "y") for i in range(9)))
    rates = NullRates.fit({})
    (finding,) = ledger.findings([Measurement("provenance", facts=facts)], rates)
    start = "Origin stated by the file: EXIF Software: xxx"
    assert finding.sentence.startswith(start)
    assert finding.sentence.endswith("PNG 5: y; PNG 6: y; and 2 more.")
    assert len(finding.sentence) < 300
    assert finding.measurement.facts == facts


def test_sentence_about_a_silent_file_says_that_it_proves_nothing() -> None:
    silent = examiners()["provenance"].examine(Photo(b"no metadata", scene(), "PNG"))
    (finding,) = ledger.findings([silent], NullRates.fit({}))
    assert finding.sentence == (
        "Origin stated by the file: the file states nothing about its origin, "
        "which proves nothing either way."
    )


def test_measure_dataset_measures_what_was_kept_no_more(dataset: Dataset, tmp_path: Path) -> None:
    def once() -> pa.Table:
        form, splits = Variant.BIAS_CONTROLLED, [Split.VALIDATION]
        return measuring.measure_dataset(dataset, splits, form, 1, kept=tmp_path)

    first = once()
    assert first.equals(measured(dataset, Split.VALIDATION))
    (file,) = tmp_path.rglob("*.json")
    kept = json.loads(file.read_text()) | {NAMES[0]: 0.123}
    file.write_text(json.dumps(kept))
    assert once()[NAMES[0]].to_pylist() == [0.123]


def test_measure_dataset_takes_only_the_images_that_are_named(dataset: Dataset) -> None:
    form, named = Variant.AS_IS, {"scene-5", "nobody"}
    table = measuring.measure_dataset(dataset, tuple(Split), form, 1, only=named)
    assert table["image_id"].to_pylist() == ["scene-5"]


def test_every_rated_finding_gives_its_own_surprise_too() -> None:
    shown = Finding(Measurement("noise_inconsistency"), 0.1, "", "", Hypothesis.PASTED, 9.0)
    found = ledger.surprises_of([[shown], []])
    assert found["noise_inconsistency"].tolist() == [9.0, 0.0]
    assert set(found) == {Label.MANIPULATED, Label.SYNTHESIZED, *measuring.measured_names()}
