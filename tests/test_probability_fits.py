from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from assay.probability_fits import Method, ProbabilityMap, choose, fit


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the truth, and classes drawn from it."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 3))
    return logits, np.array([rng.choice(3, p=row) for row in softmax(logits, axis=1)])


def test_temperature_minimises_the_negative_log_likelihood() -> None:
    logits, classes = drawn(300)
    logits, rows = logits * 2.5, np.arange(300)

    def loss(temperature: float) -> float:
        return -log_softmax(logits / temperature, axis=1)[rows, classes].mean()

    best = fit(Method.TEMPERATURE, logits, classes, np.ones(300)).temperature
    assert loss(best) < min(loss(best * 0.9), loss(best * 1.1))


def test_plain_temperature_is_chosen_where_it_is_the_truth() -> None:
    logits, classes = drawn(2000)
    method, made, losses = choose(logits * 3, classes, np.arange(2000))
    assert losses[Method.TEMPERATURE] <= min(losses.values()) + 0.002
    assert made.temperature == pytest.approx(3, rel=0.1)
    assert set(losses) == {m.value for m in Method}
    assert losses[method] == min(losses.values())


def test_bias_is_chosen_where_a_label_is_favoured() -> None:
    logits, classes = drawn(600)
    method, made, _ = choose(logits + np.array([2, 0, 0]), classes, np.arange(600))
    assert method is Method.BIAS_CORRECTED
    assert made.bias == pytest.approx((0, 2, 2), abs=0.4)


def test_isotonic_is_chosen_where_the_score_is_bent() -> None:
    rng = np.random.default_rng(0)
    place = rng.uniform(-4, 4, 2000)
    truth = np.select([place < -2, place < 2], [0.02, 0.5], 0.98)
    classes = (rng.random(2000) < truth).astype(int)
    logits = np.stack([np.zeros(2000), place, np.full(2000, -9.0)], axis=1)
    method, made, _ = choose(logits, classes, np.arange(2000))
    assert method is Method.ISOTONIC
    scores = 1 - made(np.array([[0, -3.0, -9], [0, 0, -9], [0, 3, -9]]))[:, 0]
    assert scores == pytest.approx([0.02, 0.5, 0.98], abs=0.08)


def test_isotonic_is_not_tried_on_few_groups() -> None:
    logits, classes = drawn(300)
    assert Method.ISOTONIC not in choose(logits, classes, np.arange(300) % 90)[2]
    assert choose(logits, classes, np.arange(300) % 9)[2] == {}


def test_folds_hold_whole_groups_out() -> None:
    """Copies of one image in training would let the bent map look better than it is."""
    logits, classes = drawn(260, seed=1)
    copies = np.repeat(np.arange(260), 30)
    once = choose(logits, classes, np.arange(260))[2]
    often = choose(logits[copies], classes[copies], copies)[2]
    assert often == pytest.approx(once, rel=0.02)


def test_a_label_that_never_occurs_has_an_end() -> None:
    logits, classes = drawn(400)
    kept = classes < 2
    made = fit(Method.BIAS_CORRECTED, logits[kept], classes[kept], np.ones(kept.sum()))
    assert np.isfinite(made.bias).all()
    assert made(logits[kept])[:, 2].mean() < 0.02


KNOTS = st.lists(st.floats(0.001, 1), min_size=1, max_size=8).map(
    lambda steps: tuple(
        zip(
            np.linspace(0, 1, len(steps) + 1).tolist(),
            (np.concatenate([[0], np.cumsum(steps)]) / sum(steps) * 0.98 + 0.01).tolist(),
            strict=True,
        )
    )
)


@given(KNOTS, st.lists(st.floats(-50, 50), min_size=6, max_size=6), st.floats(0.05, 20))
def test_probabilities_are_a_distribution_under_any_map(
    knots: tuple[tuple[float, float], ...], logits: list[float], temperature: float
) -> None:
    made = ProbabilityMap(temperature, (0.0, 1.0, -1.0), knots)(np.reshape(logits, (2, 3)))
    assert np.isfinite(made).all()
    assert made.sum(axis=1) == pytest.approx([1, 1])
    assert (made >= 0).all()
