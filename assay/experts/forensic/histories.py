"""Where a picture has been before anybody edits it: camera, development, resizing, compression.

Two photographs differ in sensor noise, demosaicing, denoising, sharpening, scale and JPEG
generations; a part that was pasted, erased or generated does not share those of the rest. Drawing
them at random turns a few photographs into many cameras, and tells the training what each part has
been through.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from assay.degradations import to_pixels
from assay.experts.forensic.corpus import Corpus
from assay.records import Pixels

Plane = npt.NDArray[np.float32]

TRAITS = ("scale", "noise", "denoising", "sharpening", "demosaiced", "quality", "aligned")
"""What `History.traits` states, each scaled to about -1..1."""

_SMALLEST_SCALE = 0.12
_INTERPOLATIONS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
_DEMOSAICING = (cv2.COLOR_BayerBG2RGB, cv2.COLOR_BayerBG2RGB_EA, cv2.COLOR_BayerBG2RGB_VNG)
_LOSSLESS = 100


@dataclass(frozen=True, slots=True)
class History:
    """What a picture went through before it was edited."""

    capture: float
    """Scale of the window in the original photograph, at most 1."""
    reduction: float
    """By which the developed picture was then made smaller, at most 1."""
    noise: float
    """Standard deviation of the sensor's noise at middle grey, grey levels."""
    demosaiced: bool
    denoising: float
    sharpening: float
    gamma: float
    gains: tuple[float, float, float]
    interpolation: int
    camera_quality: int
    """JPEG quality of the camera's own file, `_LOSSLESS` for none; matters only when reduced."""
    quality: int
    """JPEG quality of the last file before the edit, `_LOSSLESS` for none."""
    chroma_halved: bool
    offset: tuple[int, int]
    """Rows and columns cut off after that file was decoded: where its 8x8 lattice lies."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> History:
        """Draw each trait independently."""
        reduction = float(rng.uniform(0.4, 0.95)) if rng.random() < 0.5 else 1.0
        moved = rng.random() < 0.5
        return cls(
            capture=float(np.exp(rng.uniform(np.log(_SMALLEST_SCALE), 0))),
            reduction=reduction,
            noise=float(np.exp(rng.uniform(np.log(0.3), np.log(9)))),
            demosaiced=bool(rng.random() < 0.6),
            denoising=float(rng.uniform(0.2, 1)) if rng.random() < 0.35 else 0.0,
            sharpening=float(rng.uniform(0.2, 1.5)) if rng.random() < 0.5 else 0.0,
            gamma=float(np.exp(rng.normal(0, 0.18))),
            gains=tuple(float(gain) for gain in np.exp(rng.normal(0, 0.06, 3))),  # type: ignore[arg-type]
            interpolation=int(rng.integers(len(_INTERPOLATIONS))),
            camera_quality=int(rng.integers(75, 100)) if rng.random() < 0.6 else _LOSSLESS,
            quality=int(rng.integers(55, 99)) if rng.random() < 0.85 else _LOSSLESS,
            chroma_halved=bool(rng.random() < 0.7),
            offset=tuple(int(o) for o in rng.integers(0, 8, 2)) if moved else (0, 0),  # type: ignore[arg-type]
        )

    @property
    def traits(self) -> npt.NDArray[np.float32]:
        """`TRAITS` as numbers ``[7]``."""
        return np.array(
            [
                np.log2(self.capture * self.reduction) / 2 + 0.8,
                np.log(self.noise * self.reduction) / 2,
                2 * self.denoising - 0.4,
                self.sharpening - 0.4,
                float(self.demosaiced and self.reduction > 0.8) - 0.3,
                (82 - self.quality) / 15,
                float(self.quality < _LOSSLESS and self.offset == (0, 0)) - 0.5,
            ],
            np.float32,
        )

    def picture(self, corpus: Corpus, index: int, side: int, rng: np.random.Generator) -> Pixels:
        """A window ``[side, side, 3]`` of photograph ``index`` that went through this history."""
        wanted = side + 8
        captured = corpus.window(index, self.capture, round(wanted / self.reduction), rng)
        developed = self._developed(self._exposed(captured, rng))
        if self.reduction < 1:
            developed = encoded(developed, self.camera_quality, True)
            method = _INTERPOLATIONS[self.interpolation]
            developed = cv2.resize(developed, (wanted, wanted), interpolation=method).astype(
                np.uint8
            )
        saved = encoded(developed, self.quality, self.chroma_halved)
        top, left = self.offset
        return np.ascontiguousarray(saved[top : top + side, left : left + side])

    def _exposed(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """The scene through a sensor: gain, tone, photon noise, colour filter array."""
        light = (pixels.astype(np.float32) / 255) ** np.float32(self.gamma)
        light *= np.array(self.gains, np.float32)
        deviation = np.float32(self.noise / 255) * np.sqrt(0.25 + 1.5 * light.clip(0, 1))
        shape = (*light.shape[:2], 1) if self.demosaiced else light.shape
        field = rng.standard_normal(shape, dtype=np.float32)
        noisy = to_pixels(255 * (light + deviation * field))
        if not self.demosaiced:
            return noisy
        return _demosaiced(noisy, _DEMOSAICING[int(rng.integers(len(_DEMOSAICING)))])

    def _developed(self, pixels: Pixels) -> Pixels:
        """Denoised, then sharpened."""
        if self.denoising:
            smooth = cv2.bilateralFilter(pixels, 5, 10 + 30 * self.denoising, 2.0)
            pixels = _mixed(pixels, 1 - self.denoising, smooth)
        if self.sharpening:
            pixels = _mixed(pixels, 1 + self.sharpening, cv2.GaussianBlur(pixels, (0, 0), 1.0))
        return pixels


def _mixed(pixels: Pixels, share: float, others: cv2.typing.MatLike) -> Pixels:
    """``share`` of the pixels, and of the others what is missing to one."""
    mixed = cv2.addWeighted(pixels, share, others, 1 - share, 0)
    return mixed.astype(np.uint8, copy=False)


def _demosaiced(pixels: Pixels, method: int) -> Pixels:
    """One colour a pixel, as behind a Bayer filter, and the others interpolated."""
    mosaic = pixels[..., 1].copy()
    mosaic[::2, ::2] = pixels[::2, ::2, 0]
    mosaic[1::2, 1::2] = pixels[1::2, 1::2, 2]
    return cv2.cvtColor(mosaic, method).astype(np.uint8, copy=False)


def encoded(pixels: Pixels, quality: int, chroma_halved: bool) -> Pixels:
    """One JPEG generation at ``quality``; `_LOSSLESS` leaves the pixels as they are."""
    if quality >= _LOSSLESS:
        return pixels
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        if chroma_halved
        else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], options)
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])
