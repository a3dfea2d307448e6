"""How alike the reasons that people read of a model are to those of its teacher.

Compared is what is left after checking, on test images, with the teacher's reasons for the true
label; where the teacher was not asked, with the offline one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay import bert_score
from assay.bert_score import BertScoreSettings
from assay.metrics import Bootstrap, Metric, mean
from assay.text_overlap import rouge_l

if TYPE_CHECKING:
    import pandas as pd

ROUGE_L, BERT_SCORE = "rouge_l", "bert_score"
"""Metrics, by name."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Means over images, and what stood on the other side."""

    images: int
    asked: int
    """Images with reasons of a teacher that was asked; the others have the offline teacher's."""
    rouge_l: Metric | None
    bert_score: Metric | None = None
    left_out: str = ""
    """Why there is no BERTScore."""

    def metrics(self) -> dict[str, Metric | None]:
        """Both, by name."""
        return {ROUGE_L: self.rouge_l, BERT_SCORE: self.bert_score}

    def __str__(self) -> str:
        """``200 images, 50 of them as an asked teacher``."""
        told = f", with an asked teacher on {self.asked:,}" if self.asked else ""
        return f"{self.images:,} images{told}"


def measure(
    explained: pd.DataFrame, settings: BertScoreSettings, bootstrap: Bootstrap
) -> Likeness | None:
    """Of the rows of `assay.predictions.explain`; None for none."""
    if explained.empty:
        return None
    groups = explained["group"].to_numpy(str)
    pairs = list(explained["written"]), list(explained["reference"])
    rouge = np.array([rouge_l(*pair) for pair in zip(*pairs, strict=True)])
    counts = len(explained), int(explained["asked"].sum())
    overlap = mean(rouge, groups, bootstrap, lowest=0.0)
    if settings.folder is None:
        return Likeness(*counts, overlap, left_out="evaluation.bert_score.folder names no encoder")
    alike = bert_score.scores(*pairs, settings)
    return Likeness(*counts, overlap, mean(alike, groups, bootstrap))
