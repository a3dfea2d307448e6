"""Labellers who contradict everybody are named before anything is learned from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.label_intake import IntakeSettings
from assay.monitoring.held_back import held_back
from assay.monitoring.settings import DecisionSettings
from assay.records import Label
from assay.store import HumanLabel, Store, StoreSettings, Vote
from tests.captures import START, Clock, capture, image
from tests.monitoring.windows import window

WINDOWS = [
    window(n, since=START + timedelta(days=n), until=START + timedelta(days=n + 1))
    for n in range(2)
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(StoreSettings(folder=tmp_path), clock=Clock(), drain=False) as opened:
        yield opened


def labelled(store: Store, who: str, *, is_honest: bool, first: int) -> None:
    """Clear images, half of them edited, called what they are or the opposite."""
    made = [capture(f"{n}", **seen(n)) for n in range(first, first + 30)]
    for n, one in enumerate(made):
        store.captures.append(one, image(f"{first + n}"))
    store.drainer.drain()
    for one in made:
        is_said = (one.label is Label.MANIPULATED) == is_honest
        said = HumanLabel.MANIPULATED if is_said else HumanLabel.AUTHENTIC
        store.feedback.record(one.id, who, Vote(said))


def seen(number: int) -> dict[str, Any]:
    """What the model says of the image ``number``, rightly."""
    moment = START + timedelta(minutes=number)
    label, score = (Label.MANIPULATED, 0.95) if number % 2 else (Label.AUTHENTIC, 0.05)
    return {"created_at": moment, "score": score, "label": label}


def test_a_labeller_against_all_others_is_held_back(store: Store):
    labelled(store, "ada", is_honest=True, first=0)
    labelled(store, "eve", is_honest=False, first=40)
    assert held_back(store, WINDOWS, DecisionSettings(), IntakeSettings()) == ["eve"]


def test_honest_labellers_are_not(store: Store):
    labelled(store, "ada", is_honest=True, first=0)
    labelled(store, "bob", is_honest=True, first=40)
    assert held_back(store, WINDOWS, DecisionSettings(), IntakeSettings()) == []


def test_labels_of_other_windows_do_not_matter(store: Store):
    labelled(store, "ada", is_honest=True, first=0)
    labelled(store, "eve", is_honest=False, first=40)
    later = [one.model_copy(update={"since": START + timedelta(days=1)}) for one in WINDOWS]
    assert held_back(store, later, DecisionSettings(), IntakeSettings()) == []
