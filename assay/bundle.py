"""The last touch to a trained model: calibrate it, here or for another platform, and name it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from assay import model_registry
from assay.calibration import Calibration, calibrate, recalibrate
from assay.detector import CALIBRATION_FILE, MODEL_FILE, Detector, read_facts
from assay.errors import DataError
from assay.fingerprints import content_hash, group_digest
from assay.images import Variant, photo_of
from assay.metrics import Floats
from assay.progress import Progress
from assay.records import Label, Split
from assay.review import ReviewSettings
from assay.strata import stratum

if TYPE_CHECKING:
    from assay.dataset import Dataset

RECALIBRATED = "recalibrated"
"""Key of a model's description under which it says from which model, and on which dataset."""

_LABELLED = (Split.TRAIN, Split.VALIDATION)


class _Answers(NamedTuple):
    """What a model says of labelled images, as `assay.calibration.calibrate` takes it."""

    logits: Floats
    labels: list[Label]
    groups: list[str]
    strata: list[str]


def calibrated(
    adapter: Path, dataset: Dataset, settings: ReviewSettings, work: Path, progress: Progress
) -> Path:
    """A copy of the model folder ``adapter`` below ``work``, calibrated on ``dataset``.

    Validation images are asked about in the normalised form, the one that the adapter learned
    from. Its ``version`` is a hash of what was trained and of the calibration, so that verdicts
    name their model wherever it is served from.
    """
    detector = Detector.load(adapter)
    asked = [Split.VALIDATION], Variant.BIAS_CONTROLLED
    answers = _answers(detector, dataset, *asked, progress)
    return _named(adapter, calibrate(*answers, settings), {}, work)


def recalibrated(
    model: Path, dataset: Dataset, settings: ReviewSettings, work: Path, progress: Progress
) -> Path:
    """A copy of the calibrated ``model`` below ``work``, moved to the images of ``dataset``.

    Images as they came, of the train and the validation split: those of the test split are left
    to judge it. Photographs that the model was fitted on say nothing and are left out. Raises
    `DataError` unless authentic and other images remain.
    """
    detector, old = Detector.load(model), Calibration.load(model / CALIBRATION_FILE)
    answers = _answers(detector, dataset, _LABELLED, Variant.AS_IS, progress)
    new = np.array([not detector.has_seen(group) for group in answers.groups], bool)
    logits, labels, groups = (np.asarray(part)[new] for part in answers[:3])
    if len({label == Label.AUTHENTIC for label in labels}) < 2:
        raise DataError(
            "recalibration needs authentic and other images that the model was not fitted on; "
            "add labelled images"
        )
    facts, origin = read_facts(model), model_registry.describe(model)
    changes = {
        "seen_groups": sorted({*facts["seen_groups"], *map(group_digest, groups)}),
        RECALIBRATED: {"model": origin.version or origin.name, "dataset": dataset.version},
    }
    return _named(model, recalibrate(old, logits, labels, groups, settings), changes, work)


def _answers(
    detector: Detector,
    dataset: Dataset,
    splits: Sequence[Split],
    form: Variant,
    progress: Progress,
) -> _Answers:
    total = sum(dataset.table(["image_id"], split).num_rows for split in splits)
    answers, logits = _Answers(np.zeros((0, len(Label))), [], [], []), []
    for batch in (batch for split in splits for batch in dataset.batches(split)):
        photos = [photo_of(sample, form) for sample in batch]
        logits.append(detector.logits(photos))
        answers.labels.extend(sample.label for sample in batch)
        answers.groups.extend(sample.group for sample in batch)
        answers.strata.extend(map(stratum, photos))
        progress(len(answers.labels), total, "calibrating")
    return answers._replace(logits=np.concatenate([answers.logits, *logits]))


def _named(model: Path, calibration: Calibration, changes: dict[str, Any], work: Path) -> Path:
    """A copy of ``model`` with ``calibration`` and a description that tells its hash."""
    unfinished = work / f"calibrating-{content_hash(model)[:16]}"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(model, unfinished)
    calibration.save(unfinished / CALIBRATION_FILE)
    description = {**read_facts(model), **changes}
    version = content_hash(unfinished)[:12]
    facts = json.dumps({**description, "version": version}, indent=2)
    (unfinished / MODEL_FILE).write_text(facts, encoding="utf-8")
    finished = work / f"model-{version}"
    shutil.rmtree(finished, ignore_errors=True)
    return unfinished.rename(finished)
