"""Stand-ins for generators: pictures whose every pixel was made anew, in many different ways.

None of them is a real generator; each leaves one of the traces that generators leave: upsampling
lattices, the smoothness of a decoder that never saw sensor noise, textures of its own making. The
more ways, the less a detector can learn any one of them by heart.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from assay.degradations import to_pixels
from assay.manipulations.resynthesis import Resynthesis
from assay.records import Pixels

Plane = npt.NDArray[np.float32]
Generator = Callable[[Pixels, np.random.Generator], Pixels]

_UP = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def generated(original: Pixels, rng: np.random.Generator) -> Pixels:
    """``original`` made anew ``[h, w, 3]`` by one or two of `GENERATORS` drawn at random."""
    rounds = 1 if rng.random() < 0.7 else 2
    for _ in range(rounds):
        original = GENERATORS[int(rng.integers(len(GENERATORS)))](original, rng)
    return _finished(original, rng)


def _decoded(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """By a linear autoencoder fitted to the picture, see `Resynthesis`."""
    return Resynthesis().apply(pixels, pixels, rng)[0]


def _painted(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Edges kept, everything between them smooth: no sensor ever saw it."""
    for _ in range(int(rng.integers(1, 4))):
        pixels = cv2.bilateralFilter(pixels, 7, rng.uniform(15, 50), rng.uniform(2, 5)).astype(
            np.uint8, copy=False
        )
    return pixels


def _upsampled(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Reduced, enlarged in steps of two with a filter after each, as decoders do."""
    height, width = pixels.shape[:2]
    steps = int(rng.integers(1, 4))
    reduced = (width // 2**steps, height // 2**steps)
    small = np.asarray(cv2.resize(pixels, reduced, interpolation=cv2.INTER_AREA), np.float32)
    detail: Plane = pixels.astype(np.float32) - _enlarged(small, (width, height), cv2.INTER_CUBIC)
    for step in range(steps):
        size = (width, height) if step == steps - 1 else (small.shape[1] * 2, small.shape[0] * 2)
        small = _enlarged(small, size, _UP[int(rng.integers(len(_UP)))])
        small = np.asarray(cv2.filter2D(small, -1, _kernel(rng)), np.float32)
    kept = _quantised(detail, rng)
    return to_pixels(small + kept)


def _blocked(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Coarse coefficients of overlapping patches, noise below a threshold dropped."""
    shift = rng.integers(0, 8, 2)
    work = np.roll(pixels, shift, axis=(0, 1)).astype(np.float32)
    side = int(rng.choice([8, 16]))
    height, width = (length // side * side for length in work.shape[:2])
    threshold = float(rng.uniform(6, 25))
    for channel in range(3):
        plane = work[:height, :width, channel]
        patches = plane.reshape(height // side, side, width // side, side).transpose(0, 2, 1, 3)
        basis = _dct(side)
        spectrum = basis @ patches @ basis.T
        spectrum[np.abs(spectrum) < threshold] = 0
        plane[...] = (basis.T @ spectrum @ basis).transpose(0, 2, 1, 3).reshape(height, width)
    return to_pixels(np.roll(work, -shift, axis=(0, 1)))


def _textured(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Smoothed, with a grain of its own: correlated noise where there was structure."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.8, 2.0)).astype(np.float32)
    detail = pixels - smooth
    energy = np.sqrt(cv2.GaussianBlur(detail**2, (0, 0), 3.0))
    grain = rng.standard_normal(pixels.shape, dtype=np.float32)
    if rng.random() < 0.5:
        grain[...] = grain[..., :1]
    grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.5)), np.float32)
    grain /= grain.std() + 1e-6
    share = rng.uniform(0.2, 0.8)
    return to_pixels(smooth + (1 - share) * detail + share * 0.7 * energy * grain)


GENERATORS: tuple[Generator, ...] = (_decoded, _painted, _upsampled, _blocked, _textured)


def _finished(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Contrast and sharpness as generators' makers like them, and at times a little fake grain."""
    if rng.random() < 0.4:
        soft = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.7, 1.5))
        amount = rng.uniform(0.2, 1.0)
        pixels = cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0).astype(np.uint8)
    if rng.random() < 0.2:
        grain = rng.standard_normal(pixels.shape, dtype=np.float32)
        pixels = to_pixels(pixels + rng.uniform(0.5, 2) * grain)
    return pixels


def _enlarged(plane: Plane, size: tuple[int, int], method: int) -> Plane:
    return np.asarray(cv2.resize(plane, size, interpolation=method), np.float32)


def _kernel(rng: np.random.Generator) -> Plane:
    """A random 3x3 filter that keeps the mean: a decoder's last word at this resolution."""
    kernel = rng.normal(0, 0.08, (3, 3)).astype(np.float32)
    kernel[1, 1] += 1
    return np.asarray(kernel / kernel.sum(), np.float32)


def _quantised(detail: Plane, rng: np.random.Generator) -> Plane:
    """Fine detail as a latent code keeps it: weak, coarse and smoothed."""
    step = float(rng.uniform(4, 16))
    coarse = step * np.rint(detail / step)
    return np.asarray(rng.uniform(0, 0.9) * cv2.GaussianBlur(coarse, (0, 0), 0.6), np.float32)


def _dct(side: int) -> Plane:
    """The orthonormal DCT-II matrix."""
    k, n = np.mgrid[:side, :side]
    basis = np.sqrt(2 / side) * np.cos(np.pi * (2 * n + 1) * k / (2 * side))
    basis[0] /= np.sqrt(2)
    return np.asarray(basis, np.float32)
