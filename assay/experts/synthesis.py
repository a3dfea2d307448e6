"""The synthesis expert, which asks whether a machine made the whole image."""

from __future__ import annotations

from typing import ClassVar

from assay.evidence import Role
from assay.evidence.residuals import why_not
from assay.experts import Expert, judgement, textures
from assay.records import Hypothesis, Measurement, Photo


class SynthesisExpert(Expert):
    """A network that looks for what decoders leave and for what cameras would have left."""

    role: ClassVar[Role] = Role.SHOWN
    name: ClassVar[str] = "synthesis_expert"
    title: ClassVar[str] = "traces of a generator, by a trained network"
    suggests: ClassVar[Hypothesis] = Hypothesis.GENERATED

    def examine(self, photo: Photo) -> Measurement:
        """Judge ``photo``: a logit for the whole image, no heatmap."""
        if reason := why_not(photo):
            return Measurement(self.name, not_applicable=reason)
        return Measurement(self.name, judgement(photo).generated)

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """A texture that was enlarged and has no noise, and one as a sensor sees it."""
        scene, enlarged = textures(192)
        return Photo(b"", enlarged, "PNG"), Photo(b"", scene, "PNG")
