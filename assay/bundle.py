"""The last touch to a trained model: calibrate it, here or for another platform, and name it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from assay import finding_weights, labelled_answers, model_registry
from assay.calibration import Calibration, calibrate, recalibrate
from assay.detector import Detector
from assay.embedding import Embedding, Features
from assay.errors import DataError
from assay.finding_weights import Learning
from assay.fingerprints import content_hash, group_digest
from assay.fusion import Fusion
from assay.images import Variant, photo_of
from assay.labelled_answers import Answers, Judge
from assay.metrics import Floats
from assay.model_folder import (
    CALIBRATION_FILE,
    CAPTURES,
    EMBEDDING_FILE,
    FUSION_FILE,
    LABELLED,
    LEARNING,
    MODEL_FILE,
    RECALIBRATED,
    read_facts,
)
from assay.probability_fits import group_weights
from assay.progress import Progress
from assay.records import Label, Split
from assay.review import ReviewSettings

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

_LABELLED = (Split.TRAIN, Split.VALIDATION)
_FORM = Variant.BIAS_CONTROLLED
"""The normalised form, in which an adapter learns."""
_EMBEDDED = 512
"""Images, evenly from all: enough for a few components, and seconds of decoding."""


_Part = Calibration | Fusion | Embedding
"""What is fitted after training, each a file of its own."""


def calibrated(
    adapter: Path,
    dataset: Dataset,
    measurements: pa.Table,
    settings: ReviewSettings,
    work: Path,
    progress: Progress,
    traffic: pa.Table | None = None,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """A copy of the model folder ``adapter`` below ``work``, fused and calibrated on ``dataset``.

    ``measurements`` is the table that the adapter was trained with. Images are asked about in the
    normalised form, the one that the adapter learned from. The model says nothing of its own
    training images; where its word counts nothing beside the evidence, they help to calibrate too,
    each held against the null rates of other photographs. The ``version`` is a hash of what was
    trained and of the calibration, so that verdicts name their model wherever it is served from.

    ``traffic`` is a table of `measuring.measure_dataset` of images that people labelled, as a
    platform served them: findings may then count as these teach (`assay.finding_weights`), and the
    calibration is moved to them. Raises `DataError` unless they are authentic and other images.
    ``facts`` join the model's description.
    """
    detector, described = Detector.load(adapter), dict(facts)
    judge = detector.verdict_logits if settings.hear_model else None
    fusion, made = _fitted(judge, dataset, measurements, settings, progress)
    if traffic is not None:
        heard = judge if fusion.hears_the_model else None
        served = _served(heard, dataset, traffic, progress)
        learning = _learned(
            fusion, served, labelled_answers.surprises(served, measurements, traffic)
        )
        fusion, described[LEARNING] = learning.fusion, str(learning)
        made = recalibrate(made, learning.logits, served.labels, served.groups, settings)
    fitted: Mapping[str, _Part] = {
        CALIBRATION_FILE: made,
        FUSION_FILE: fusion,
        EMBEDDING_FILE: _embedding(detector, dataset, progress),
    }
    return _named(adapter, fitted, described, work)


def _fitted(
    judge: Judge | None,
    dataset: Dataset,
    measurements: pa.Table,
    settings: ReviewSettings,
    progress: Progress,
) -> tuple[Fusion, Calibration]:
    """The fusion and its calibration, before any traffic; ``judge`` is the model's own word."""
    asked = labelled_answers.ask(judge, dataset, [Split.VALIDATION], _FORM, progress)
    known, fusion = labelled_answers.surprises(asked, measurements), Fusion()
    if judge is not None:
        weights = group_weights(np.asarray(asked.groups))
        fusion = Fusion.fit(asked.logits, known, asked.labels, weights)
    parts, fused = [asked], [fusion.logits(asked.logits, known)]
    if not fusion.hears_the_model:
        trained = labelled_answers.ask(None, dataset, [Split.TRAIN], _FORM, progress)
        known = labelled_answers.surprises(trained, measurements)
        parts, fused = [asked, trained], [*fused, fusion.logits(trained.logits, known)]
    labels, groups, strata = (
        [value for part in parts for value in getattr(part, name)]
        for name in ("labels", "groups", "strata")
    )
    return fusion, calibrate(np.concatenate(fused), labels, groups, strata, settings)


