"""The manipulation expert, which asks whether one part of the image is unlike the rest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from assay.evidence import examined
from assay.evidence.residuals import why_not
from assay.experts import Expert, judgement, textures
from assay.experts.agreement import agreement
from assay.records import Hypothesis, Measurement, Photo

_INDEPENDENT = ("colour_inconsistency", "noise_inconsistency", "sharpness_inconsistency")
"""Examinations without training that say where."""


class ManipulationExpert(Expert):
    """A network that compares each part's history with that of the whole image.

    The value is its `agreement` with what was measured without training; its own image score
    carries over to no dataset that nobody trained on (decision 0008).
    """

    name: ClassVar[str] = "manipulation_expert"
    title: ClassVar[str] = "agreement on an odd part, of a trained network with measurements"
    suggests: ClassVar[Hypothesis] = Hypothesis.PASTED
    points: ClassVar[float] = 1.4

    def examine(self, photo: Photo) -> Measurement:
        """Judge ``photo``; the heatmap has one cell for each 8x8 pixels."""
        if reason := why_not(photo):
            return Measurement(self.name, not_applicable=reason)
        said = judgement(photo)
        found = (examined(photo, name).heatmap for name in _INDEPENDENT)
        others = [heatmap for heatmap in found if heatmap is not None]
        value = agreement(said.logits, others, photo.pixels)
        if value is None:
            return Measurement(self.name, not_applicable="nothing else measured says where")
        return Measurement(self.name, value, said.regions, said.heatmap)

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """A texture with a disc of another, which was enlarged; and without it."""
        scene, other = textures(192)
        rows, columns = np.mgrid[:192, :192]
        disc = (np.hypot(rows - 96, columns - 80) < 40)[..., None]
        pasted = np.where(disc, other, scene)
        return Photo(b"", pasted, "PNG"), Photo(b"", scene, "PNG")
