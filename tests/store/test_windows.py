"""Windows that the monitor measured: kept with their pages, found again in order."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from assay.errors import NotStored
from assay.monitoring.numbers import (
    ColumnDrift,
    Family,
    Reference,
    ReferenceKind,
    WindowNumbers,
)
from assay.monitoring.performance_numbers import Figure, Performance
from assay.store import Store
from tests.captures import START

COLUMN = ColumnDrift(
    name="d_width", family=Family.DESCRIPTOR, kind="numeric", test="Kolmogorov-Smirnov",
    p=1e-9, p_adjusted=1e-8, effect=0.2, drifted=True, reference_n=900, n=400,
    reference_mean=1000.0, mean=800.0, bins=(0.0, 500.0, 1000.0),
    reference_shares=(0.1, 0.9), shares=(0.3, 0.7),
)  # fmt: skip


def numbers(until: datetime = START, *, is_enough: bool = True, model: str = "7") -> WindowNumbers:
    figure = Figure(value=0.9, low=0.8, high=0.95, n=50, groups=45)
    return WindowNumbers(
        model_version=model,
        since=until - timedelta(days=7),
        until=until,
        captures=500,
        groups=450,
        is_enough=is_enough,
        reference=Reference(kind=ReferenceKind.FIRST_CAPTURES, captures=1000, groups=900),
        drift=(COLUMN,),
        performance=Performance(
            labelled=60, n=50, groups=45, is_enough=True, figures={"auc": figure}
        ),
    )


def test_window_is_read_as_it_was_kept(store: Store):
    made = store.windows.add(numbers(), "retrain", ["AUC fell."], {"auc": [0.9, 0.7]})
    assert store.windows.get(made.id) == made
    assert made.numbers == numbers()
    assert (made.action, made.reasons) == ("retrain", ("AUC fell.",))
    assert (made.evidence, made.pages) == ({"auc": [0.9, 0.7]}, ())


def test_newest_window_is_the_one_that_ends_last(store: Store):
    late = store.windows.add(numbers(START))
    early = store.windows.add(numbers(START - timedelta(days=7)))
    other = store.windows.add(numbers(START + timedelta(days=1), model="8"))
    assert [one.id for one in store.windows.newest(limit=9)] == [other.id, late.id, early.id]
    assert [one.id for one in store.windows.newest("7")] == [late.id]


def test_windows_too_small_to_be_judged_can_be_left_out(store: Store):
    judged = store.windows.add(numbers(START))
    store.windows.add(numbers(START + timedelta(days=1), is_enough=False))
    assert [one.id for one in store.windows.newest("7", 5, only_enough=True)] == [judged.id]


def test_pages_are_kept_beside_the_row(store: Store):
    made = store.windows.add(numbers(), pages={"report": "<p>Zürich</p>", "trend": "<p>2</p>"})
    assert made.pages == ("report", "trend")
    assert store.windows.page(made.id, "report") == "<p>Zürich</p>"
    with pytest.raises(NotStored, match="no page 'evidently'; it has report, trend"):
        store.windows.page(made.id, "evidently")


@pytest.mark.parametrize("ask", ["get", "page"])
def test_unknown_window_is_an_error(store: Store, ask: str):
    arguments = ("nowhere",) if ask == "get" else ("nowhere", "report")
    with pytest.raises(NotStored, match="no window 'nowhere'"):
        getattr(store.windows, ask)(*arguments)
