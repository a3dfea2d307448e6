"""Local colour inconsistency: an area whose channels do not vary together like the rest.

Demosaicking, white balance, the colour matrix and chroma subsampling tie the fine detail of red,
green and blue together, the same way all over a photograph.
"""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from assay.evidence import Examiner
from assay.evidence.consistency import Statistic, inconsistency
from assay.evidence.residuals import Plane, Planes, why_not
from assay.records import Hypothesis, Measurement, Photo

_DETAIL = 9
"""Pixels a side of the mean that is taken out; chroma subsampling has emptied the finest octave."""
_FLOOR = 0.3
"""Squared grey levels, of rounding."""
_STRONGEST = 0.995
"""Correlations are cut there, where Fisher's z grows without bound."""
_GREY = 2.0
"""Grey levels by which a channel may differ from green, on average, in a grey picture."""


class ColourInconsistency(Examiner):
    """Correlation between the channels' high-pass residuals, unexplained by content and saturation.

    The statistic of a block is the sum over the three pairs of channels of Fisher's z of the
    correlation of their detail. Channels correlate highly after demosaicking (Gunturk, Altunbasak
    & Mersereau, "Color plane interpolation using alternating projections", 2002), and processing
    changes by how much (Gallagher & Chen, "Image authentication by detecting traces of
    demosaicing", 2008). The 2x2 lattice of demosaicking itself (Ferrara, Bianchi, De Rosa & Piva,
    "Image forgery localization via fine-grained analysis of CFA
    artifacts", 2012) is not read: no image that was resized or compressed keeps it.
    """

    name: ClassVar[str] = "colour_inconsistency"
    title: ClassVar[str] = "local colour inconsistency"
    suggests: ClassVar[Hypothesis] = Hypothesis.PASTED
    points: ClassVar[float] = 0.45

    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo``; see `inconsistency` for value, regions and heatmap."""
        if reason := why_not(photo) or _why_no_colour(photo):
            return Measurement(self.name, not_applicable=reason)
        return inconsistency(self.name, photo, _CORRELATION)

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """Grain that the channels share; in the suspicious one each has its own in a disc."""
        rng = np.random.default_rng(0)
        rows, columns = np.mgrid[:192, :192]
        disc = (np.hypot(rows - 96, columns - 80) < 40)[..., None]
        scene = np.stack([120 + 40 * np.sin(columns / 25), rows / 2 + 80, columns / 2 + 60], -1)
        own, shared = rng.normal(0, 6, (192, 192, 3)), rng.normal(0, 6, (192, 192, 1))
        ordinary = scene + shared + own / 6
        return _photo(np.where(disc, scene + own, ordinary)), _photo(ordinary)


def _photo(picture: npt.NDArray[np.float64]) -> Photo:
    return Photo(b"", picture.clip(0, 255).astype(np.uint8), "PNG")


def _why_no_colour(photo: Photo) -> str:
    """The reason where the channels agree but for the rounding of chroma, else empty."""
    red, green, blue = cv2.split(photo.pixels)
    apart = max(cv2.norm(green, other, cv2.NORM_L1) for other in (red, blue)) / red.size
    return "a grey picture" if apart <= _GREY else ""


def _products(rgb: Planes) -> tuple[Plane, ...]:
    """Squares and products of the channels' detail, and the saturation."""
    detail = rgb - cv2.blur(rgb, (_DETAIL, _DETAIL))
    red, green, blue = cv2.split(detail)
    colours = cv2.split(rgb)
    saturation = np.maximum.reduce(colours) - np.minimum.reduce(colours)
    return (
        *(plane * plane for plane in (red, green, blue)),
        *(red * green, green * blue, red * blue),
        saturation,
    )


def _correlation(*means: Plane) -> Plane:
    """Sum of Fisher's z over the pairs of channels."""
    red, green, blue = (np.sqrt(square + _FLOOR) for square in means[:3])
    norms = (red * green, green * blue, red * blue)
    correlations = [product / norm for product, norm in zip(means[3:6], norms, strict=True)]
    clipped = np.clip(correlations, -_STRONGEST, _STRONGEST)
    return np.asarray(np.arctanh(clipped).sum(axis=0), np.float32)


def _saturation(*means: Plane) -> tuple[Plane, Plane]:
    """Where chroma is weak, rounding decides how channels vary together."""
    share: Plane = means[6] / np.float32(255)
    return share, share * share


_CORRELATION = Statistic(_products, _correlation, _saturation)
