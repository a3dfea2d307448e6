"""How right a way to serve is on the held-out images, and where it decides otherwise than fp32.

Processes that are tried give the words of the model; fusion and calibration, which no way to serve
changes, are applied here, the same for all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from assay.calibration import Calibration
from assay.fusion import Fusion
from assay.metrics import Bootstrap, Floats
from assay.metrics import measure as metrics_of
from assay.model_folder import CALIBRATION_FILE, FUSION_FILE
from assay.serving_plan import Accuracy
from assay.serving_questions import HeldOut

_METRICS = ("auc", "tpr_at_5_fpr", "ece")
_NO_INTERVAL = Bootstrap(resamples=0)
"""The same images before and after: what differs is no matter of which were drawn."""


class Judge:
    """Fusion and calibration of the model in a folder; raises `CheckpointMismatch` without them."""

    def __init__(self, model: Path, held_out: HeldOut) -> None:
        fusion = model / FUSION_FILE
        self._fusion = Fusion.load(fusion) if fusion.exists() else None
        self._calibration = Calibration.load(model / CALIBRATION_FILE)
        self._held_out = held_out

    def accuracy(self, words: Floats, reference: Floats) -> Accuracy:
        """Of the ``words`` ``[n, 3]`` that were said of the held-out images.

        ``reference`` ``[n, 3]`` is what fp32 said.
        """
        ours, theirs = self._probabilities(words), self._probabilities(reference)
        fused, said = self._metrics(ours), self._metrics(softmax(words, axis=1))
        return Accuracy(
            images=len(words),
            auc=fused["auc"],
            tpr_at_5_fpr=fused["tpr_at_5_fpr"],
            ece=fused["ece"],
            word_auc=said["auc"],
            flips=float(np.mean(self._labels(ours) != self._labels(theirs))),
            word_flips=float(np.mean(words.argmax(axis=1) != reference.argmax(axis=1))),
        )

    def _probabilities(self, words: Floats) -> Floats:
        if self._fusion is None:
            return self._calibration.probabilities(words)
        fused = self._fusion.logits(words, self._held_out.surprises)
        return self._calibration.probabilities(fused)

    def _labels(self, probabilities: Floats) -> npt.NDArray[np.str_]:
        rows = zip(probabilities, self._held_out.strata, strict=True)
        return np.array([self._calibration.label(row, stratum).value for row, stratum in rows])

    def _metrics(self, probabilities: Floats) -> dict[str, float | None]:
        scores, positive = 1 - probabilities[:, 0], self._held_out.positive
        alone = np.arange(len(scores))
        found = metrics_of(scores, positive, alone, 0.5, _NO_INTERVAL, _METRICS)
        return {name: None if metric is None else metric.value for name, metric in found.items()}
