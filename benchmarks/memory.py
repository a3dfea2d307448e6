"""Peak memory of building a dataset and reading it once, at 1,000, 10,000 and 100,000 images.

Each size runs in a process of its own, whose memory is sampled together with that of its workers.
Pages that they share count for each of them, so the sum is an upper bound.
"""

from __future__ import annotations

import contextlib
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import psutil

from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.progress import silent
from benchmarks.figures import Figure, report

SIZES = (1_000, 10_000, 100_000)
SIDE = 64
SAMPLE_EVERY = 0.05
"""Seconds."""
GROWTH = 1.5
"""The largest size may need this much more than the smallest; names and hashes do grow:
1.3 kB a row, 125 MB at the largest."""


def measure() -> list[Figure]:
    """Peaks in MiB, and the largest over the smallest."""
    peaks = [_peak(size) for size in SIZES]
    figures = [
        Figure(f"peak memory, {size:,} images", peak, "MiB")
        for size, peak in zip(SIZES, peaks, strict=True)
    ]
    growth = f"peak memory, {SIZES[-1]:,} images against {SIZES[0]:,}"
    return [*figures, Figure(growth, peaks[-1] / peaks[0], "x", at_most=GROWTH)]


def _peak(size: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        _write_images(Path(folder, "images"), size)
        command = [sys.executable, "-m", "benchmarks.memory", folder]
        with subprocess.Popen(command) as process:
            peak = _sampled_peak(process)
        if process.returncode:
            sys.exit(process.returncode)
    return peak


def _sampled_peak(process: subprocess.Popen[bytes]) -> float:
    """The largest sum of resident memory over ``process`` and its descendants, MiB."""
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):  # one of them may end while it is asked
            root = psutil.Process(process.pid)
            family = [root, *root.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in family))
        time.sleep(SAMPLE_EVERY)
    return peak / 2**20


def _write_images(folder: Path, size: int) -> None:
    """JPEG images of noise at many scales, so that no two are near-duplicates."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    with (folder / "manifest.csv").open("w", newline="") as file:
        manifest = csv.writer(file)
        manifest.writerow(["file", "label"])
        for index in range(size):
            coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
            image = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / f"{index:05d}.jpg"), image)
            manifest.writerow([f"{index:05d}.jpg", ("authentic", "manipulated")[index % 2]])


def build_and_read(folder: Path) -> None:
    """Build the dataset of ``folder``/images and stream it once."""
    options = {"path": folder / "images"}
    settings = DataSettings(source="folder", options=options, manipulations=())
    dataset = build_dataset(settings, folder / "datasets", silent)
    for _ in dataset.samples():
        pass


if __name__ == "__main__":
    if sys.argv[1:] in ([], ["--json"]):
        sys.exit(report(measure))
    build_and_read(Path(sys.argv[1]))
