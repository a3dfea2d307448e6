"""Two experts: one asks whether a part is unlike the rest, one whether a machine made the whole.

One network (`assay.experts.forensic`) judges an image for both, once. Its weights ship with the
project; ``run.py --pipeline pretrain`` makes new ones.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from assay.evidence import Examiner
from assay.records import Photo, Pixels

if TYPE_CHECKING:
    from assay.experts.forensic.judging import Judge, Judgement

WEIGHTS = Path(__file__).parent / "weights" / "forensic.safetensors"

_judgements: WeakKeyDictionary[Photo, Judgement] = WeakKeyDictionary()


class Expert(Examiner):
    """An examiner that asks the network."""


def judgement(photo: Photo) -> Judgement:
    """What the network says about ``photo``; each photo is judged once, whoever asks.

    Raises `CheckpointMismatch` when the weights are missing or were made for another network.
    """
    if photo not in _judgements:
        _judgements[photo] = _judge().judge(photo.pixels)
    return _judgements[photo]


@cache
def _judge() -> Judge:
    from assay.experts.forensic.judging import Judge

    return Judge.load(WEIGHTS)


def textures(side: int) -> tuple[Pixels, Pixels]:
    """One texture twice, ``[side, side, 3]``: as a sensor sees it, and enlarged fourfold."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(40, 216, (side // 4, side // 4, 3)).astype(np.float32)
    smooth = cv2.resize(cv2.GaussianBlur(coarse, (0, 0), 1.0), (side, side))
    seen = smooth + rng.normal(0, 6, smooth.shape)
    return seen.clip(0, 255).astype(np.uint8), smooth.clip(0, 255).astype(np.uint8)
