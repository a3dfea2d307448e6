"""The last touch to a trained model: calibrate it, here or for another platform, and name it."""

from __future__ import annotations

import json
import math
import shutil
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from assay import finding_weights, ledger, measuring, model_registry, null_rates
from assay.calibration import Calibration, calibrate, recalibrate
from assay.detector import Detector
from assay.embedding import Embedding, Features
from assay.errors import DataError
from assay.examination import examined_photos, in_batches
from assay.finding_weights import Learning
from assay.fingerprints import content_hash, group_digest
from assay.fusion import Fusion
from assay.images import Variant, photo_of
from assay.metrics import Floats
from assay.model_folder import (
    CALIBRATION_FILE,
    EMBEDDING_FILE,
    FUSION_FILE,
    MODEL_FILE,
    read_facts,
)
from assay.probability_fits import group_weights
from assay.progress import Progress
from assay.records import Label, Photo, Split
from assay.review import ReviewSettings
from assay.strata import stratum

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

RECALIBRATED, RETRAINED = "recalibrated", "retrained"
"""Keys of a model's description under which it says from which model, and on which dataset."""
CAPTURES = "captures"
"""Key under which it says which traffic it was moved to: ``since`` and ``until``, ISO 8601."""
LABELLED = "labelled_dataset"
"""Key under which it says which dataset holds that traffic, beside what the model knew before."""
LEARNING = "learning"
"""Key under which it says what learning from that traffic came to, in a sentence."""

_LABELLED = (Split.TRAIN, Split.VALIDATION)
_FOLDS = 5
_EMBEDDED = 512
"""Images, evenly from all: enough for a few components, and seconds of decoding."""


_Part = Calibration | Fusion | Embedding
"""What is fitted after training, each a file of its own."""


class _Answers(NamedTuple):
    """What is known of labelled images, ``[n]`` each and ``logits`` ``[n, 3]``."""

    logits: Floats
    labels: list[Label]
    groups: list[str]
    strata: list[str]
    image_ids: list[str]


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
    detector, form = Detector.load(adapter), Variant.BIAS_CONTROLLED
    judge = detector.verdict_logits if settings.hear_model else None
    trained = _answers(None, dataset, [Split.TRAIN], form, progress)
    asked = _answers(judge, dataset, [Split.VALIDATION], form, progress)
    fusion = Fusion()
    known = _surprises(asked, measurements)
    if settings.hear_model:
        weights = group_weights(np.asarray(asked.groups))
        fusion = Fusion.fit(asked.logits, known, asked.labels, weights)
    parts, fused = [asked], [fusion.logits(asked.logits, known)]
    if not fusion.hears_the_model:
        parts.append(trained)
        fused.append(fusion.logits(trained.logits, _surprises(trained, measurements)))
    labels, groups, strata = (
        [value for part in parts for value in getattr(part, name)]
        for name in ("labels", "groups", "strata")
    )
    made = calibrate(np.concatenate(fused), labels, groups, strata, settings)
    described = dict(facts)
    if traffic is not None:
        ids = frozenset(traffic["image_id"].to_pylist())
        heard = judge if fusion.hears_the_model else None
        served = _answers(heard, dataset, _LABELLED, Variant.AS_IS, progress, ids)
        learning = _learned(fusion, served, _surprises(served, measurements, traffic))
        fusion, described[LEARNING] = learning.fusion, str(learning)
        made = recalibrate(made, learning.logits, served.labels, served.groups, settings)
    seen = _embedding(detector, dataset, form, progress)
    fitted: Mapping[str, _Part] = {
        CALIBRATION_FILE: made,
        FUSION_FILE: fusion,
        EMBEDDING_FILE: seen,
    }
    return _named(adapter, fitted, described, work)


def _embedding(
    detector: Detector, dataset: Dataset, form: Variant, progress: Progress
) -> Embedding:
    """The embedding of images that the model learned from, `_EMBEDDED` of them at most."""
    total = sum(dataset.table(["image_id"], split).num_rows for split in _LABELLED)
    samples = chain.from_iterable(map(dataset.samples, _LABELLED))
    chosen = islice(samples, None, None, math.ceil(total / _EMBEDDED))
    features: list[Features] = []
    for sample in chosen:
        pixels = detector.preparer.processor.resize(photo_of(sample, form).pixels)
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


def _learned(fusion: Fusion, served: _Answers, known: Mapping[str, Floats]) -> Learning:
    """What labelled traffic teaches about findings."""
    _check_both_sides(served.labels, "retraining needs authentic and other captures")
    groups = np.asarray(served.groups)
    said = served.logits if fusion.hears_the_model else np.zeros_like(served.logits)
    return finding_weights.learn(fusion, said, known, served.labels, groups, group_weights(groups))


def _surprises(
    of: _Answers, table: pa.Table, measurements: pa.Table | None = None
) -> dict[str, Floats]:
    """What the evidence of images counts, each held against photographs of other groups alone.

    An image among its own references is never rare, and what is fitted to it would expect too
    little of others. Groups are dealt into `_FOLDS`, and each fold is left out in turn. The
    references are those of ``table``, which also measures the images unless ``measurements`` does.
    """
    measured = measuring.by_image(table if measurements is None else measurements)
    fold_of = {group: zlib.crc32(group.encode()) % _FOLDS for group in of.groups}
    folds = [fold_of[group] for group in of.groups]
    rates = []
    for fold in range(_FOLDS):
        own = {i for i, other in zip(of.image_ids, folds, strict=True) if other == fold}
        rates.append(null_rates.fit_null_rates(table, without=own))
    pairs = zip(of.image_ids, folds, strict=True)
    return ledger.surprises_of([ledger.findings(measured[i], rates[fold]) for i, fold in pairs])


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
    answers = _answers(detector.logits, dataset, _LABELLED, Variant.AS_IS, progress)
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


def _answers(
    judge: Callable[[Sequence[Photo]], Floats] | None,
    dataset: Dataset,
    splits: Sequence[Split],
    form: Variant,
    progress: Progress,
    only: Collection[str] | None = None,
) -> _Answers:
    """The images of ``splits``, or ``only`` these, with what ``judge`` says, if it is asked."""
    parts = [dataset.find(only)] if only is not None else map(dataset.samples, splits)
    samples = chain.from_iterable(parts)
    total = sum(dataset.table(["image_id"], split).num_rows for split in splits)
    total = total if only is None else len(only)
    make = partial(photo_of, kind=form)
    # Who is not asked needs no evidence.
    photographed = examined_photos(make, samples) if judge else ((s, make(s)) for s in samples)
    answers, logits = _Answers(np.zeros((0, len(Label))), [], [], [], []), []
    for batch in in_batches(photographed):
        photos = [photo for _, photo in batch]
        logits.append(judge(photos) if judge else np.full((len(batch), len(Label)), np.nan))
        answers.labels.extend(sample.label for sample, _ in batch)
        answers.groups.extend(sample.group for sample, _ in batch)
        answers.strata.extend(map(stratum, photos))
        answers.image_ids.extend(sample.image_id for sample, _ in batch)
        progress(len(answers.labels), total, "calibrating")
    return answers._replace(logits=np.concatenate([answers.logits, *logits]))


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
