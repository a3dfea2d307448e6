"""What an intake of labels leaves behind, written without a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay.dataset import Dataset
from assay.dataset_shards import write_rows
from assay.records import Sample
from assay.sample_shards import to_row
from assay.sources.captures import LISTING, ROWS, Listing


def written(
    folder: Path, base: Dataset, samples: Sequence[Sample], dropped: Sequence[str] = ()
) -> Path:
    """``folder`` as the source reads it."""
    (folder / ROWS).mkdir(parents=True)
    report = write_rows(folder / ROWS / "00000.parquet", list(map(to_row, samples)))
    listing = Listing(base=base.version, dropped=tuple(dropped), rows=report.digests)
    (folder / LISTING).write_text(listing.model_dump_json())
    return folder
