"""One picture in the tones of another: a change of tone and colour as a whole, found and undone.

The simplest map is kept that explains most of the picture: none, gain and offset of each channel,
or a filter (mixed channels, a curve, a vignette). What was edited in places is outvoted (Tukey's
biweight), and counts once, however much it differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from assay.records import Mask, Pixels

Plane = npt.NDArray[np.float32]
"""``[height, width]`` or ``[height, width, channels]`` in grey levels."""

_SAMPLES = 20_000
_ROUNDS, _TUKEY, _LEAST_SPREAD = 12, 4.685, 1.0
_TOLERANCE = 6.0
"""Grey levels of misfit at which a sample counts as not explained."""
_BETTER = 0.9
"""A richer map has to leave this much less unexplained."""
_BOTH = 2.0
"""Times as much as the better direction may the other leave unexplained and still count."""
_CLIPPED = 250.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

_Terms = Callable[[Plane, Plane], Plane]
"""Predictors ``[n, k]`` from colours ``[n, 3]`` in 0..1 and places ``[n, 2]`` in -1..1."""


def _mixture(colours: Plane, _places: Plane) -> Plane:
    """Mixed channels: gain, offset, saturation, temperature."""
    return np.column_stack([np.ones(len(colours), np.float32), colours])


def _filter(colours: Plane, places: Plane) -> Plane:
    """A mixture with a curve, and brightness that changes smoothly over the frame."""
    luma = (colours @ _LUMA)[:, None]
    place = np.column_stack([places, places**2])
    crossed = colours * np.roll(colours, 1, axis=1)
    curve = [colours**2, crossed, colours**3]
    return np.column_stack([_mixture(colours, places), *curve, place, luma * place])


@dataclass(frozen=True, slots=True)
class _Toning:
    """A fitted map, or none."""

    terms: _Terms | None
    weights: Plane
    unexplained: float
    """Mean over the samples of the squared misfit, cut at `_TOLERANCE`."""

    def applied(self, picture: Plane, places: Plane) -> Plane:
        if self.terms is None:
            return picture
        colours = picture.reshape(-1, 3) / np.float32(255)
        toned = self.terms(colours, places.reshape(-1, 2)) @ self.weights
        return np.asarray((255 * toned).clip(0, 255).reshape(picture.shape), np.float32)


def products(first: Plane, second: Plane) -> Plane:
    """Scalar product of each pixel's channels ``[..., 3]``; much faster than a sum over them."""
    return np.asarray(np.einsum("...c,...c->...", first, second), np.float32)


def lengths(colours: Plane) -> Plane:
    """Length of each pixel's vector ``[..., 3]``."""
    return np.asarray(np.sqrt(products(colours, colours)), np.float32)


def toned_alike(first: Pixels, second: Pixels, inside: Mask) -> list[tuple[Plane, Plane]]:
    """Pairs of both pictures ``[h, w, 3]`` in float, one of them in the tones of the other.

    Fitted where ``inside`` holds. One pair for each direction that explains the picture: highlights
    that one of them has lost are no difference in the direction that loses them too, while a grey
    copy does not give its colours back, so there only the other direction counts.
    """
    one, two = first.astype(np.float32), second.astype(np.float32)
    there, back = _fitted(one, two, inside), _fitted(two, one, inside)
    if there.terms is None and back.terms is None:
        return [(one, two)]
    places = _places(inside.shape)
    enough = _BOTH * min(there.unexplained, back.unexplained) + 1
    pairs = []
    if there.unexplained <= enough:
        pairs.append((there.applied(one, places), two))
    if back.unexplained <= enough:
        pairs.append((one, back.applied(two, places)))
    return pairs


def _places(shape: tuple[int, ...]) -> Plane:
    """Coordinates of each pixel, -1 to 1 over the frame."""
    across, down = np.meshgrid(*(np.linspace(-1, 1, side) for side in (shape[1], shape[0])))
    return np.stack([across, down], axis=2).astype(np.float32)


def _fitted(source: Plane, target: Plane, inside: Mask) -> _Toning:
    """The simplest map that leaves little unexplained."""
    factor = min(1.0, float(np.sqrt(_SAMPLES / inside.size)))
    height, width = (max(1, round(side * factor)) for side in inside.shape)
    size = width, height
    small = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (source, target)]
    covered = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    whole = np.asarray(covered, np.float32) > 0.99
    colours, wanted = (np.asarray(p, np.float32)[whole] / np.float32(255) for p in small)
    places = _places((height, width))[whole]
    best = _Toning(None, np.zeros((0, 3), np.float32), _unexplained(colours, wanted))
    for terms in (_mixture, _filter):
        found = _regressed(terms, colours, places, wanted)
        if found.unexplained < _BETTER * best.unexplained - 0.05:
            best = found
    return best


def _regressed(terms: _Terms, colours: Plane, places: Plane, wanted: Plane) -> _Toning:
    """Iteratively reweighted least squares; clipped colours have no say in the fit."""
    # In double precision: the channels of a grey picture are one and the same.
    predictors = terms(colours, places).astype(np.float64)
    limit = _CLIPPED / 255
    usable = ((wanted < limit) & (wanted > 1 - limit)).all(axis=1) & (colours < limit).all(axis=1)
    trust = np.asarray(usable, np.float64)
    ridge = 1e-4 * np.eye(predictors.shape[1])
    for _ in range(_ROUNDS):
        weighted = predictors * trust[:, None]
        weights = np.linalg.solve(weighted.T @ predictors + ridge, weighted.T @ wanted)
        misfit = 255 * lengths(predictors @ weights - wanted)
        spread = max(1.4826 * float(np.median(misfit)), _LEAST_SPREAD)
        ratio = (misfit / (_TUKEY * spread)).clip(0, 1)
        trust = usable * (1 - ratio**2) ** 2
    fitted = (predictors @ weights).clip(0, 1).astype(np.float32)
    return _Toning(terms, weights.astype(np.float32), _unexplained(fitted, wanted))


def _unexplained(fitted: Plane, wanted: Plane) -> float:
    if not len(fitted):
        return 0.0
    misfit = 255 * lengths(fitted - wanted)
    return float((misfit.clip(0, _TOLERANCE) ** 2).mean())
