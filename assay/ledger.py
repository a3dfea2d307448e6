"""The evidence ledger: every measurement of an image, and how often authentic images show as much.

A raw measurement means nothing to a reader or a model; its null rate does. Null rates are fitted
once on authentic training images, stored with the model, and turn measurements into findings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay import fusion, places
from assay.errors import CheckpointMismatch
from assay.evidence import Role, examined, examiners
from assay.images import Variant, photo_of
from assay.metadata import quoted
from assay.parallel import parallel_map
from assay.progress import Progress, silent
from assay.records import Finding, Hypothesis, Label, Measurement, Photo, Sample, Split

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

_KEYS = ("image_id", "split", "label")
_PLACE = "_where"
"""Ends the name of a column that holds the place which a measurement points at."""
_GRID = 512
"""Quantiles kept of each reference; finer than any null rate that a prompt or reader sees."""
_MOST_QUOTED, _QUOTE = 8, 160
"""Facts that a sentence quotes, and characters of each; the measurement holds them all."""


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
        if name not in self.references:
            known = ", ".join(self.names)
            raise CheckpointMismatch(f"no null rates for {name!r}, only for {known}; train again")
        reference = self.references[name]
        below = int(np.searchsorted(reference.quantiles, value, side="left"))
        as_high = 1 - below / len(reference.quantiles)
        if reference.count > _GRID:  # quantiles end half a step below the highest value
            as_high = max(as_high, 0.5 / _GRID)
        return (reference.count * as_high + 1) / (reference.count + 1)

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
            return cls(
                {
                    name: _Reference(int(kept["count"]), tuple(map(float, kept["quantiles"])))
                    for name, kept in stored.items()
                }
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CheckpointMismatch(
                f"{path} holds no null rates ({error}); train again"
            ) from error


def measured_names() -> tuple[str, ...]:
    """The examiners that give a number, sorted: the columns of a table of measurements."""
    return tuple(name for name, one in examiners().items() if one.role is not Role.VERBATIM)


def in_role(findings: Iterable[Finding], role: Role) -> tuple[Finding, ...]:
    """The findings of examiners with this ``role``; the model is told of those to be fused."""
    roles = {name: examiner.role for name, examiner in examiners().items()}
    return tuple(finding for finding in findings if roles[finding.measurement.id] is role)


def measure(photo: Photo) -> tuple[Measurement, ...]:
    """Every examiner's measurement of ``photo``, sorted by name."""
    return tuple(examined(photo, name) for name in examiners())


def findings(measurements: Iterable[Measurement], null_rates: NullRates) -> tuple[Finding, ...]:
    """The measurements that ``null_rates`` knows, with their null rates, sorted by name.

    Verbatim facts, which need no null rate, come after them. Others are left out: a model is asked
    with the evidence it was trained on, also after a new examiner was added. Raises
    `CheckpointMismatch` when one that it was trained on is missing.
    """
    given = {measurement.id: measurement for measurement in measurements}
    if missing := [name for name in null_rates.names if name not in given]:
        raise CheckpointMismatch(
            f"the model was trained with {', '.join(missing)}, which no examiner measures here; "
            "use the version of Assay that trained it, or train again"
        )
    known = tuple(_finding(given[name], null_rates) for name in null_rates.names)
    return known + tuple(_verbatim(given[name]) for name in _verbatim_names() if name in given)


def surprises_of(evidence: Sequence[Sequence[Finding]]) -> dict[Label, npt.NDArray[np.float64]]:
    """How surprising the findings to be fused are together ``[n]``, by the class they speak for.

    ``evidence`` is the findings of each image; see `assay.fusion.summed`.
    """
    fused = [{f.measurement.id: f for f in in_role(one, Role.FUSED)} for one in evidence]
    kinds = {name: finding.suggests for one in fused for name, finding in one.items()}
    rates = {
        name: np.array([one[name].null_rate if name in one else None for one in fused], np.float64)
        for name in kinds
    }
    conclusive = {
        name: np.array([name in one and is_conclusive(one[name]) for one in fused], np.bool_)
        for name in kinds
    }
    generated = {name for name, kind in kinds.items() if kind is Hypothesis.GENERATED}
    of = {n: Label.SYNTHESIZED if n in generated else Label.MANIPULATED for n in kinds}
    return fusion.summed(rates, conclusive, of, len(fused))


