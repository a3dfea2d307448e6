"""Samples in Parquet: a row, a shard, and the shards of a folder, read without filling memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import StorageError
from assay.records import ADDED_FIELDS, Label, Sample, Split, sample_schema

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@contextmanager
def opened(shard: Path) -> Iterator[pq.ParquetFile]:
    """A shard to read from; raises `StorageError` where it is damaged or lacks a column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(shard) as file:
            yield file
    except (pa.ArrowException, OSError, KeyError) as error:
        raise StorageError(
            f"{shard} cannot be read ({error}); delete its folder and build the dataset again"
        ) from error


def read_batches(
    path: Path, columns: Sequence[str], split: Split | None, rows: int
) -> Iterator[pa.RecordBatch]:
    """Stream ``columns`` of the shards in ``path``, at most ``rows`` rows at a time.

    One shard after the other, by plain Parquet readers: `pyarrow.dataset` takes 70 MB to import.
    """
    import pyarrow.compute as pc

    for file in sorted(path.glob("*.parquet")):
        with opened(file) as shard:
            if split is not None and split.value not in shard.read(["split"])["split"].to_pylist():
                continue
            for batch in stored_batches(shard, rows, list({*columns, "split"})):
                if split is not None:
                    batch = batch.filter(pc.equal(batch["split"], split.value))
                yield batch.select(list(columns))


def stored_batches(
    shard: pq.ParquetFile, rows: int, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Stream ``columns`` of a shard; those it was written without, an earlier release, are empty.

    Raises `KeyError` for a column that no release could lack.
    """
    import pyarrow as pa

    lacking = set(columns) - set(shard.schema_arrow.names)
    if strange := lacking.difference(ADDED_FIELDS):
        raise KeyError(f"no column {', '.join(sorted(strange))}")
    for batch in shard.iter_batches(rows, columns=[c for c in columns if c not in lacking]):
        for name in lacking:
            batch = batch.append_column(name, pa.array([""] * batch.num_rows, pa.string()))
        yield batch.select(list(columns))


def to_row(sample: Sample) -> dict[str, Any]:
    """The sample as a row of `sample_schema`."""
    row = {name: getattr(sample, name) for name in sample_schema().names}
    return row | {"label": sample.label.value, "split": sample.split.value if sample.split else ""}


def to_sample(row: dict[str, Any]) -> Sample:
    """Invert `to_row`."""
    split = Split(row["split"]) if row["split"] else None
    return Sample(**(row | {"label": Label(row["label"]), "split": split}))
