"""What every examiner measures of an image, or of all images of a dataset, in a table."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import places
from assay.engines import Engine, running
from assay.evidence import Role, examined, examiners
from assay.fingerprints import code_fingerprint
from assay.images import Variant, photo_of
from assay.progress import Progress, silent
from assay.records import Measurement, Photo, Sample, Split

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

_TOGETHER = 4
"""Images that travel to a worker together: Ray takes 17 ms to hand out one."""
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
    only: Collection[str] | None = None,
    kept: Path | None = None,
    engine: Engine = Engine.PROCESSES,
) -> pa.Table:
    """Measure the images of ``splits``, or ``only`` these, in the form ``kind``, a process a core.

    Columns image_id, split, label, and for each examiner its value (float64, null where not
    applicable) and the part that it points at (a string, empty for none); rows in the dataset's
    order. Samples stream through, so memory stays flat.
    ``workers`` None means all cores. In the folder ``kept`` every image's row is written down, and
    found again by whoever measures it there next.
    """
    import pyarrow as pa

    wanted = set(dataset.table(["image_id"])["image_id"].to_pylist() if only is None else only)
    total = sum(
        len(wanted.intersection(dataset.table(["image_id"], split)["image_id"].to_pylist()))
        for split in splits
    )
    rows: list[dict[str, Any]] = []
    with running(engine, workers, dataset.path if kept is None else kept) as each:
        samples = _Samples(dataset, tuple(splits), frozenset(wanted))
        for measured in each(partial(_measured_rows, kind, kept), samples):
            rows += measured
            progress(len(rows), total, "measuring evidence")
    fields = [pa.field(name, pa.string()) for name in _KEYS]
    fields += [pa.field(name, pa.float64()) for name in measured_names()]
    fields += [pa.field(name + _PLACE, pa.string()) for name in measured_names()]
    return pa.Table.from_pylist(rows, pa.schema(fields))


@dataclass(frozen=True, slots=True)
class _Samples:
    """Those of ``splits`` that are ``wanted``, a few together, without masks."""

    dataset: Dataset
    splits: tuple[Split, ...]
    wanted: frozenset[str]

    def __iter__(self) -> Iterator[tuple[Sample, ...]]:
        found = self._found()
        while together := tuple(islice(found, _TOGETHER)):
            yield together

    def _found(self) -> Iterator[Sample]:
        for split in self.splits:
            for sample in self.dataset.samples(split):
                if sample.image_id in self.wanted:
                    yield replace(sample, mask=b"")


def by_image(table: pa.Table) -> dict[str, tuple[Measurement, ...]]:
    """The measurements in a table by `measure_dataset`, by image.

    Of where one points, the place that words can say is kept: a box over that part of the image.
    """
    names = [name for name in measured_names() if name in table.column_names]
    return {
        row["image_id"]: tuple(_remembered(name, row) for name in names)
        for row in table.to_pylist()
    }


def _measured_rows(
    kind: Variant, kept: Path | None, samples: Sequence[Sample]
) -> list[dict[str, Any]]:
    return [_measured_row(kind, kept, sample) for sample in samples]


def _measured_row(kind: Variant, kept: Path | None, sample: Sample) -> dict[str, Any]:
    keys = {name: getattr(sample, name) for name in _KEYS}
    return keys | (_measured(kind, sample) if kept is None else _kept(kept, kind, sample))


def _measured(kind: Variant, sample: Sample) -> dict[str, Any]:
    measured = {measurement.id: measurement for measurement in measure(photo_of(sample, kind))}
    values = {name: measured[name].value for name in measured_names()}
    return values | {n + _PLACE: places.where(measured[n]) for n in measured_names()}


def _kept(folder: Path, kind: Variant, sample: Sample) -> dict[str, Any]:
    """What was measured before, by the same code, of the same bytes under the same name."""
    digest = hashlib.sha256(f"{code_fingerprint()} {kind} {sample.image_id}\0".encode())
    digest.update(sample.image)
    name = digest.hexdigest()
    file = folder / name[:2] / f"{name}.json"
    with contextlib.suppress(FileNotFoundError):
        found: dict[str, Any] = json.loads(file.read_bytes())
        return found
    measured = _measured(kind, sample)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(measured))
    unfinished.replace(file)
    return measured


def _remembered(name: str, row: Mapping[str, Any]) -> Measurement:
    place = row[name + _PLACE]
    return Measurement(name, row[name], (places.region(place),) if place else ())