def _served(
    judge: Judge | None, dataset: Dataset, traffic: pa.Table, progress: Progress
) -> Answers:
    """The images of ``traffic`` in the form in which they were served."""
    ids = frozenset(traffic["image_id"].to_pylist())
    return labelled_answers.ask(judge, dataset, _LABELLED, Variant.AS_IS, progress, ids)


def _embedding(detector: Detector, dataset: Dataset, progress: Progress) -> Embedding:
    """The embedding of images that the model learned from, `_EMBEDDED` of them at most."""
    total = sum(dataset.table(["image_id"], split).num_rows for split in _LABELLED)
    samples = chain.from_iterable(map(dataset.samples, _LABELLED))
    chosen = islice(samples, None, None, math.ceil(total / _EMBEDDED))
    features: list[Features] = []
    for sample in chosen:
        pixels = detector.preparer.processor.resize(photo_of(sample, _FORM).pixels)
        features.append(detector.backend.features([pixels]))
        progress(len(features), min(total, _EMBEDDED), "embedding")
    return Embedding.fit(np.concatenate(features))


def origin(how: str, model: Path, dataset: Dataset, captures: Mapping[str, str]) -> dict[str, Any]:
    """What a description says of the ``model`` that was there before, and of the traffic since.

    ``how`` is `RECALIBRATED` or `RETRAINED`; ``captures`` is empty where ``dataset`` holds none.
    """
    known = model_registry.describe(model)
    made_of = {"model": known.version or known.name, "dataset": dataset.version}
    of_traffic = {CAPTURES: dict(captures), LABELLED: dataset.version} if captures else {}
    return {how: made_of, **of_traffic}


def _learned(fusion: Fusion, served: Answers, known: Mapping[str, Floats]) -> Learning:
    """What labelled traffic teaches about findings."""
    _check_both_sides(served.labels, "retraining needs authentic and other captures")
    groups = np.asarray(served.groups)
    said = served.logits if fusion.hears_the_model else np.zeros_like(served.logits)
    return finding_weights.learn(fusion, said, known, served.labels, groups, group_weights(groups))


def recalibrated(
    model: Path,
    dataset: Dataset,
    settings: ReviewSettings,
    work: Path,
    progress: Progress,
    captures: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """A copy of the calibrated ``model`` below ``work``, moved to the images of ``dataset``.

    Images as they came, of the train and the validation split: those of the test split are left
    to judge it. Photographs that the model was fitted on say nothing and are left out. Raises
    `DataError` unless authentic and other images remain.
    """
    detector, old = Detector.load(model), Calibration.load(model / CALIBRATION_FILE)
    answers = labelled_answers.ask(detector.logits, dataset, _LABELLED, Variant.AS_IS, progress)
    new = np.array([not detector.has_seen(group) for group in answers.groups], bool)
    logits, labels, groups = (np.asarray(part)[new] for part in answers[:3])
    lacking = "recalibration needs authentic and other images that the model was not fitted on"
    _check_both_sides(labels.tolist(), lacking)
    seen = read_facts(model)["seen_groups"]
    changes = origin(RECALIBRATED, model, dataset, captures)
    changes["seen_groups"] = sorted({*seen, *map(group_digest, groups)})
    made = recalibrate(old, logits, labels, groups, settings)
    return _named(model, {CALIBRATION_FILE: made}, changes, work)


def _check_both_sides(labels: Sequence[Label], message: str) -> None:
    if len({label == Label.AUTHENTIC for label in labels}) < 2:
        raise DataError(f"{message}; add labelled images")


def _named(
    model: Path,
    parts: Mapping[str, _Part],
    changes: dict[str, Any],
    work: Path,
) -> Path:
    """A copy of ``model`` with ``parts`` and a description that tells its hash."""
    unfinished = work / f"calibrating-{content_hash(model)[:16]}"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(model, unfinished)
    for name, part in parts.items():
        part.save(unfinished / name)
    description = {**read_facts(model), **changes}
    version = content_hash(unfinished)[:12]
    facts = json.dumps({**description, "version": version}, indent=2)
    (unfinished / MODEL_FILE).write_text(facts, encoding="utf-8")
    finished = work / f"model-{version}"
    shutil.rmtree(finished, ignore_errors=True)
    return unfinished.rename(finished)
