"""A dataset and settings small enough to train a real model on in seconds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyarrow as pa

from assay import images, measuring, training
from assay.calibration import Calibration
from assay.dataset import Dataset
from assay.images import Variant
from assay.model_folder import CALIBRATION_FILE
from assay.optimisation import OptimisationSettings
from assay.progress import silent
from assay.records import Label, Mask, Sample, Split
from assay.training import BaseSettings, TrainingSettings
from tests.datasets import stored
from tests.scenes import sample

QUICK = OptimisationSettings(max_steps=4, batch_size=4, evaluations=2, precision="fp32")
BASE = BaseSettings(
    options={
        "taught": False,
        "hidden_size": 96,
        "vision_layers": 2,
        "text_layers": 2,
        "max_pixels": 56 * 56,
    },
    warm_up=True,
    optimisation=QUICK,
)
ADAPTER = TrainingSettings(lora_rank=4, optimisation=QUICK)


def samples() -> list[Sample]:
    """Twelve training and six validation and test images, all labels in each split."""
    made = []
    for number in range(24):
        split = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.TRAIN)[number // 6]
        label = list(Label)[number % 3]
        altered = label is Label.MANIPULATED
        fields = {"manipulation": "splice", "mask": corner()} if altered else {}
        made.append(sample(number, 64, 96, label=label, split=split, **fields))
    return made


@cache
def corner() -> bytes:
    """A mask over the upper left corner of a 64 x 96 image."""
    import numpy as np

    mask: Mask = np.zeros((64, 96), dtype=bool)
    mask[:20, :20] = True
    return images.encode_mask(mask)


def dataset_and_measurements(path: Path) -> tuple[Dataset, pa.Table]:
    """Both, for `samples`."""
    dataset = stored(path, samples())
    splits = (Split.TRAIN, Split.VALIDATION)
    return dataset, measuring.measure_dataset(dataset, splits, Variant.BIAS_CONTROLLED, 1, silent)


def model_folder(path: Path) -> Path:
    """A model trained on both in the folder ``path``, and calibrated by hand."""
    data = dataset_and_measurements(path / "data")
    base = training.warm_up_base(*data, BASE, path, silent)
    model = training.train_adapter(*data, base, BASE, ADAPTER, path, silent, lambda *_: None)
    Calibration(2.0, 0.6, 0.5, 0.7).save(model / CALIBRATION_FILE)
    return model
