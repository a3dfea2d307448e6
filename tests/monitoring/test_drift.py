"""What moved: as seldom by chance as promised, surely where a fifth of the traffic changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.monitoring import drift
from assay.monitoring.numbers import Family
from assay.monitoring.settings import DriftSettings
from benchmarks.synthetic_traffic import window

SETTINGS = DriftSettings()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def moved(reference: pd.DataFrame, current: pd.DataFrame) -> set[str]:
    found = drift.measure(reference, current, SETTINGS)
    return {column.name for column in found if column.drifted}


def test_p_values_are_corrected_step_by_step():
    assert drift.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert drift.holm([0.9, 0.8]) == [1.0, 1.0]
    assert drift.holm([]) == []


def test_windows_without_change_hardly_ever_show_drift():
    source = rng(1)
    alarms = sum(bool(moved(window(600, source), window(300, source))) for _ in range(20))
    assert alarms <= 3  # more are expected once in 60 times at one in twenty


def test_change_of_a_fifth_is_noticed_and_named():
    found = moved(window(1000, rng(1)), window(500, rng(2), changed=0.2))
    assert {"d_jpeg_quality", "d_width"} <= found
    assert not {"score", "client", "d_brightness"} & found


def test_effect_is_the_share_that_changed_at_least():
    values = np.arange(1000.0)
    reference = pd.DataFrame({"d_x": values})
    half = np.where(values < 500, values + 5000, values)
    current = pd.DataFrame({"d_x": half, "group": values})
    (column,) = drift.measure(reference, current, SETTINGS)
    assert (column.family, column.drifted) == (Family.DESCRIPTOR, True)
    assert column.effect == pytest.approx(0.5)
    assert (column.reference_mean, column.mean) == (499.5, 2999.5)
    assert sum(column.shares) == pytest.approx(1.0)
    assert len(column.bins) == len(column.shares) + 1


def test_mix_of_names_is_compared_whatever_is_rare_as_one():
    before = ["forum"] * 700 + ["press"] * 300
    now = ["forum"] * 480 + ["press"] * 300 + ["new"] * 200 + [f"odd {n}" for n in range(20)]
    current = pd.DataFrame({"client": now, "group": range(len(now))})
    (column,) = drift.measure(pd.DataFrame({"client": before}), current, SETTINGS)
    assert column.bins == ("forum", "press", "new", drift.OTHER)
    assert (column.drifted, column.effect) == (True, pytest.approx(0.22))


@pytest.mark.parametrize("before", [["forum"] * 10_000, ["forum", "press"] * 5000])
def test_small_window_of_nothing_but_a_new_client_has_drifted(before: list[str]):
    current = pd.DataFrame({"client": ["new"] * 200, "group": range(200)})
    (column,) = drift.measure(pd.DataFrame({"client": before}), current, SETTINGS)
    assert (column.drifted, column.effect) == (True, 1.0)


def test_sure_but_small_change_is_let_pass():
    values = rng().standard_normal(9000)
    current = pd.DataFrame({"d_x": values + 0.1, "group": range(9000)})
    (column,) = drift.measure(pd.DataFrame({"d_x": values}), current, SETTINGS)
    assert column.p_adjusted < 1e-6
    assert not column.drifted


def test_picture_that_went_viral_is_no_drift():
    calm = window(400, rng(3))
    viral = pd.concat([calm, calm.iloc[[0] * 2000].assign(d_width=9.0)], ignore_index=True)
    assert moved(window(1000, rng(4)), viral) == set()


def test_columns_of_one_value_or_with_too_few_are_no_trouble():
    reference = pd.DataFrame({"d_flat": [1.0] * 300, "d_rare": [1.0] * 20 + [np.nan] * 280})
    current = reference.assign(group=range(300), d_new=2.0)
    (column,) = drift.measure(reference, current, SETTINGS)
    assert (column.name, column.p, column.effect) == ("d_flat", 1.0, 0.0)
