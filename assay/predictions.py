"""What a model says about each image of a split, and which of these rows may be measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from assay import ledger
from assay.baseline import QUANTISATION, MetadataBaseline, features, quantisation_scores
from assay.calibration import Calibration
from assay.controls import control_scores
from assay.evidence import Role
from assay.examination import examined_photos, in_batches
from assay.images import Variant, mask_of, photo_of
from assay.localisation import pixel_metrics
from assay.manipulations import is_material
from assay.metrics import Bools, Floats
from assay.progress import Progress
from assay.records import Label, Mask, Photo, Sample, Split, Verdict
from assay.strata import stratum
from assay.teachers import teacher

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset

_EXPLAINED = ["image_id", "group", "claims", "grounded", "written", "reference", "asked"]
LOG_ODDS = "log_odds"
"""Column of the score before calibration, on which images judged by several models compare."""


class KnowsGroups(Protocol):
    """Whatever knows which images a model was made from."""

    def has_seen(self, group: str) -> bool:
        """Whether the model was fitted, or calibrated, on images of ``group``."""


class DetectsPhotos(KnowsGroups, Protocol):
    """Whatever answers about photos; `assay.detector.Detector` in production."""

    def detect(self, photos: Sequence[Photo], rationale: bool = False) -> list[Verdict]:
        """One verdict a photo, in order."""


def predict(
    detector: DetectsPhotos,
    dataset: Dataset,
    split: Split,
    kind: Variant,
    progress: Progress,
    workers: int | None = None,
) -> pd.DataFrame:
    """One row an image of ``split`` in the form ``kind``, in the dataset's order.

    Evidence is measured by ``workers`` processes; None takes one a core.

    Columns: image_id, variant, label, manipulation, source, dataset, group, material (False for
    authentic images), seen (the model was fitted on the group), the metadata of
    `assay.baseline.FEATURES`, stratum (of the file), predicted (a label), needs_review, log_odds
    (before calibration), the pixel metrics of `assay.localisation`, and p_authentic, p_manipulated,
    p_synthesized.
    """
    (said,) = predict_alike([detector], dataset, split, kind, progress, workers)
    return said


def predict_alike(
    detectors: Sequence[DetectsPhotos],
    dataset: Dataset,
    split: Split,
    kind: Variant,
    progress: Progress,
    workers: int | None = None,
) -> list[pd.DataFrame]:
    """The rows of `predict` for each of ``detectors``; evidence is measured once for all."""
    import pandas as pd

    total = dataset.table(["image_id"], split).num_rows
    rows: list[list[dict[str, Any]]] = [[] for _ in detectors]
    examined = examined_photos(partial(photo_of, kind=kind), dataset.samples(split), workers)
    for batch in in_batches(examined):
        samples, photos = zip(*batch, strict=True)
        for own, detector in zip(rows, detectors, strict=True):
            verdicts = detector.detect(photos)
            seen = [detector.has_seen(sample.group) for sample in samples]
            own += map(_prediction, samples, photos, verdicts, [kind] * len(batch), seen)
        progress(len(rows[0]), total, f"predicting {split}, {kind}")
    return [pd.DataFrame(said) for said in rows]


def predict_variants(
    detector: DetectsPhotos, dataset: Dataset, split: Split, progress: Progress
) -> pd.DataFrame:
    """The rows of `predict` in every form, one form after the other."""
    import pandas as pd

    parts = [predict(detector, dataset, split, kind, progress) for kind in Variant]
    return pd.concat(parts, ignore_index=True)


def predict_test(
    detector: DetectsPhotos,
    calibration: Calibration,
    dataset: Dataset,
    workers: int | None,
    progress: Progress,
) -> pd.DataFrame:
    """The rows of `predict` about the test split in every form, with what they are read beside.

    Further columns: threshold (at which the score was decided), baseline (the score of metadata
    alone), as is quantisation (that of quantisation tables alone), and bias controlled the scores
    of `assay.controls.CONTROLS`. ``workers`` processes measure and re-encode.
    """
    import pandas as pd

    parts = []
    for kind in (Variant.AS_IS, Variant.BIAS_CONTROLLED):
        part = predict(detector, dataset, Split.TEST, kind, progress, workers)
        baseline = MetadataBaseline.fit(dataset, kind, workers, progress)
        thresholds = part["stratum"].map(calibration.threshold_for)
        parts.append(part.assign(threshold=thresholds, baseline=baseline.scores(part)))
    as_is, controlled = parts
    as_is[QUANTISATION] = quantisation_scores(dataset, workers, progress)
    controlled = controlled.merge(
        control_scores(detector, dataset, progress, workers), on="image_id"
    )
    return pd.concat([as_is, controlled], ignore_index=True)


def explain(
    detector: DetectsPhotos,
    dataset: Dataset,
    count: int,
    workers: int | None,
    progress: Progress,
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """What the written reasons of up to ``count`` test images claim, before any is dropped.

    Those that the model has not seen, bias controlled, drawn by a hash of their ids. Columns
    image_id, group, claims and grounded, the number that the findings bear out; written, which is
    what is left; reference, a teacher's reasons for the true label, and asked, whether they come
    from ``reasons`` or the dataset and not from the offline teacher.
    """
    import pandas as pd

    table = dataset.table(["image_id", "group"], Split.TEST).to_pandas()
    new = table[[not detector.has_seen(group) for group in table["group"]]]
    chosen = drawn(new["image_id"], count)
    make = partial(photo_of, kind=Variant.BIAS_CONTROLLED)
    samples = dataset.find(chosen) if chosen else iter(())
    rows: list[dict[str, Any]] = []
    for batch in in_batches(examined_photos(make, samples, workers)):
        verdicts = detector.detect([photo for _, photo in batch], rationale=True)
        rows += [
            _explained(sample, photo, verdict, reasons)
            for (sample, photo), verdict in zip(batch, verdicts, strict=True)
        ]
        progress(len(rows), len(chosen), "reading reasons")
    return pd.DataFrame(rows, columns=_EXPLAINED)


def _explained(
    sample: Sample, photo: Photo, verdict: Verdict, reasons: Mapping[str, str]
) -> dict[str, Any]:
    told = _reference(sample, photo, verdict, reasons)
    counts = verdict.claims, verdict.grounded_claims
    row = sample.image_id, sample.group, *counts, verdict.rationale, *told
    return dict(zip(_EXPLAINED, row, strict=True))


def _reference(
    sample: Sample, photo: Photo, verdict: Verdict, reasons: Mapping[str, str]
) -> tuple[str, bool]:
    """What a teacher says of ``sample``, and whether one was asked."""
    if asked := sample.rationale or reasons.get(sample.image_id, ""):
        return asked, True
    told = ledger.in_role(verdict.findings, Role.FUSED)
    mask = mask_of(sample, photo)
    return teacher().rationale(sample.label, sample.manipulation, mask, told), False


def drawn(image_ids: Iterable[str], count: int) -> list[str]:
    """Up to ``count`` of ``image_ids``, by a hash: the same first ones whoever draws more."""
    return sorted(image_ids, key=lambda name: hashlib.sha256(name.encode()).digest())[:count]


def measured(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows behind every overall figure: not `seen`, and of `two_class` datasets."""
    return two_class(unseen(predictions))


