"""What every strategy promises; a new file in the folder is tested without editing this one."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from assay import images, serving_strategies
from assay.detector import Detector
from assay.errors import ConfigError, UnknownPlugin
from assay.metrics import Floats
from assay.records import Photo
from assay.serving_recipe import DEFAULT
from assay.serving_strategies import (
    Kind,
    ServingStrategy,
    choices,
    compiled,
    recipe_of,
    strategies,
)
from tests.scenes import scene

EVERY = pytest.mark.parametrize("strategy", strategies().values(), ids=strategies())
CHOICE = pytest.mark.parametrize("choice", choices())
PHOTOS = 6
CLEAR = 0.01
"""Between an image's two highest verdict logits: the word then has to stay. A model of four
training steps keeps some closer than half precision rounds, and how that rounds depends on the
processor."""
FAR = 0.05
"""Between verdict logits of a choice and of fp32, which are 0.4 and more apart from one another.
A smaller image is another question, and its answer is bounded by nothing."""


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    sizes = [(64, 96), (128, 128), (300, 200)]
    return [images.decode(images.encode_jpeg(scene(n, *sizes[n % 3]), 90)) for n in range(PHOTOS)]


@pytest.fixture(scope="module")
def exact(small_model: Path, photos: list[Photo]) -> Floats:
    return Detector.load(small_model, recipe_of(["fp32"])).verdict_logits(photos)


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _no_code_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled layers are traced as always, and run as traced: a compiler takes a minute here."""
    monkeypatch.setattr(compiled, "BACKEND", "eager")


@CHOICE
def test_an_available_choice_answers_nearly_as_fp32(
    choice: str, small_model: Path, photos: list[Photo], exact: Floats
) -> None:
    if reason := serving_strategies.unavailable(choice):
        assert_is_one_sentence_with_a_remedy(reason)
        return
    found = Detector.load(small_model, recipe_of([choice])).verdict_logits(photos)
    assert np.isfinite(found).all()
    if serving_strategies.chosen(choice)[0].kind is not Kind.PIXELS:
        assert np.abs(found - exact).max() < FAR
        second, first = np.sort(exact, axis=1)[:, -2:].T
        is_clear = first - second > CLEAR
        assert is_clear.sum() >= 3
        assert (found.argmax(1) == exact.argmax(1))[is_clear].all()


def assert_is_one_sentence_with_a_remedy(reason: str) -> None:
    what, remedy = re.split("[:;] ", reason, maxsplit=1)
    assert what
    assert remedy
    assert "\n" not in reason
    assert not reason.endswith(".")


@EVERY
def test_a_strategy_changes_the_recipe_and_nothing_else(strategy: ServingStrategy) -> None:
    for value in strategy.values or (0,):
        changed = strategy.apply(DEFAULT, value)
        assert changed != DEFAULT
        assert strategy.apply(changed, value).dtype == changed.dtype
        assert hash(changed) == hash(strategy.apply(DEFAULT, value))
        assert pickle.loads(pickle.dumps(changed)) == changed


@EVERY
def test_a_strategy_says_what_it_does(strategy: ServingStrategy) -> None:
    assert strategy.name.isidentifier()
    assert strategy.name == strategy.name.lower()
    assert strategy.title
    assert strategy.title[0].islower() or strategy.title[0].isdigit()


def test_values_are_not_tried_twice() -> None:
    assert max(Counter(choices()).values()) == 1
    for strategy in strategies().values():
        applied = [strategy.apply(DEFAULT, value) for value in strategy.values]
        assert len(set(applied)) == len(applied)


def test_every_kind_has_a_strategy_and_settles_things_once() -> None:
    kinds = {name: one.kind for name, one in strategies().items()}
    assert set(kinds.values()) | {Kind.ENGINE} == set(Kind)
    one_each = {name: form for name in kinds for form in choices() if form.startswith(name)}
    for (first, kind), (second, other) in combinations(kinds.items(), 2):
        if kind is other:
            with pytest.raises(ConfigError, match=f"both settle the {kind.value}"):
                recipe_of([one_each[first], one_each[second]])


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("batch_size", "batch_size=NUMBER"),
        ("batch_size=", "batch_size=NUMBER"),
        ("batch_size=many", "batch_size=NUMBER"),
        ("batch_size=0", "from 1 on"),
        ("batch_size=-4", "batch_size=NUMBER"),
        ("bf16=2", "write bf16"),
    ],
)
def test_a_misspelled_choice_is_told_how_it_is_written(written: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy):
        recipe_of([written])


def test_an_unknown_choice_is_told_the_nearest() -> None:
    with pytest.raises(UnknownPlugin, match="did you mean 'bf16'"):
        recipe_of(["bf61"])
