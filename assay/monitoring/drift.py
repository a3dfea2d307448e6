"""What moved between a reference and a window: one test a column, corrected for their number.

Numeric columns are compared by the two-sample Kolmogorov-Smirnov test, categorical ones by the
chi-squared test of homogeneity, in which both sides are samples, and what is rare by Fisher's exact
one; the p-values are corrected by Holm (1979, "A simple sequentially rejective multiple test
procedure"). Evidently draws the result (`assay.reports.evidently`); its own chi-squared test takes
the reference for the truth and its own report corrects for nothing, so what drifted is decided
here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from assay.metrics import Bools, Floats
from assay.monitoring.frame import DESCRIPTOR, EMBEDDING, FINDING, one_each
from assay.monitoring.numbers import ColumnDrift, Family
from assay.monitoring.settings import DriftSettings

if TYPE_CHECKING:
    import pandas as pd

CATEGORICAL: Mapping[str, Family] = {
    "label": Family.VERDICT,
    "needs_review": Family.VERDICT,
    "stratum": Family.TRAFFIC,
    "client": Family.TRAFFIC,
    "media_type": Family.TRAFFIC,
}
"""Columns that hold names, with what they are about."""
OTHER = "other"
"""The categories that are too rare to be told apart."""

_PREFIXES = {
    DESCRIPTOR: Family.DESCRIPTOR,
    FINDING: Family.FINDING,
    EMBEDDING: Family.EMBEDDING,
}
_BINS, _CATEGORIES = 20, 12
_LEAST_EXPECTED = 5
"""Rows that each cell of a chi-squared test should expect (Cochran 1954)."""


class _Tested(NamedTuple):
    """What one column came to, before the correction."""

    test: str
    p: float
    effect: float
    bins: tuple[float, ...] | tuple[str, ...]
    shares: Floats
    """Of the reference and of the window ``[2, bins]``."""
    sizes: tuple[int, int]
    means: tuple[float, float] | tuple[None, None] = (None, None)


def measure(
    reference: pd.DataFrame, window: pd.DataFrame, settings: DriftSettings
) -> tuple[ColumnDrift, ...]:
    """Every column that both tables hold, in the order of the families.

    ``window`` is as `window_frame` gives it, of which each group counts once; ``reference`` has one
    row a picture. A column with too few values on either side is left out.
    """
    pairs = _columns(_some(reference, settings), _some(one_each(window), settings), settings)
    tested = {name: _tested(before, now) for name, (before, now) in pairs.items()}
    adjusted = holm([one.p for one in tested.values()])
    found = [
        _drift(name, one, p, settings)
        for (name, one), p in zip(tested.items(), adjusted, strict=True)
    ]
    order = list(Family)
    return tuple(sorted(found, key=lambda column: order.index(column.family)))


def holm(values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number, in their order (Holm 1979)."""
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    corrected = np.minimum(1, np.maximum.accumulate(np.asarray(values)[order] * factors))
    return [float(corrected[place]) for place in np.argsort(order, kind="stable")]


def family_of(name: str) -> Family:
    """What a column of `compared` is about."""
    if name == "score":
        return Family.VERDICT
    return CATEGORICAL[name] if name in CATEGORICAL else _PREFIXES[name[:2]]


def compared(table: pd.DataFrame) -> list[str]:
    """The columns of a window that are compared with those of another."""
    known = "score", *CATEGORICAL
    return [name for name in table.columns if name in known or name[:2] in _PREFIXES]


def _some(rows: pd.DataFrame, settings: DriftSettings) -> pd.DataFrame:
    """At most so many rows: beyond, certainty grows and the cost with it."""
    if len(rows) <= settings.sample:
        return rows
    return rows.sample(settings.sample, random_state=0)


def _columns(
    reference: pd.DataFrame, window: pd.DataFrame, settings: DriftSettings
) -> dict[str, tuple[pd.Series[Any], pd.Series[Any]]]:
    """The values of both sides, by column, where there are enough to compare."""
    shared = [name for name in compared(reference) if name in window.columns]
    pairs = {name: (reference[name].dropna(), window[name].dropna()) for name in shared}
    least = settings.least_values
    return {name: pair for name, pair in pairs.items() if min(map(len, pair)) >= least}


