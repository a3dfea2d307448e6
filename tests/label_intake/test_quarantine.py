"""Who is set aside, and that nobody is for labelling what the model gets wrong."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from assay.label_intake import IntakeSettings
from assay.label_intake.quarantine import Said, find, poisson_binomial
from tests.captures import START

SETTINGS = IntakeSettings()
HONEST = ("ada", "bob", "cleo")


def words(
    who: str, count: int, rng: np.random.Generator, *, error: float = 0.05, drift: float = 0.0,
    poison: str = "", start: int = 0,
) -> list[Said]:  # fmt: skip
    """A labeller's words on images whose scores are calibrated, but for a share of new fakes.

    ``drift`` of them are fakes that the model scores low. ``poison`` is what is said instead of
    the truth: "flip", "authentic" or "fake".
    """
    scores = rng.beta(2, 2, count)
    truth = rng.random(count) < scores
    new = rng.random(count) < drift
    truth, scores = truth | new, np.where(new, 0.15, scores)
    spoken = truth ^ (rng.random(count) < error)
    spoken = {"": spoken, "flip": ~truth, "authentic": truth & False, "fake": truth | True}[poison]
    return [
        Said(who, START + timedelta(minutes=start + n), bool(yes), float(score), None)
        for n, (yes, score) in enumerate(zip(spoken, scores, strict=True))
    ]


def platform(rng: np.random.Generator, drift: float = 0.0, count: int = 60) -> list[Said]:
    return [word for who in HONEST for word in words(who, count, rng, drift=drift)]


@pytest.mark.parametrize("drift", [0.0, 0.4], ids=["calm", "drift"])
def test_nobody_is_set_aside_where_all_label_alike(drift: float) -> None:
    rng = np.random.default_rng(1)
    assert [find(platform(rng, drift), SETTINGS) for _ in range(40)] == [[]] * 40


@pytest.mark.parametrize("poison", ["flip", "authentic", "fake"])
@pytest.mark.parametrize("drift", [0.0, 0.3], ids=["calm", "drift"])
def test_poisoner_is_set_aside_and_nobody_else(poison: str, drift: float) -> None:
    rng = np.random.default_rng(2)
    said = platform(rng, drift) + words("eve", 60, rng, poison=poison, drift=drift)
    (found,) = find(said, SETTINGS)
    assert found.who == "eve"
    assert found.observed > found.expected
    assert "eve" in found.sentence


def test_sudden_change_shows_in_a_run() -> None:
    rng = np.random.default_rng(3)
    sleeper = words("eve", 240, rng) + words("eve", 24, rng, poison="flip", start=240)
    (found,) = find(platform(rng) + sleeper, SETTINGS)
    assert (found.who, found.labels) == ("eve", 24)


def every(who: str, count: int, share: float, start: int, step: int = 1) -> list[Said]:
    """Words on images of one score, of which this share is "not authentic", evenly spread."""
    return [
        Said(
            who,
            START + timedelta(minutes=start + step * n),
            int((n + 1) * share) > int(n * share),
            0.2,
            None,
        )
        for n in range(count)
    ]


def test_what_all_say_since_a_change_is_nobodys_own() -> None:
    colleagues = [w for who in HONEST for w in every(who, 120, 0.2, 0) + every(who, 48, 0.6, 1000)]
    # Late on shift: all calm images were the colleagues', and luck gave this run three quarters.
    late = every("dan", 24, 0.75, 1000, step=2)
    assert find([*colleagues, *late], SETTINGS) == []
    # The same share before the change is beyond what anybody else says.
    early = every("dan", 24, 0.75, 0, step=2)
    assert [one.who for one in find([*colleagues, *early], SETTINGS)] == ["dan"]


def test_trusted_labeller_is_not_set_aside() -> None:
    rng = np.random.default_rng(4)
    said = platform(rng) + words("eve", 60, rng, poison="flip")
    assert find(said, IntakeSettings(trusted=("eve",))) == []


def test_who_labels_alone_is_compared_with_nobody() -> None:
    assert find(words("ada", 60, np.random.default_rng(5), poison="fake"), SETTINGS) == []


def test_few_labels_say_nothing() -> None:
    rng = np.random.default_rng(6)
    assert find(platform(rng) + words("eve", 8, rng, poison="flip"), SETTINGS) == []


def test_colleagues_on_the_same_pixels_count_before_the_score() -> None:
    rng = np.random.default_rng(7)
    against = [
        Said(one.who, one.at, one.is_positive, one.score, float(not one.is_positive))
        for one in words("eve", 20, rng)
    ]
    assert [one.who for one in find(platform(rng) + against, SETTINGS)] == ["eve"]


def test_poisson_binomial_is_the_binomial_for_equal_chances() -> None:
    from scipy.stats import binom

    masses = poisson_binomial(np.full(20, 0.3))
    np.testing.assert_allclose(masses, binom.pmf(np.arange(21), 20, 0.3), atol=1e-12)


def test_poisson_binomial_of_unequal_chances() -> None:
    np.testing.assert_allclose(
        poisson_binomial(np.array([0.2, 0.9])), [0.08, 0.2 * 0.1 + 0.8 * 0.9, 0.18]
    )
