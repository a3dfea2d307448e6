"""How often authentic images measure as high: what makes a number mean something.

Fitted once on authentic training images and stored with the model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import CheckpointMismatch
from assay.measuring import measured_names
from assay.records import Label, Split

if TYPE_CHECKING:
    import pyarrow as pa

_GRID = 512
"""Quantiles kept of each reference; finer than any null rate that a prompt or reader sees."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """Values of authentic images: how many there were, and ascending quantiles of them."""

    count: int
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class NullRates:
    """How often authentic images measure as high, for each measurement it was fitted on."""

    references: Mapping[str, _Reference]

    @classmethod
    def fit(cls, values: Mapping[str, Sequence[float]]) -> NullRates:
        """Keep the distribution of each measurement; one without any value is left out."""
        return cls({name: _reference(given) for name, given in values.items() if len(given)})

    @property
    def names(self) -> tuple[str, ...]:
        """The measurements it knows, sorted."""
        return tuple(sorted(self.references))

    def rate(self, name: str, value: float) -> float:
        """Share of authentic images with at least this ``value``, above 0 and at most 1.

        The image itself counts as one more, (r + 1) / (n + 1), so that a finite reference never
        claims that something is impossible (Davison & Hinkley 1997, section 4.2). Of a reference
        kept as quantiles it claims no less than they can resolve, half a step. Raises
        `CheckpointMismatch` for a measurement that it was not fitted on.
        """
        return self._rate(name, value, 1.0)

    def mid_rate(self, name: str, value: float) -> float:
        """`rate` with equal values counted by half (the mid-p of Lancaster 1961).

        Its mean over authentic images is one half, also where most of them measure the same: to
        find nothing, as nearly all do, is then no surprise in either direction.
        """
        return self._rate(name, value, 0.5)

    def _rate(self, name: str, value: float, equal: float) -> float:
        if name not in self.references:
            known = ", ".join(self.names)
            raise CheckpointMismatch(f"no null rates for {name!r}, only for {known}; train again")
        if not math.isfinite(value):
            raise ValueError(f"{name} measures {value}, which is no number")
        reference = self.references[name]
        below = int(np.searchsorted(reference.quantiles, value, side="left"))
        not_above = int(np.searchsorted(reference.quantiles, value, side="right"))
        counted = len(reference.quantiles) - not_above + equal * (not_above - below)
        as_high = counted / len(reference.quantiles)
        if reference.count > _GRID:  # quantiles end half a step below the highest value
            as_high = max(as_high, 0.5 / _GRID)
        return (reference.count * as_high + equal) / (reference.count + 1)

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.write_text(
            json.dumps(
                {
                    name: {"count": kept.count, "quantiles": kept.quantiles}
                    for name, kept in sorted(self.references.items())
                }
            )
        )

    @classmethod
    def load(cls, path: Path) -> NullRates:
        """Read what `save` wrote; raises `CheckpointMismatch` when the file is something else."""
        try:
            stored = json.loads(path.read_text())
            return cls({name: _stored(kept) for name, kept in stored.items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CheckpointMismatch(
                f"{path} holds no null rates ({error}); train again"
            ) from error


def fit_null_rates(table: pa.Table, without: Collection[str] = ()) -> NullRates:
    """Null rates from the authentic training rows of a table by `measuring.measure_dataset`.

    Images that are called ``without`` are left out: an image is no reference for itself.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    authentic = pc.equal(table["label"], Label.AUTHENTIC.value)
    counted = pc.and_(authentic, pc.equal(table["split"], Split.TRAIN.value))
    left_out = pc.is_in(table["image_id"], pa.array(sorted(without), pa.string()))
    reference = table.filter(pc.and_(counted, pc.invert(left_out)))
    names = [name for name in measured_names() if name in reference.column_names]
    return NullRates.fit({name: reference[name].drop_null().to_pylist() for name in names})


def _stored(kept: Mapping[str, Any]) -> _Reference:
    count, quantiles = int(kept["count"]), tuple(map(float, kept["quantiles"]))
    if count < len(quantiles) or not quantiles or list(quantiles) != sorted(quantiles):
        raise ValueError("quantiles that are not those of a reference")
    return _Reference(count, quantiles)


def _reference(values: Sequence[float]) -> _Reference:
    ascending = np.sort(np.asarray(values, dtype=np.float64))
    if len(ascending) > _GRID:
        ascending = np.quantile(ascending, (np.arange(_GRID) + 0.5) / _GRID)
    return _Reference(len(values), tuple(ascending.tolist()))
