"""Numbers a day with intervals: notices, reviews, and, from what people decided, errors.

Whatever a rule decides is counted. What is wrong is known only of images that people decided, and
those are no random sample: an image in the review band is shown to people, one outside it only if
an audit draws it. So each decided image that was drawn by design stands for the inverse of its
probability (Horvitz and Thompson 1952); as cases still wait, it also stands for those of its kind
that were drawn and are not decided yet (weighting classes, Oh and Scheuren 1983). Decisions on
reports and appeals count nothing here: nobody knows with which probability they come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay.backtest import intervals
from assay.backtest.records import Compared, Coverage
from assay.metrics import Bools, Floats, Metric
from assay.notices import Level

if TYPE_CHECKING:
    import pandas as pd

NOTICES, REVIEWS, WRONG, MISSED = "notices", "reviews", "wrong notices", "missed"
MOST_SECONDS = 600.0
"""Of one case that count: after a lease of ten minutes it belongs to somebody else."""


def estimates(table: pd.DataFrame, days: float) -> tuple[Compared, ...]:
    """All four, a day; ``table`` is that of `deciding.decided`."""
    return notices(table, days), reviews(table, days), *errors(table, days)


def notices(table: pd.DataFrame, days: float) -> Compared:
    """Captures whose users are told something by the automatic answer alone."""
    old, new = (_by_group(table, _told(table, side)) for side in ("old", "new"))
    return _compared(NOTICES, old, new, 1.0, days)


def reviews(table: pd.DataFrame, days: float) -> Compared:
    """Cases that are put before people by design: copies of one image are one case.

    Reports and appeals open further ones, whatever the model and the policy are.
    """
    old, new = (_cases(table, f"{side}_chance") for side in ("old", "new"))
    return _compared(REVIEWS, old, new, 1.0, days)


def errors(table: pd.DataFrame, days: float) -> tuple[Compared, Compared]:
    """Notices on what people cleared, and altered captures on which there is no notice."""
    cleared = table["is_cleared"].to_numpy(bool)
    told = {side: _told(table, side) for side in ("old", "new")}
    silent = {side: ~told[side] for side in told}
    return (
        _estimated(WRONG, table, told, cleared, days),
        _estimated(MISSED, table, silent, ~cleared, days),
    )


def sample_weights(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """How many captures each row ``[n]`` stands for, and would stand for had people decided it.

    The first is 0 where it is no part of the sample; the second is 0 where no draw could have shown
    it to people, and infinite where they have decided none of its kind. All captures of an image
    share its decision, and its probability of having been drawn at all.
    """
    images = _indices(table, "image")
    chance = _any_of(table["old_chance"], images)[images]
    is_drawn, in_band = _any(table["is_drawn"], images), _any(table["old_review"], images)
    is_known = is_drawn & (table["human"] != "").to_numpy(bool)
    would = np.divide(1.0, chance, out=np.zeros(len(table)), where=chance > 0)
    for kind in (in_band, ~in_band):
        drawn, known = (_images(table, rows & kind) for rows in (is_drawn, is_known))
        if drawn:
            would[kind & (chance > 0)] *= drawn / known if known else np.inf
    return np.where(is_known, would, 0.0), would


def coverage(table: pd.DataFrame) -> Coverage:
    """What the estimates of errors rest on, in images."""
    images = _indices(table, "image")
    drawn = _any(table["is_drawn"], images)
    return Coverage(
        drawn=_images(table, drawn),
        decided=_images(table, drawn & (table["human"] != "").to_numpy(bool)),
        beyond=int((_any_of(table["old_chance"], images) == 0).sum()),
    )


def seconds_per_case(table: pd.DataFrame) -> Metric | None:
    """Mean seconds from seeing a case to the vote; None for fewer than two that were measured."""
    measured = table.dropna(subset="seconds").drop_duplicates("image")["seconds"]
    values = np.minimum(measured.to_numpy(float), MOST_SECONDS)
    return intervals.mean(values) if len(values) > 1 else None


def _told(table: pd.DataFrame, side: str) -> Bools:
    return np.asarray(table[f"{side}_notice"] != Level.NONE.value, np.bool_)


def _estimated(
    name: str, table: pd.DataFrame, among: dict[str, Bools], is_error: Bools, days: float
) -> Compared:
    """Weighted counts of errors ``among`` captures; None where people decided none of a kind."""
    weights, would = sample_weights(table)
    weights = weights * is_error
    old, new = (
        _known(intervals.total, _by_group(table, weights * rows), would[rows])
        for rows in (among["old"], among["new"])
    )
    differences = _by_group(table, weights * (1.0 * among["new"] - among["old"]))
    moved = would[among["old"] != among["new"]]
    return _a_day(name, old, new, _known(intervals.change, differences, moved), days)


def _known(
    estimate: Callable[[Floats, float], Metric], values: Floats, would: Floats
) -> Metric | None:
    """The ``estimate`` from ``values``, where every kind that counts was looked at."""
    largest = float(would.max(initial=0.0))
    if not len(would):
        return _NOTHING
    return estimate(values, largest) if 0 < largest < np.inf else None


def _compared(name: str, old: Floats, new: Floats, largest: float, days: float) -> Compared:
    """From exact counts a group."""
    totals = intervals.total(old, largest), intervals.total(new, largest)
    differences = new - old
    change = intervals.change(differences, largest) if differences.any() else _NOTHING
    return _a_day(name, *totals, change, days)


_NOTHING = Metric(0.0, 0.0, 0.0, 0)


def _a_day(
    name: str, old: Metric | None, new: Metric | None, change: Metric | None, days: float
) -> Compared:
    rates = [
        None if each is None else intervals.scaled(each, 1 / days) for each in (old, new, change)
    ]
    return Compared(name=name, old=rates[0], new=rates[1], change=rates[2])


def _by_group(table: pd.DataFrame, values: Floats | Bools) -> Floats:
    """The sum of ``values`` ``[n]`` in each group."""
    return _sums(_indices(table, "group"), np.asarray(values, np.float64))


def _cases(table: pd.DataFrame, chance: str) -> Floats:
    """The expected number of cases of each group."""
    images = _indices(table, "image")
    cases = _any_of(table[chance], images)
    first = np.unique(images, return_index=True)[1]
    return _sums(_indices(table, "group")[first], cases)


def _indices(table: pd.DataFrame, column: str) -> npt.NDArray[np.intp]:
    """Which of the distinct values of ``column`` each row has ``[n]``."""
    import pandas as pd

    return np.asarray(pd.factorize(table[column])[0], np.intp)


def _sums(index: npt.NDArray[np.intp], values: Floats) -> Floats:
    return np.asarray(np.bincount(index, values), np.float64)


def _any_of(chances: pd.Series[float], index: npt.NDArray[np.intp]) -> Floats:
    """For each index, the probability that at least one of its independent draws hits."""
    with np.errstate(divide="ignore"):  # what is certain has a logarithm of minus infinity
        missed = _sums(index, np.log1p(-chances.to_numpy(float)))
    return np.asarray(-np.expm1(missed), np.float64)


def _any(flags: pd.Series[Any], index: npt.NDArray[np.intp]) -> Bools:
    """For each row, whether a row of the same index is flagged ``[n]``."""
    return np.asarray((_sums(index, np.asarray(flags, np.float64)) > 0)[index], np.bool_)


def _images(table: pd.DataFrame, rows: Bools) -> int:
    return int(table["image"][rows].nunique())