def is_conclusive(finding: Finding) -> bool:
    """Whether the finding counts by itself, whatever the others say."""
    level, value = examiners()[finding.measurement.id].conclusive, finding.measurement.value
    return level is not None and value is not None and value >= level


def measure_dataset(
    dataset: Dataset,
    splits: Sequence[Split],
    kind: Variant,
    workers: int | None = None,
    progress: Progress = silent,
) -> pa.Table:
    """Measure all images of ``splits`` in the form ``kind``, one process a core.

    Columns image_id, split, label, and for each examiner its value (float64, null where not
    applicable) and the part that it points at (a string, empty for none); rows in the dataset's
    order. Samples stream through, so memory stays flat.
    ``workers`` None means all cores.
    """
    import pyarrow as pa

    total = sum(dataset.table(["image_id"], split).num_rows for split in splits)
    samples = (replace(s, mask=b"") for split in splits for s in dataset.samples(split))
    rows: list[dict[str, Any]] = []
    for row in parallel_map(partial(_measured_row, kind), samples, workers):
        rows.append(row)
        progress(len(rows), total, "measuring evidence")
    fields = [pa.field(name, pa.string()) for name in _KEYS]
    fields += [pa.field(name, pa.float64()) for name in measured_names()]
    fields += [pa.field(name + _PLACE, pa.string()) for name in measured_names()]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def by_image(table: pa.Table) -> dict[str, tuple[Measurement, ...]]:
    """The measurements in a table by `measure_dataset`, by image.

    Of where one points, the place that words can say is kept: a box over that part of the image.
    """
    names = [name for name in measured_names() if name in table.column_names]
    return {
        row["image_id"]: tuple(_remembered(name, row) for name in names)
        for row in table.to_pylist()
    }


def fit_null_rates(table: pa.Table) -> NullRates:
    """Null rates from the authentic training rows of a table by `measure_dataset`."""
    import pyarrow.compute as pc

    authentic = pc.equal(table["label"], Label.AUTHENTIC.value)
    reference = table.filter(pc.and_(authentic, pc.equal(table["split"], Split.TRAIN.value)))
    names = [name for name in measured_names() if name in reference.column_names]
    return NullRates.fit({name: reference[name].drop_null().to_pylist() for name in names})


def _measured_row(kind: Variant, sample: Sample) -> dict[str, Any]:
    photo = photo_of(sample, kind)
    keys = {name: getattr(sample, name) for name in _KEYS}
    measured = {measurement.id: measurement for measurement in measure(photo)}
    values = {name: measured[name].value for name in measured_names()}
    return keys | values | {n + _PLACE: places.where(measured[n]) for n in measured_names()}


def _remembered(name: str, row: Mapping[str, Any]) -> Measurement:
    place = row[name + _PLACE]
    return Measurement(name, row[name], (places.region(place),) if place else ())


def _reference(values: Sequence[float]) -> _Reference:
    ascending = np.sort(np.asarray(values, dtype=np.float64))
    if len(ascending) > _GRID:
        ascending = np.quantile(ascending, (np.arange(_GRID) + 0.5) / _GRID)
    return _Reference(len(values), tuple(ascending.tolist()))


def _finding(measurement: Measurement, null_rates: NullRates) -> Finding:
    examiner = examiners()[measurement.id]
    title, kind = examiner.title.capitalize(), examiner.suggests
    if measurement.value is None:
        reason = measurement.not_applicable or "not applicable"
        sentence = f"{title} was not measured: {reason}."
        return Finding(measurement, None, sentence, examiner.title, kind)
    rate = null_rates.rate(measurement.id, measurement.value)
    sentence = (
        f"{title} measures {measurement.value:.3g}; "
        f"{_percent(rate)} of authentic images measure as high."
    )
    return Finding(measurement, rate, sentence, examiner.title, kind)


def _verbatim_names() -> tuple[str, ...]:
    return tuple(name for name, one in examiners().items() if one.role is Role.VERBATIM)


def _verbatim(measurement: Measurement) -> Finding:
    title = examiners()[measurement.id].title.capitalize()
    if measurement.not_applicable:
        return Finding(measurement, None, f"{title}: {measurement.not_applicable}.")
    stated = [f"{name}: {quoted(text, _QUOTE)}" for name, text in measurement.facts[:_MOST_QUOTED]]
    if more := len(measurement.facts) - len(stated):
        stated.append(f"and {more} more")
    return Finding(measurement, None, f"{title}: {'; '.join(stated)}.")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "under 1 %"