def two_class(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of datasets that hold authentic and other images; all rows if there is no such set.

    Beside others, a dataset of one class lets a model score by telling datasets apart.
    """
    if "dataset" not in rows:
        return rows
    authentic = (rows["label"] == Label.AUTHENTIC.value).groupby(rows["dataset"])
    both = authentic.transform("nunique").to_numpy() == 2
    return rows[both] if both.any() else rows


def unseen(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows whose group the model was not fitted on: all, where no column ``seen`` says so."""
    if "seen" not in predictions:
        return predictions
    return predictions[~predictions["seen"].to_numpy(bool)]


def same_images(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether both tables hold the same images, in the same variants, with the same labels."""
    return _keys(first) == _keys(second)


def score(predictions: pd.DataFrame) -> Floats:
    """Probability ``[n]`` that an image is not authentic."""
    return 1 - predictions["p_authentic"].to_numpy(np.float64)


def positive(labels: pd.Series[str]) -> Bools:
    """Whether each of ``labels`` ``[n]`` is not authentic: the positive class of every metric."""
    return (labels != Label.AUTHENTIC.value).to_numpy(bool)


def _prediction(
    sample: Sample, photo: Photo, verdict: Verdict, kind: Variant, seen: bool
) -> dict[str, Any]:
    edited = sample.label != Label.AUTHENTIC
    return {
        "image_id": sample.image_id,
        "variant": kind.value,
        "label": str(sample.label),
        "manipulation": sample.manipulation,
        "source": sample.source,
        "dataset": sample.dataset,
        "group": sample.group,
        "material": edited and is_material(sample.manipulation),
        "seen": seen,
        **features(photo),
        "stratum": stratum(photo),
        "predicted": str(verdict.label),
        "needs_review": verdict.needs_review,
        LOG_ODDS: verdict.log_odds,
        **pixel_metrics(verdict.findings, _mask(sample, photo, verdict)),
        **{f"p_{label}": verdict.probabilities[label] for label in Label},
    }


def _mask(sample: Sample, photo: Photo, verdict: Verdict) -> Mask | None:
    """The altered region, read only where something may point into it."""
    return mask_of(sample, photo) if verdict.findings else None


def _keys(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    keys = rows[["image_id", "variant", "label"]]
    return sorted(keys.itertuples(index=False, name=None))
