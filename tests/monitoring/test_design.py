"""What a label stands for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.monitoring.design import CELLS, design


def frame(rows: list[tuple[float, bool, str | None, float]]) -> pd.DataFrame:
    """Captures by score, whether people are asked, what they say, and weight."""
    table = pd.DataFrame(rows, columns=["score", "needs_review", "human_label", "weight"])
    return table.assign(
        label=np.where(table["score"] < 0.5, "authentic", "manipulated"),
        group=[f"{n}" for n in range(len(table))],
    )


def test_labels_of_a_cell_stand_for_all_its_captures():
    audited = [(0.1, False, "authentic", 20.0)] * 2 + [(0.1, False, None, np.nan)] * 38
    asked = [(0.6, True, "manipulated", 1.0)] * 3 + [(0.6, True, None, 1.0)] * 3
    made = design(frame(audited + asked))
    stands_for = made.estimate()[0]
    assert stands_for[made.groups >= 0].tolist() == [20.0] * 2 + [2.0] * 3
    assert stands_for.sum() == 46


def test_what_is_decided_first_speaks_for_its_like_where_cases_wait():
    # Edited where the model is unsure, authentic where it is sure; of the latter few are decided.
    unsure = [(0.55, True, "manipulated", 1.0)] * 30
    sure = [(0.95, True, "authentic", 1.0)] * 6 + [(0.95, True, None, 1.0)] * 24
    made = design(frame(unsure + sure))
    share = float(made.estimate()[0] @ made.positive) / made.estimate().sum()
    assert share == pytest.approx(0.5)


def test_captures_that_nobody_has_come_to_yet_are_unseen():
    begun = [(0.55, True, "manipulated", 1.0)] * 40 + [(0.95, True, None, 1.0)] * 40
    assert design(frame(begun)).unseen == pytest.approx(0.5)


def test_a_label_that_came_by_a_report_counts_for_nothing():
    made = design(frame([(0.1, False, "manipulated", np.nan), (0.1, False, "authentic", 20.0)]))
    assert made.labels == 1
    assert made.estimate()[0, made.groups >= 0].tolist() == [2.0]


def test_captures_of_a_kind_that_nobody_labelled_are_unseen():
    made = design(frame([(0.1, False, None, np.nan)] * 3 + [(0.6, True, "manipulated", 1.0)]))
    assert made.unseen == 0.75


def test_draws_keep_the_number_of_captures_on_average():
    rows = [(0.1, False, "authentic", 20.0)] * 20 + [(0.1, False, None, np.nan)] * 380
    made = design(frame(rows + [(0.6, True, "manipulated", 1.0)] * 100))
    totals = np.concatenate([chunk.sum(axis=1) for chunk in made.resampled(2000, seed=0)])
    assert totals.mean() == pytest.approx(500, rel=0.01)
    assert totals.std() == pytest.approx(np.sqrt(500), rel=0.1)


def test_draws_give_a_share_its_jeffreys_interval():
    rows = [(0.1, False, "authentic", 20.0)] * 30 + [(0.1, False, None, np.nan)] * 570
    made = design(frame(rows))
    drawn = np.concatenate(list(made.resampled(4000, seed=0)))
    share = drawn @ made.positive / drawn.sum(axis=1)
    # Beta(0.5, 30.5), Brown, Cai and DasGupta 2001 (Statistical Science 16:101-133).
    assert np.quantile(share, 0.975) == pytest.approx(0.0797, abs=0.008)


def test_a_picture_of_many_captures_makes_a_cell_less_certain():
    rows = frame([(0.1, False, "authentic", 1.0)] * 100)
    viral = rows.assign(group=["one"] * 90 + [f"{n}" for n in range(10)])
    assert design(rows).captured_groups[0] == 100
    assert design(viral).captured_groups[0] == pytest.approx(100**2 / (90**2 + 10))


def test_every_cell_has_a_row_of_either_class_for_the_prior():
    made = design(frame([(0.1, False, "authentic", 20.0)]))
    prior = made.groups < 0
    assert prior.sum() == 2 * CELLS
    assert made.positive[prior].sum() == CELLS
