"""Building the dataset of `make train` with one process and with two, their start-up included."""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import yaml

from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.home import REPOSITORY
from assay.progress import silent
from benchmarks.figures import Figure, in_turns, report, seconds

ROUNDS = 2


def measure() -> list[Figure]:
    """The ratio of the median times."""
    one, two = in_turns(ROUNDS, partial(_build, 1), partial(_build, 2))
    return [
        Figure("dataset building, 2 processes against 1", one / two, "x", at_least=1.8),
        Figure("dataset building, 2 processes", two, "s"),
    ]


def _build(workers: int) -> float:
    shipped = yaml.safe_load((REPOSITORY / "configs" / "train.yaml").read_text())["parameters"][
        "data"
    ]
    settings = DataSettings(**shipped, workers=workers)
    with tempfile.TemporaryDirectory() as root:
        return seconds(lambda: build_dataset(settings, Path(root), silent))


if __name__ == "__main__":
    sys.exit(report(measure))
