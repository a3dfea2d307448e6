"""Numbers a day with intervals: notices, reviews, and, from what people decided, errors.

Whatever a rule decides is counted. What is wrong is known only of images that people decided, and
those are no random sample: an image in the review band is shown to people, one outside it only if
an audit draws it. So each decided image that was drawn by design stands for the inverse of its
probability (Horvitz and Thompson 1952); as cases still wait, it also stands for those of its kind
that were drawn and are not decided yet (weighting classes, Oh and Scheuren 1983). Decisions on
reports and appeals count nothing here: nobody knows with which probability they come.
"""

from __future__ import annotations

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
    weights = sample_weights(table)
    cleared = table["is_cleared"].to_numpy(bool)
    told = {side: _told(table, side) for side in ("old", "new")}
    wrong = {side: told[side] & cleared for side in told}
    missed = {side: ~told[side] & ~cleared for side in told}
    silent = {side: ~told[side] for side in told}
    return (
        _estimated(WRONG, table, wrong, told, weights, days),
        _estimated(MISSED, table, missed, silent, weights, days),
    )


def sample_weights(table: pd.DataFrame) -> Floats:
    """How many captures each row ``[n]`` stands for; 0 where it is no part of the sample.

    All captures of an image share its decision, and its probability of having been drawn at all.
    """
    images = _indices(table, "image")
    chance = _any_of(table["old_chance"], images)[images]
    is_drawn, in_band = _any(table["is_drawn"], images), _any(table["old_review"], images)
    is_decided = (table["human"] != "").to_numpy(bool)
    weights = np.zeros(len(table))
    for kind in (in_band, ~in_band):
        drawn, known = is_drawn & kind, is_drawn & kind & is_decided
        if known.any():
            waiting = _images(table, drawn) / _images(table, known)
            weights[known] = waiting / chance[known]
    return weights


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
    name: str,
    table: pd.DataFrame,
    found: dict[str, Bools],
    of: dict[str, Bools],
    weights: Floats,
    days: float,
) -> Compared:
    """A weighted count of what was ``found``; nothing is said where nobody looked at any ``of``."""
    sides = {}
    for side in ("old", "new"):
        largest = _largest(weights, of[side])
        counted = _by_group(table, weights * found[side])
        sides[side] = intervals.total(counted, largest) if largest else _none_of(of[side])
    moved = of["old"] != of["new"]
    differences = _by_group(table, weights * (1.0 * found["new"] - found["old"]))
    largest = _largest(weights, moved)
    change = intervals.change(differences, largest) if largest else _none_of(moved)
    return _a_day(name, sides["old"], sides["new"], change, days)


def _compared(name: str, old: Floats, new: Floats, largest: float, days: float) -> Compared:
    """From exact counts a group."""
    totals = intervals.total(old, largest), intervals.total(new, largest)
    differences = new - old
    change = intervals.change(differences, largest) if differences.any() else _NOTHING
    return _a_day(name, *totals, change, days)


_NOTHING = Metric(0.0, 0.0, 0.0, 0)


def _none_of(captures: Bools) -> Metric | None:
    """Nothing, where there is nothing to be wrong about; unknown otherwise."""
    return None if captures.any() else _NOTHING


def _a_day(
    name: str, old: Metric | None, new: Metric | None, change: Metric | None, days: float
) -> Compared:
    rates = [
        None if each is None else intervals.scaled(each, 1 / days) for each in (old, new, change)
    ]
    return Compared(name=name, old=rates[0], new=rates[1], change=rates[2])


def _largest(weights: Floats, of: Bools) -> float:
    """The largest weight among the captures ``of``; 0 where people decided none of them."""
    return float(weights[of].max(initial=0.0))


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
