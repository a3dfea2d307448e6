"""Peak memory of building a dataset and reading it once, at 1,000, 5,000 and 20,000 images.

Each size runs in a process of its own, because a peak never goes down again.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.progress import silent
from benchmarks.figures import Figure, peak_mib, report

SIZES = (1_000, 5_000, 20_000)
SIDE = 96
GROWTH = 1.25
"""The largest size may need this much more than the smallest; hashes and ids do grow."""


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
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


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


def build_and_read(folder: Path) -> float:
    """Build the dataset of ``folder``/images, stream it once, return the peak in MiB."""
    options = {"path": folder / "images"}
    settings = DataSettings(source="folder", options=options, manipulations=())
    dataset = build_dataset(settings, folder / "datasets", silent)
    for _ in dataset.samples():
        pass
    return peak_mib()


if __name__ == "__main__":
    if sys.argv[1:] in ([], ["--json"]):
        sys.exit(report(measure))
    print(build_and_read(Path(sys.argv[1])))
