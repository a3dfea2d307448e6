"""Aligned pairs: an edited image and its untouched twin, alike in everything but the edit.

Both go through the same crop, resize, blur or noise and JPEG generations, drawn once, so neither
content nor format nor size tells them apart and a detector has to learn the edit itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from assay import images, manipulations, plugins
from assay.degradations import add_noise, blur, recompress
from assay.manipulations import Manipulation
from assay.manipulations.regions import centroid
from assay.records import Label, Mask, Pixels, Sample

_SCALES = (0.6, 1.25)
_RESIZED, _BLURRED, _NOISY = 0.35, 0.15, 0.15
_EARLIER_QUALITIES = (60, 97)
_FINAL_QUALITIES = (75, 98)
_LATTICE = 8
_WINDOWS = 8
_SHOWN = 0.02


def make_pair(
    sample: Sample, donor: Sample, manipulation: str, seed: int, size: int
) -> tuple[Sample, Sample]:
    """Edit ``sample`` and return it with its untouched twin, both JPEG of ``size`` x ``size``.

    ``donor`` is another photograph, for splices. Group, split, dataset and licence carry over; the
    mask follows the geometry. Deterministic in the arguments, across processes. Raises
    `UnknownPlugin` for an unknown manipulation and `UnreadableImage` for undecodable bytes.
    """
    edit = plugins.find(manipulations.__name__, Manipulation, manipulation)()
    rng = _generator(sample.image_id, donor.image_id, manipulation, str(seed))
    original, other = _workpieces(sample, donor, size, rng)
    history = _History.draw(rng)
    original = history.before_edit(original)
    edited, mask = edit.apply(original, other, rng)
    window = _window(mask, size, rng)
    noise_seed = int(rng.integers(2**32))

    image_id = f"{sample.image_id}-{manipulation}-{seed}"
    twin = replace(
        sample,
        image_id=f"{image_id}-twin",
        image=history.after_edit(window.cut(original), noise_seed),
        label=Label.AUTHENTIC,
        manipulation="",
        mask=b"",
        rationale="",
    )
    altered = replace(
        twin,
        image_id=image_id,
        image=history.after_edit(window.cut(edited), noise_seed),
        label=edit.label,
        manipulation=manipulation,
        mask=images.encode_mask(window.cut_mask(mask)),
    )
    return altered, twin


@dataclass(frozen=True, slots=True)
class _History:
    """The degradations that both members of a pair go through."""

    first_quality: int | None
    """JPEG quality of the camera's own file, before the edit; None for a lossless one."""
    blur: float
    noise: float
    qualities: tuple[int, ...]
    """Of the generations after the edit, the last one being the file's."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _History:
        """One to three JPEG generations; blur or noise, rarely."""
        generations = int(rng.integers(1, 4))
        earlier = [int(rng.integers(*_EARLIER_QUALITIES, endpoint=True)) for _ in range(2)]
        earlier = earlier[: generations - 1]
        first = earlier.pop() if earlier and rng.random() < 0.5 else None
        final = int(rng.integers(*_FINAL_QUALITIES, endpoint=True))
        fate = rng.random()
        sigma_blur, sigma_noise = rng.uniform(0.4, 1.2), rng.uniform(1, 5)
        return cls(
            first_quality=first,
            blur=sigma_blur if fate < _BLURRED else 0.0,
            noise=sigma_noise if _BLURRED <= fate < _BLURRED + _NOISY else 0.0,
            qualities=(*earlier, final),
        )

    def before_edit(self, pixels: Pixels) -> Pixels:
        return pixels if self.first_quality is None else recompress(pixels, self.first_quality)

    def after_edit(self, pixels: Pixels, noise_seed: int) -> bytes:
        """Degrade and encode; the same ``noise_seed`` gives both members the same noise field."""
        if self.blur:
            pixels = blur(pixels, self.blur)
        if self.noise:
            pixels = add_noise(pixels, self.noise, np.random.default_rng(noise_seed))
        for quality in self.qualities[:-1]:
            pixels = recompress(pixels, quality)
        return images.encode_jpeg(pixels, self.qualities[-1])


@dataclass(frozen=True, slots=True)
class _Window:
    """A square cut out of an image and resized; offsets and side in pixels."""

    left: int
    top: int
    side: int
    size: int

    def cut(self, pixels: Pixels) -> Pixels:
        """The window as ``[size, size, 3]``."""
        method = cv2.INTER_AREA if self.side > self.size else cv2.INTER_CUBIC
        return self._resized(pixels, method)

    def cut_mask(self, mask: Mask) -> Mask:
        """The window of a mask as ``[size, size]``, nearest neighbour."""
        return self._resized(mask.astype(np.uint8), cv2.INTER_NEAREST_EXACT).astype(bool)

    def _resized(self, array: Pixels, method: int) -> Pixels:
        window = array[self.top : self.top + self.side, self.left : self.left + self.side]
        if self.side == self.size:
            return np.ascontiguousarray(window)
        resized = cv2.resize(window, (self.size, self.size), interpolation=method)
        return resized.astype(np.uint8, copy=False)


def _generator(*parts: str) -> np.random.Generator:
    """A generator seeded by a hash of ``parts``, the same in every process."""
    return np.random.default_rng(list(hashlib.sha256("\0".join(parts).encode()).digest()))


def _workpieces(
    sample: Sample, donor: Sample, size: int, rng: np.random.Generator
) -> tuple[Pixels, Pixels]:
    """Sample and donor as pixels of one size, no larger than an edit at this output size needs."""
    longest = round(size / _SCALES[0]) + _LATTICE
    original = _excerpt(images.decode(sample.image).pixels, longest, longest, rng)
    height, width = original.shape[:2]
    other = images.decode(donor.image).pixels
    zoom = max(height / other.shape[0], width / other.shape[1])
    if zoom > 1:
        other = _scaled(other, zoom)
    return original, _excerpt(other, height, width, rng)


def _excerpt(pixels: Pixels, height: int, width: int, rng: np.random.Generator) -> Pixels:
    """A random window of at most ``height`` x ``width``, of an image reduced to twice that."""
    reduction = min(1.0, 2 * max(height / pixels.shape[0], width / pixels.shape[1]))
    if reduction < 1:
        pixels = _scaled(pixels, reduction)
    top = rng.integers(max(pixels.shape[0] - height, 0) + 1)
    left = rng.integers(max(pixels.shape[1] - width, 0) + 1)
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _scaled(pixels: Pixels, factor: float) -> Pixels:
    height, width = (int(np.ceil(side * factor)) for side in pixels.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=method).astype(np.uint8, copy=False)


def _window(mask: Mask, size: int, rng: np.random.Generator) -> _Window:
    """Draw scale and offset of the output window; the edit stays in view.

    Offsets are arbitrary, so that an earlier JPEG generation's 8x8 lattice falls anywhere.
    """
    height, width = mask.shape
    # Leave the lattice room to move, unless the image is too small to spare it.
    largest = max(min(height, width) - _LATTICE + 1, min(size, height, width))
    smallest_scale, largest_scale = (max(scale, size / largest) for scale in _SCALES)
    resized = rng.random() < _RESIZED or largest < size
    scale = rng.uniform(smallest_scale, largest_scale) if resized else 1.0
    side = min(largest, round(size / scale))
    corners = rng.integers((width - side + 1, height - side + 1), size=(_WINDOWS, 2))
    left, top = _showing(mask, corners, side)
    return _Window(left, top, side, size)


def _showing(mask: Mask, corners: npt.NDArray[np.int64], side: int) -> tuple[int, int]:
    """The first corner (left, top) whose window shows the edit, else the one that shows most."""
    limits = np.array(mask.shape[::-1]) - side
    centred = np.rint(centroid(mask) - side / 2).astype(np.int64).clip(0, limits)
    candidates = np.vstack([corners, centred])
    left, top = candidates.T
    total = cv2.integral(mask.astype(np.uint8))
    shown = total[top + side, left + side] - total[top, left + side]
    shown += total[top, left] - total[top + side, left]
    shares = shown / side**2
    enough = np.flatnonzero(shares >= _SHOWN)
    best = enough[0] if enough.size else shares.argmax()
    return int(left[best]), int(top[best])
