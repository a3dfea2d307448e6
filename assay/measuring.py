"""What every examiner measures of an image, or of all images of a dataset, in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from assay import places
from assay.evidence import Role, examined, examiners
from assay.images import Variant, photo_of
from assay.parallel import parallel_map
from assay.progress import Progress, silent
from assay.records import Measurement, Photo, Sample, Split

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

_SLOWEST = "repeated_regions"
"""Takes about as long as all others together."""
_KEYS = ("image_id", "split", "label")
_PLACE = "_where"
"""Ends the name of a column that holds the place which a measurement points at."""


def measured_names() -> tuple[str, ...]:
    """The examiners that give a number, sorted: the columns of a table of measurements."""
    return tuple(name for name, one in examiners().items() if one.role is not Role.VERBATIM)


def measure(photo: Photo) -> tuple[Measurement, ...]:
    """Every examiner's measurement of ``photo``, sorted by name."""
    return tuple(examined(photo, name) for name in examiners())


def measure_in_two(photo: Photo) -> tuple[Measurement, ...]:
    """`measure` on two threads: sooner where a core is free, of no use where none is."""
    with ThreadPoolExecutor(1) as beside:
        slowest = beside.submit(examined, photo, _SLOWEST)
        for name in examiners():
            if name != _SLOWEST:
                examined(photo, name)
        slowest.result()
    return measure(photo)


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


def _measured_row(kind: Variant, sample: Sample) -> dict[str, Any]:
    photo = photo_of(sample, kind)
    keys = {name: getattr(sample, name) for name in _KEYS}
    measured = {measurement.id: measurement for measurement in measure(photo)}
    values = {name: measured[name].value for name in measured_names()}
    return keys | values | {n + _PLACE: places.where(measured[n]) for n in measured_names()}


def _remembered(name: str, row: Mapping[str, Any]) -> Measurement:
    place = row[name + _PLACE]
    return Measurement(name, row[name], (places.region(place),) if place else ())
