"""The manipulation expert, which asks whether one part of the image is unlike the rest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from assay.evidence import Role
from assay.evidence.residuals import why_not
from assay.experts import Expert, judgement, textures
from assay.records import Measurement, Photo


class ManipulationExpert(Expert):
    """A network that compares each part's history with that of the whole image."""

    role: ClassVar[Role] = Role.SHOWN
    name: ClassVar[str] = "manipulation_expert"
    title: ClassVar[str] = "unlikeness of one part, by a trained network"
    points: ClassVar[float] = 1.4

    def examine(self, photo: Photo) -> Measurement:
        """Judge ``photo``: a logit, and a heatmap with one cell for each 8x8 pixels."""
        if reason := why_not(photo):
            return Measurement(self.name, not_applicable=reason)
        said = judgement(photo)
        return Measurement(self.name, said.manipulated, said.regions, said.heatmap)

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """A texture with a disc of another, which was enlarged; and without it."""
        scene, other = textures(192)
        rows, columns = np.mgrid[:192, :192]
        disc = (np.hypot(rows - 96, columns - 80) < 40)[..., None]
        pasted = np.where(disc, other, scene)
        return Photo(b"", pasted, "PNG"), Photo(b"", scene, "PNG")
