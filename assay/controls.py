"""Two controls of a score, which say whether it comes from the edit or from elsewhere.

*Untouched windows*: parts of altered files in which nothing was altered, against parts of authentic
files. Whatever tells these apart is the history of the files, not the edit. *Rescaled*: every image
resized by a factor of its own before the re-save, which no compression history survives. A score
that the first explains, or that the second destroys, is marked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from assay import images
from assay.degradations import resized
from assay.examination import examined_photos, in_batches
from assay.metrics import Bools, Metric
from assay.progress import Progress
from assay.records import Label, Mask, Photo, Pixels, Sample, Split

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset
    from assay.predictions import DetectsPhotos

UNTOUCHED_WINDOW = "untouched_window"
RESCALED = "rescaled"
CONTROLS = (UNTOUCHED_WINDOW, RESCALED)
"""Columns of scores beside that of the whole image, bias controlled."""

HISTORY = "shortcut: file history, not the edit"
FRAGILE = "shortcut: lost when rescaled"

SIDES = range(128, 257, 8)
"""Sides of a window in pixels, multiples of a JPEG block's."""
_BLOCK = 8
_FACTORS = 0.7, 0.95
_CHANCE, _MARGIN = 0.5, 0.05

Window = tuple[int, int, int]
"""Left, top and side in pixels, multiples of eight."""


def control_scores(
    detector: DetectsPhotos, dataset: Dataset, progress: Progress, workers: int | None = None
) -> pd.DataFrame:
    """Scores of the test images under each of `CONTROLS`, with their image_id; NaN where none.

    Windows come from altered images with a mask, and from authentic ones of the same dataset, in
    sizes drawn from those of the altered ones. ``workers`` processes measure them.
    """
    sides = _window_sides(dataset)
    table: pd.DataFrame = dataset.table(["image_id"], Split.TEST).to_pandas()
    made: dict[str, Callable[[Sample], Photo | None]]
    made = {UNTOUCHED_WINDOW: partial(untouched_window, sides=sides), RESCALED: rescaled}
    for name, make in made.items():
        examined = examined_photos(make, dataset.samples(Split.TEST), workers)
        scores: dict[str, float] = {}
        for batch in in_batches(examined):
            scores |= _scores(detector, batch)
            progress(len(scores), len(table), f"control: {name.replace('_', ' ')}")
        table[name] = table["image_id"].map(scores)
    return table


def marks(auc: Metric | None, controls: Mapping[str, Metric | None]) -> tuple[str, ...]:
    """Why ``auc`` may not be what it seems, in words; nothing where the controls are undefined.

    `HISTORY` where untouched windows are told apart clearly better than by chance, `FRAGILE` where
    an ``auc`` above chance is lost after rescaling, beyond what the interval leaves open.
    """
    window, scaled = controls.get(UNTOUCHED_WINDOW), controls.get(RESCALED)
    from_history = window is not None and window.low > _CHANCE + _MARGIN
    is_above_chance = auc is not None and auc.low > _CHANCE
    is_lost = scaled is not None and auc is not None and scaled.high < auc.value
    falls_to_chance = scaled is not None and scaled.low <= _CHANCE
    is_fragile = is_above_chance and is_lost and falls_to_chance
    return (HISTORY,) * from_history + (FRAGILE,) * is_fragile


def rescaled(sample: Sample) -> Photo:
    """The image of ``sample`` at 0.70 to 0.95 of its size, by a hash of its id, and re-saved."""
    pixels = images.decode(sample.image).pixels
    smallest, largest = _FACTORS
    factor = smallest + (largest - smallest) * _draw(sample.image_id, RESCALED)
    return _saved(resized(pixels, factor), sample)


def untouched_window(sample: Sample, sides: Mapping[str, Sequence[int]]) -> Photo | None:
    """A window of ``sample`` without an altered pixel, re-saved; None where there is none.

    An authentic image takes its side from ``sides``, those of the altered images by dataset.
    """
    drawn = sides.get(sample.dataset, ())
    if not drawn or not _is_eligible(sample):
        return None
    photo = images.decode(sample.image)
    largest = SIDES[-1]
    if sample.label is Label.AUTHENTIC:
        largest = drawn[int(_draw(sample.image_id, "side") * len(drawn))]
    window = free_window(_altered(sample, photo), largest, _draw(sample.image_id, "place"))
    if window is None:
        return None
    left, top, side = window
    return _saved(photo.pixels[top : top + side, left : left + side], sample)


def free_window(altered: Mask, largest: int, place: float) -> Window | None:
    """The largest square of `SIDES` up to ``largest`` without an altered pixel.

    Of several, ``place`` in 0..1 picks one. None where even the smallest does not fit.
    """
    free = _free_blocks(altered)
    counts = np.pad(np.cumsum(np.cumsum(~free, axis=0), axis=1), ((1, 0), (1, 0)))
    for side in reversed([side for side in SIDES if side <= largest]):
        n = side // _BLOCK
        if n > min(free.shape):
            continue
        touched = counts[n:, n:] - counts[:-n, n:] - counts[n:, :-n] + counts[:-n, :-n]
        tops, lefts = np.nonzero(touched == 0)
        if len(tops):
            index = int(place * len(tops))
            return int(lefts[index]) * _BLOCK, int(tops[index]) * _BLOCK, side
    return None


def _free_blocks(altered: Mask) -> Bools:
    """Whether nothing is altered in each whole block of eight by eight pixels."""
    rows, columns = (side // _BLOCK for side in altered.shape)
    whole = altered[: rows * _BLOCK, : columns * _BLOCK]
    touched = whole.reshape(rows, _BLOCK, columns, _BLOCK).any(axis=(1, 3))
    return np.asarray(~touched, np.bool_)


def _window_sides(dataset: Dataset) -> dict[str, list[int]]:
    """Sides of the windows in altered test images, by dataset, in the dataset's order."""
    sides: dict[str, list[int]] = {}
    for sample in dataset.samples(Split.TEST):
        if sample.label is not Label.AUTHENTIC and _is_eligible(sample):
            altered = _altered(sample, images.decode(sample.image))
            window = free_window(altered, SIDES[-1], 0.0)
            if window is not None:
                sides.setdefault(sample.dataset, []).append(window[2])
    return sides


def _is_eligible(sample: Sample) -> bool:
    """Whether it is known which of its pixels are untouched."""
    return sample.label is Label.AUTHENTIC or bool(sample.mask)


def _altered(sample: Sample, photo: Photo) -> Mask:
    width, height = photo.size
    mask = images.mask_of(sample, photo)
    return np.zeros((height, width), np.bool_) if mask is None else mask


def _saved(pixels: Pixels, sample: Sample) -> Photo:
    return images.decode(images.encode_normalised(np.ascontiguousarray(pixels), sample.image_id))


def _scores(
    detector: DetectsPhotos, batch: Sequence[tuple[Sample, Photo | None]]
) -> dict[str, float]:
    """The log-odds of each photo by image id; NaN for none."""
    there = [(sample.image_id, photo) for sample, photo in batch if photo is not None]
    verdicts = detector.detect([photo for _, photo in there])
    scores = {sample.image_id: float("nan") for sample, _ in batch}
    return scores | {name: v.log_odds for (name, _), v in zip(there, verdicts, strict=True)}


def _draw(image_id: str, purpose: str) -> float:
    """A number in 0..1, below 1, that depends on nothing else."""
    digest = hashlib.sha256(f"{purpose}/{image_id}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
