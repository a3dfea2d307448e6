"""The last touch to a trained model: calibrate it on validation images and give it its name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.calibration import Calibration, calibrate
from assay.detector import CALIBRATION_FILE, MODEL_FILE, Detector, read_facts
from assay.fingerprints import content_hash
from assay.images import Variant, photo_of
from assay.progress import Progress
from assay.records import Split
from assay.review import ReviewSettings
from assay.strata import stratum

if TYPE_CHECKING:
    from assay.dataset import Dataset


def calibrated(
    adapter: Path, dataset: Dataset, settings: ReviewSettings, work: Path, progress: Progress
) -> Path:
    """A copy of the model folder ``adapter`` below ``work``, calibrated on ``dataset``.

    Its ``version`` is a hash of what was trained and of the calibration, so that verdicts name
    their model wherever it is served from.
    """
    calibration = _fit(Detector.load(adapter), dataset, settings, progress)
    unfinished = work / f"calibrating-{content_hash(adapter)[:16]}"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(adapter, unfinished)
    calibration.save(unfinished / CALIBRATION_FILE)
    version = content_hash(unfinished)[:12]
    facts = json.dumps({**read_facts(adapter), "version": version}, indent=2)
    (unfinished / MODEL_FILE).write_text(facts, encoding="utf-8")
    finished = work / f"model-{version}"
    shutil.rmtree(finished, ignore_errors=True)
    return unfinished.rename(finished)


def _fit(
    detector: Detector, dataset: Dataset, settings: ReviewSettings, progress: Progress
) -> Calibration:
    """Fit on validation images in the normalised form, the one that the adapter learned from."""
    total = dataset.table(["image_id"], Split.VALIDATION).num_rows
    logits, labels, groups, strata = [], [], [], []
    for batch in dataset.batches(Split.VALIDATION):
        photos = [photo_of(sample, Variant.BIAS_CONTROLLED) for sample in batch]
        logits.append(detector.logits(photos))
        labels += [sample.label for sample in batch]
        groups += [sample.group for sample in batch]
        strata += list(map(stratum, photos))
        progress(len(labels), total, "calibrating")
    return calibrate(np.concatenate(logits), labels, groups, strata, settings)
