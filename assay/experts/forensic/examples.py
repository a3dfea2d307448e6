"""An endless supply of labelled examples: pairs of an edited picture and its untouched twin.

Both members go through the same camera, crop and chain of post-processing; only the edit tells them
apart. Every example is a pure function of a seed and a number, so a killed training goes on exactly
where it was, and any number of processes may make them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from assay import manipulations
from assay.degradations import add_noise, blur
from assay.experts.forensic.corpus import Corpus
from assay.experts.forensic.generators import generated
from assay.experts.forensic.histories import TRAITS, History, encoded
from assay.manipulations.regions import blob, composite, feather, trimmed
from assay.records import Mask, Pixels

SIDE = 256
"""Pixels; a multiple of 8, so that flips keep the JPEG lattice where it is."""

_MARGIN = 32
_HARD_FROM = 12_000
"""Number of the pair from which post-processing is as hard as it gets: easy traces come first."""
_EDITS = {
    "splice": 0.28,
    "copy_move": 0.16,
    "generated_part": 0.12,
    "inpaint": 0.06,
    "retouch": 0.10,
    "generated": 0.28,
}


@dataclass(frozen=True, slots=True)
class Example:
    """One training image."""

    pixels: Pixels
    """``[SIDE, SIDE, 3]``."""
    mask: Mask
    """``[SIDE, SIDE]``; all False for authentic and for wholly generated pictures."""
    traits: npt.NDArray[np.float32]
    """``[2, len(TRAITS)]`` of background and edited part; NaN where they are not known."""
    generated: bool


@dataclass(frozen=True, slots=True)
class _Post:
    """What happens to the whole picture after the edit, drawn once for both members."""

    scale: float
    interpolation: int
    blur: float
    noise: float
    qualities: tuple[int, ...]
    chroma_halved: bool
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, hardness: float) -> _Post:
        """Half of the pictures are only saved; the others resized, softened or saved again.

        ``hardness`` 0..1 is how far this goes.
        """
        fate = rng.random()
        steps = int(rng.choice([0, 0, 0, 1, 1, 2])) if rng.random() < hardness else 0
        lowest = round(93 - 18 * hardness)
        final = int(rng.integers(lowest, 99)) if rng.random() < 0.5 + 0.44 * hardness else 100
        resized, altered = 0.25 * hardness, 0.1 * hardness
        return cls(
            scale=float(rng.uniform(0.7, 1.2)) if rng.random() < resized else 1.0,
            interpolation=int(rng.integers(1, 4)),
            blur=float(rng.uniform(0.3, 0.8)) if fate < altered else 0.0,
            noise=float(rng.uniform(0.5, 3)) if altered <= fate < 2 * altered else 0.0,
            qualities=(*(int(rng.integers(65, 98)) for _ in range(steps)), final),
            chroma_halved=bool(rng.random() < 0.8),
            seed=int(rng.integers(2**32)),
        )

    @property
    def side(self) -> int:
        """Of the picture before this chain, pixels."""
        return int(np.ceil(SIDE / self.scale))

    def apply(self, pixels: Pixels) -> Pixels:
        """The top left ``side`` pixels after the chain, ``[SIDE, SIDE, 3]``."""
        pixels = np.ascontiguousarray(pixels[: self.side, : self.side])
        if self.scale != 1:
            method = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[
                self.interpolation
            ]
            pixels = cv2.resize(pixels, (SIDE, SIDE), interpolation=method).astype(np.uint8)
        if self.blur:
            pixels = blur(pixels, self.blur)
        if self.noise:
            pixels = add_noise(pixels, self.noise, np.random.default_rng(self.seed))
        for quality in self.qualities:
            pixels = encoded(pixels, quality, self.chroma_halved)
        return pixels

    def mask(self, mask: Mask) -> Mask:
        """``mask`` through the geometry alone."""
        cut = np.ascontiguousarray(mask[: self.side, : self.side]).astype(np.uint8)
        return cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST_EXACT).astype(bool)


def make_pair(corpus: Corpus, seed: int, number: int) -> tuple[Example, Example]:
    """The edited and the untouched member of pair ``number``; deterministic in the arguments."""
    rng = np.random.default_rng([seed, number])
    kind = str(rng.choice(list(_EDITS), p=np.array(list(_EDITS.values()))))
    post, history = _Post.draw(rng, min(1.0, number / _HARD_FROM)), History.draw(rng)
    side = post.side + (_MARGIN if kind == "generated" else 0)
    original = history.picture(corpus, int(rng.integers(len(corpus))), side, rng)
    edited, mask, donor = _edit(kind, original, corpus, rng)
    traits = np.stack([history.traits, donor])
    unknown = np.full_like(traits, np.nan)
    whole = kind == "generated"
    masked = np.zeros((SIDE, SIDE), bool) if whole else post.mask(mask)
    untouched = np.stack([history.traits, unknown[1]])
    return (
        Example(post.apply(edited), masked, unknown if whole else traits, whole),
        Example(post.apply(original), np.zeros((SIDE, SIDE), bool), untouched, False),
    )


def _edit(
    kind: str, original: Pixels, corpus: Corpus, rng: np.random.Generator
) -> tuple[Pixels, Mask, npt.NDArray[np.float32]]:
    """The edited picture, where it changed, and the traits of what was put there."""
    unknown = np.full(len(TRAITS), np.nan, np.float32)
    if kind == "splice":
        return _spliced(original, corpus, rng)
    if kind == "generated":
        return generated(original, rng), np.ones(original.shape[:2], bool), unknown
    if kind == "generated_part":
        region = blob(rng, original.shape, (0.02, 0.3))
        part = feather(region, rng.uniform(0.4, 4))
        return *composite(original, generated(original, rng), part), unknown
    edit = manipulations.manipulations()[kind]
    return *edit.apply(original, original, rng), unknown


def _spliced(
    original: Pixels, corpus: Corpus, rng: np.random.Generator
) -> tuple[Pixels, Mask, npt.NDArray[np.float32]]:
    """A part of another photograph with a history of its own, pasted as people do."""
    history, side = History.draw(rng), original.shape[0]
    donor = history.picture(corpus, int(rng.integers(len(corpus))), side, rng)
    region = blob(rng, original.shape, (0.01, 0.35))
    if rng.random() < 0.6:
        donor = _turned(donor, rng)
    if rng.random() < 0.7:
        region = trimmed(region, donor)
    adapted = donor.astype(np.float32)
    if rng.random() < 0.6:
        shift = original[region].mean(axis=0) - donor[region].mean(axis=0)
        adapted += (rng.uniform(0.2, 1) * shift).astype(np.float32)
    hard = rng.random() < 0.25
    alpha = region.astype(np.float32) if hard else feather(region, rng.uniform(0.4, 3))
    return *composite(original, adapted, alpha), history.traits


def _turned(donor: Pixels, rng: np.random.Generator) -> Pixels:
    """Scaled and rotated around its middle, mirrored half of the time."""
    side = donor.shape[0]
    scale = float(np.exp(rng.uniform(np.log(0.6), np.log(1.8))))
    angle = float(rng.normal(0, 15)) if rng.random() < 0.5 else 0.0
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, scale)
    if rng.random() < 0.5:
        donor = np.ascontiguousarray(donor[:, ::-1])
    method = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    turned = cv2.warpAffine(
        donor, matrix, (side, side), flags=method, borderMode=cv2.BORDER_REFLECT_101
    )
    return turned.astype(np.uint8, copy=False)
