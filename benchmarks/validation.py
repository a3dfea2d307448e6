"""Validating 10,000 images, shortcut probes included, against decoding the same images alone."""

from __future__ import annotations

import json
import sys
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from assay import images
from assay.dataset import MANIFEST, Dataset
from assay.image_profile import profile
from assay.parallel import parallel_map
from assay.progress import silent
from assay.records import BASIC_SPLITS, Label, Sample, sample_schema
from assay.sample_shards import to_row
from assay.validation import ValidationSettings, judge
from benchmarks.figures import Figure, in_turns, report, seconds

IMAGES, SIDE, SHARD_ROWS = 10_000, 224, 256
"""Half JPEG, half PNG, in four datasets; altered ones have a mask."""
WORKERS, ROUNDS = 2, 2
SECONDS = 60.0
"""What may be added to decoding."""


def measure() -> list[Figure]:
    """Medians of both, what validation adds, and how much of that no pixel is needed for."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = _written(Path(folder))
        rows = profile(dataset, WORKERS, silent)
        judging = partial(judge, rows, dataset.version, ValidationSettings(), silent)
        judging()  # imports Great Expectations, once a process
        decode, profiled, judged = in_turns(
            ROUNDS,
            lambda: seconds(partial(_decode, dataset)),
            lambda: seconds(partial(profile, dataset, WORKERS, silent)),
            lambda: seconds(judging),
        )
    added = f"validation of {IMAGES:,} images, beyond decoding"
    return [
        Figure(f"decoding {IMAGES:,} images of {SIDE} pixels, 2 processes", decode, "s"),
        Figure(added, profiled + judged - decode, "s", at_most=SECONDS),
        Figure("of it expectations and probes", judged, "s"),
        Figure("validation against decoding", (profiled + judged) / decode, "x"),
    ]


def _decode(dataset: Dataset) -> None:
    for _ in parallel_map(_decode_shard, sorted(dataset.path.glob("*.parquet")), WORKERS):
        pass


def _decode_shard(path: Path) -> int:
    """Decode images and masks of one shard, as much at a time as the profile does."""
    decoded = 0
    for row in _rows(path):
        images.decode(row["image"])
        if row["mask"]:
            images.decode(row["mask"])
        decoded += 1
    return decoded


def _rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as shard:
        return [row for batch in shard.iter_batches(32) for row in batch.to_pylist()]


def _written(folder: Path) -> Dataset:
    """The images as a dataset, each with pixels and a group of its own."""
    starts = [(folder, start) for start in range(0, IMAGES, SHARD_ROWS)]
    for _ in parallel_map(_write_shard, starts, WORKERS):
        pass
    manifest = {"version": "benchmark", "rows": IMAGES, "rejected": [], "counts": {}}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return Dataset(folder)


def _write_shard(place: tuple[Path, int]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder, start = place
    rows = [to_row(_sample(number)) for number in range(start, min(start + SHARD_ROWS, IMAGES))]
    table = pa.Table.from_pylist(rows, sample_schema())
    pq.write_table(table, folder / f"{start:06d}.parquet")


def _sample(number: int) -> Sample:
    rng = np.random.default_rng(number)
    grain = rng.integers(-5, 6, (SIDE, SIDE, 3), dtype=np.int16)
    pixels = (_soft(number % 64) + grain).clip(0, 255).astype(np.uint8)
    altered = np.zeros((SIDE, SIDE), dtype=bool)
    altered[50:100, 60:120] = True
    is_altered = number % 8 >= 4
    return Sample(
        image_id=str(number),
        image=images.encode_jpeg(pixels, 90) if number % 2 else images.encode_png(pixels),
        label=Label.MANIPULATED if is_altered else Label.AUTHENTIC,
        mask=images.encode_mask(altered) if is_altered else b"",
        dataset=f"set {number % 4}",
        group=str(number),
        split=BASIC_SPLITS[number % 3],
        licence="CC0",
    )


@cache
def _soft(seed: int) -> npt.NDArray[np.int16]:
    """Clouds ``[SIDE, SIDE, 3]``; the grain makes each image one of its own."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE, 3))
    clouds = cv2.GaussianBlur(noise, (0, 0), 6)
    return (128 + 40 * clouds / clouds.std()).astype(np.int16)


if __name__ == "__main__":
    sys.exit(report(measure))
