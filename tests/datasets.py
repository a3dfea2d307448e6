"""Small dataset directories for tests, written without the builder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assay.dataset import MANIFEST, Dataset
from assay.records import Sample, sample_schema
from assay.sample_shards import to_row


def stored(path: Path, samples: Sequence[Sample]) -> Dataset:
    """Write ``samples`` as one shard and open the directory."""
    path.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.Table.from_pylist(list(map(to_row, samples)), sample_schema()), path / "0.parquet"
    )
    manifest = {"version": "test", "rows": len(samples), "rejected": [], "counts": {}}
    (path / MANIFEST).write_text(json.dumps(manifest))
    return Dataset(path)
