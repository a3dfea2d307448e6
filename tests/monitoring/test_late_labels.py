"""Labels that come after their window was measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from assay.monitoring.late_labels import judged_anew
from assay.monitoring.settings import DecisionSettings, PerformanceSettings
from assay.records import Label
from assay.store import HumanLabel, Selection, Store, StoreSettings, Vote
from tests.captures import START, Clock, capture, image
from tests.monitoring.windows import window

SETTINGS = PerformanceSettings(resamples=100, least_labels=4, least_of_class=2)
DECISION = DecisionSettings(baseline=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = StoreSettings(folder=tmp_path, audit_share=0.0)
    with Store.open(settings, clock=Clock(), drain=False) as opened:
        yield opened


def serve(store: Store, day: int) -> list[str]:
    """Captures of one day that are all put before people."""
    asked = {"selection_reason": Selection.NEEDS_REVIEW, "selection_probability": 1.0}
    found = []
    for n in range(8):
        label = Label.MANIPULATED if n % 2 else Label.AUTHENTIC
        moment = START + timedelta(days=day, minutes=n)
        made = capture(f"{day}-{n}", created_at=moment, label=label, model_version="1", **asked)
        found.append(store.captures.append(made, image(f"{day}-{n}")).id)
    store.drainer.drain()
    return found


def test_windows_that_a_decision_reads_have_the_labels_of_today(store: Store):
    days = [serve(store, day) for day in range(5)]
    spans = [
        {"since": START + timedelta(days=d), "until": START + timedelta(days=d + 1)}
        for d in range(5)
    ]
    before = [window(performance=None, **span) for span in spans]
    for captures in days:
        for n, one in enumerate(captures):
            label = HumanLabel.MANIPULATED if n % 2 else HumanLabel.AUTHENTIC
            store.feedback.record(one, "ada", Vote(label))
    after = judged_anew(store, before, SETTINGS, DECISION)
    assert [one.labelled for one in after] == [8, 0, 0, 8, 8]
    assert all(one.performance.figures["agreement"].value == 1 for one in after if one.labelled)  # type: ignore[union-attr]
    assert [one.since for one in after] == [one.since for one in before]


def test_what_nobody_labelled_stays_unknown(store: Store):
    serve(store, 0)
    one = window(since=START, until=START + timedelta(days=1))
    (found,) = judged_anew(store, [one], SETTINGS, DECISION)
    assert found.performance is None