def _drift(name: str, tested: _Tested, p: float, settings: DriftSettings) -> ColumnDrift:
    return ColumnDrift(
        name=name,
        family=family_of(name),
        kind="categorical" if name in CATEGORICAL else "numeric",
        test=tested.test,
        p=tested.p,
        p_adjusted=p,
        effect=tested.effect,
        drifted=p < settings.alpha and tested.effect >= settings.least_effect,
        reference_n=tested.sizes[0],
        n=tested.sizes[1],
        reference_mean=tested.means[0],
        mean=tested.means[1],
        bins=tested.bins,
        reference_shares=tuple(tested.shares[0].tolist()),
        shares=tuple(tested.shares[1].tolist()),
    )


def _tested(reference: pd.Series[Any], window: pd.Series[Any]) -> _Tested:
    if reference.name in CATEGORICAL:
        return _categorical(reference, window)
    return _numeric(reference.to_numpy(np.float64), window.to_numpy(np.float64))


def _numeric(reference: Floats, window: Floats) -> _Tested:
    from scipy.stats import ks_2samp

    edges, sides = _edges(np.concatenate([reference, window])), (reference, window)
    found = ks_2samp(reference, window, method="asymp")
    counts = np.stack([np.histogram(np.clip(v, edges[0], edges[-1]), edges)[0] for v in sides])
    return _Tested(
        "Kolmogorov-Smirnov",
        float(found.pvalue),
        float(found.statistic),
        tuple(edges.tolist()),
        counts / counts.sum(axis=1, keepdims=True),
        (len(reference), len(window)),
        (float(reference.mean()), float(window.mean())),
    )


def _edges(values: Floats) -> Floats:
    """Bins of equal width over all but the farthest values, which the outer bins take in."""
    low, high = np.quantile(values, [0.005, 0.995])
    if low == high:
        low, high = values.min(), max(values.max(), values.min() + 1e-9)
    return np.linspace(low, high, _BINS + 1)


def _categorical(reference: pd.Series[Any], window: pd.Series[Any]) -> _Tested:
    before, now = Counter(reference.astype(str)), Counter(window.astype(str))
    least = _LEAST_EXPECTED * (before + now).total() / min(before.total(), now.total())
    counts = _counts(before, now, least)
    table = np.array(list(counts.values()), np.float64).T
    shares = table / table.sum(axis=1, keepdims=True)
    effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
    p = _p_of_mixes(table, table.sum(axis=0) >= least)
    return _Tested("chi-squared", p, effect, tuple(counts), shares, (before.total(), now.total()))


def _counts(before: Counter[str], now: Counter[str], least: float) -> dict[str, tuple[int, int]]:
    """Rows of both sides by category, the most frequent first, those below ``least`` as `OTHER`."""
    both = before + now
    ranked = sorted(both, key=lambda name: (-both[name], name))
    shown = [n for n in ranked if both[n] >= least and n != OTHER][:_CATEGORIES]
    rest = [sum(side[name] for name in side if name not in shown) for side in (before, now)]
    counts = {name: (before[name], now[name]) for name in shown}
    return counts | ({OTHER: (rest[0], rest[1])} if any(rest) else {})


def _p_of_mixes(table: Floats, is_frequent: Bools) -> float:
    """The p-value of both rows ``[2, k]`` having one distribution.

    Categories too rare for the chi-squared test are held against all others by Fisher's exact one
    (1922), both tests corrected by Bonferroni: who is new may well be all of a small window.
    """
    from scipy.stats import fisher_exact

    frequent, rare = table[:, is_frequent], table[:, ~is_frequent].sum(axis=1)
    p = _homogeneity(frequent)
    if not rare.any():
        return p
    exact = fisher_exact(np.stack([frequent.sum(axis=1), rare]).astype(np.int64)).pvalue
    return float(min(1.0, 2 * min(p, exact)))


def _homogeneity(table: Floats) -> float:
    """The p-value of both rows ``[2, k]`` having one distribution; 1 with nothing to compare."""
    from scipy.stats import chi2_contingency

    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 1.0
    return float(chi2_contingency(table, correction=False).pvalue)
