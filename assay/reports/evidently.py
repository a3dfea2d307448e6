"""Evidently's page on a window: each column over time and as a distribution, to look into.

What drifted is what `assay.monitoring.drift` found, so that both pages say one thing. The page is
Evidently's own, with all its scripts inside: it opens without a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assay.monitoring.frame import one_each
from assay.monitoring.numbers import ColumnDrift, WindowNumbers
from assay.reports.monitoring import title
from assay.reports.page import Page, render

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Window in Evidently"
_DRAWN = 2000
"""Pictures of either side; more would be no better to look at."""
_METHODS = {"numeric": "assay_numeric", "categorical": "assay_categorical"}


def page(numbers: WindowNumbers, reference: pd.DataFrame, window: pd.DataFrame) -> Page:
    """The columns of ``numbers``, those that drifted first.

    Of a window that was too small to be judged, a page that says so.
    """
    if not numbers.drift:
        return render("monitoring_empty.html", TITLE, numbers=numbers)
    found = {column.name: column for column in _ordered(numbers)}
    sides = [_drawn(table, found) for table in (one_each(window), reference)]
    return Page(TITLE, _html(found, *sides))


def _ordered(numbers: WindowNumbers) -> list[ColumnDrift]:
    rest = [column for column in numbers.drift if not column.drifted]
    return [*numbers.drifted, *rest]


def _drawn(table: pd.DataFrame, found: Mapping[str, ColumnDrift]) -> pd.DataFrame:
    """Some rows in their order, their columns called as readers know them."""
    rows = table.sample(min(len(table), _DRAWN), random_state=0).sort_index()[list(found)]
    names = [name for name, column in found.items() if column.kind == "categorical"]
    rows = rows.astype(dict.fromkeys(names, str))
    return rows.rename(columns={name: title(column) for name, column in found.items()})


def _html(found: Mapping[str, ColumnDrift], window: pd.DataFrame, reference: pd.DataFrame) -> str:
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import (
        DriftedColumnsCount,
        RowCount,
        ValueDrift,
    )

    by_title = {title(column): column for column in found.values()}
    _register(by_title)
    kinds = {kind: [t for t, c in by_title.items() if c.kind == kind] for kind in _METHODS}
    definition = DataDefinition(
        numerical_columns=kinds["numeric"], categorical_columns=kinds["categorical"]
    )
    counted = DriftedColumnsCount(
        columns=list(by_title), num_method=_METHODS["numeric"], cat_method=_METHODS["categorical"]
    )
    drawn = [ValueDrift(column=t, method=_METHODS[c.kind]) for t, c in by_title.items()]
    report = Report([RowCount(), counted, *drawn])
    made = report.run(*(Dataset.from_pandas(side, definition) for side in (window, reference)))
    return str(made.get_html_str(as_iframe=False))


def _register(by_title: Mapping[str, ColumnDrift]) -> None:
    """Let Evidently's methods called `_METHODS` answer what was found already."""
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    def answer(reference: pd.Series[Any], *_: object) -> tuple[float, bool]:
        column = by_title[str(reference.name)]
        return column.p_adjusted, column.drifted

    types = {"numeric": ColumnType.Numerical, "categorical": ColumnType.Categorical}
    tests: dict[str, str] = {column.kind: column.test for column in by_title.values()}
    for kind, name in _METHODS.items():
        words = f"p of the {tests.get(kind, kind)} test, corrected for all columns (Holm)"
        register_stattest(StatTest(name, words, [types[kind]]), answer)
