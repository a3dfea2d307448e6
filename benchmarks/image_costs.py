"""What one image costs in each stage, in processor time: the basis of docs/scale.md.

JPEG images of 1024x768, enlarged crops of the bundled photographs. Processor time, as wall-clock
time would count what else runs on the machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay import dataset_builder, images, measuring
from assay.dataset import Dataset
from assay.dataset_shards import (
    Candidate,
    Chunk,
    Place,
    Recipe,
    Shard,
    spool,
    write_rows,
    write_shard,
)
from assay.duplicates import PerceptualHash, merge_groups, perceptual_hash
from assay.image_profile import profile
from assay.images import Variant, photo_of
from assay.parallel import on_one_thread
from assay.progress import silent
from assay.records import Label, Sample, Split
from assay.sample_shards import to_row
from benchmarks.figures import Figure, report
from benchmarks.ray_data import photographs

IMAGES = 64
MEASURED = 12
"""Evidence takes far longer than all else together."""
SIZE = 1024, 768
ROWS = 200_000
"""Candidates whose memory is measured."""


def measure() -> list[Figure]:
    """Milliseconds of one core an image, and bytes a row."""
    samples = photographs(IMAGES, SIZE)
    return [
        Figure("JPEG of 1024x768", float(np.mean([len(s.image) for s in samples])) / 1024, "KiB"),
        *on_one_thread(_stages, samples),
        Figure("memory of a row while a dataset is built", _row_bytes(), "bytes"),
    ]


def _stages(samples: list[Sample]) -> list[Figure]:
    photos = [images.decode(sample.image) for sample in samples]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chunk, shard = folder / "0.arrow", folder / "train-0.parquet"
        recipes = tuple(Recipe(Place(chunk, i), f"{i}", Split.TRAIN) for i in range(len(samples)))
        few = samples[:MEASURED]
        return [
            _cost("decode", len(samples), lambda: [images.decode(s.image) for s in samples]),
            _cost("hash", len(samples), lambda: [perceptual_hash(p.pixels) for p in photos]),
            _cost("spool: both, and written", len(samples), lambda: _spooled(chunk, samples)),
            _cost("shard written", len(samples), lambda: write_shard(Shard(shard, recipes, 0))),
            _cost("profiled for the validation", len(samples), lambda: _profiled(folder, samples)),
            _cost("evidence", len(few), lambda: list(map(_measured, few))),
        ]


def _cost(stage: str, count: int, work: Callable[[], object]) -> Figure:
    before = time.process_time()
    work()
    return Figure(f"{stage}, an image", (time.process_time() - before) / count * 1000, "ms")


def _spooled(path: Path, samples: list[Sample]) -> None:
    spool(Chunk(path, tuple(samples)))


def _profiled(folder: Path, samples: list[Sample]) -> None:
    path = folder / "profiled"
    path.mkdir()
    rows = [to_row(sample) | {"group": sample.image_id, "split": "train"} for sample in samples]
    written = write_rows(path / "train-0.parquet", rows)
    dataset_builder.finish(path, {}, written.digests, [])
    profile(Dataset(path), 1, silent)


def _measured(sample: Sample) -> int:
    return len(measuring.measure(photo_of(sample, Variant.BIAS_CONTROLLED)))


def _row_bytes() -> float:
    """Growth of this process by candidates that are grouped."""
    import psutil

    process, rng = psutil.Process(), np.random.default_rng(0)
    before = process.memory_info().rss
    candidates = [
        Candidate(
            Place(Path("spool", f"{i // 32:06d}.arrow"), i),
            f"folder/image-{i:08d}.jpg",
            Label.AUTHENTIC,
            "folder",
            f"folder/folder/image-{i:08d}.jpg",
            None,
            200_000,
            PerceptualHash(rng.bytes(32), 10, rng.bytes(32)),
        )
        for i in range(ROWS)
    ]
    merge_groups([c.picture for c in candidates], [c.group for c in candidates])
    return (process.memory_info().rss - before) / ROWS


if __name__ == "__main__":
    sys.exit(report(measure))
