"""The photographs that examples are made of: a folder of pictures as memory-mapped pyramids.

A few dozen photographs become many scenes when any window at any scale may be drawn. Each is
decoded once and kept on disk at full, half and quarter size, so that a window costs a copy and a
small resize and all processes share one page cache.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from assay import images
from assay.errors import ConfigError, DataError
from assay.experts.photographs import read
from assay.experts.settings import WANTED
from assay.progress import Progress, silent
from assay.records import Pixels

logger = logging.getLogger(__name__)

_LEVELS = 3
_INDEX, _LEFT_OUT = "corpus.json", "left_out.json"
_SMALLEST_SIDE = 256


class Corpus:
    """Windows of photographs at any scale, read from a folder that `build` wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.names: list[str] = json.loads((folder / _INDEX).read_text())
        self._levels = [
            [self._open(i, level) for level in range(_LEVELS)] for i in range(len(self))
        ]

    def __len__(self) -> int:
        return len(self.names)

    def only(self, photographs: Sequence[int]) -> Corpus:
        """The same, restricted to the photographs of these indices, in this order."""
        part = Corpus(self._folder)
        part.names = [self.names[i] for i in photographs]
        part._levels = [self._levels[i] for i in photographs]
        return part

    @property
    def left_out(self) -> Mapping[str, str]:
        """Why each other photograph that `build` was given is not used, by its name."""
        stored = self._folder / _LEFT_OUT
        return dict(json.loads(stored.read_text(encoding="utf-8"))) if stored.exists() else {}

    def window(self, index: int, scale: float, side: int, rng: np.random.Generator) -> Pixels:
        """A random window ``[side, side, 3]`` of photograph ``index``, reduced by ``scale`` <= 1.

        The scale is raised where the photograph is too small for it.
        """
        full = self._levels[index][0]
        scale = max(scale, side / min(full.shape[:2]))
        level = min(_LEVELS - 1, max(0, int(np.floor(-np.log2(scale) + 1e-6))))
        picture, reduction = self._levels[index][level], scale * 2**level
        extent = min(round(side / reduction), *picture.shape[:2])
        top = int(rng.integers(picture.shape[0] - extent + 1))
        left = int(rng.integers(picture.shape[1] - extent + 1))
        window = np.asarray(picture[top : top + extent, left : left + extent])
        if extent == side:
            return np.ascontiguousarray(window)
        method = cv2.INTER_AREA if extent > side else cv2.INTER_CUBIC
        resized = cv2.resize(window, (side, side), interpolation=method)
        return resized.astype(np.uint8, copy=False)

    def _open(self, index: int, level: int) -> npt.NDArray[np.uint8]:
        opened: npt.NDArray[np.uint8] = np.load(_path(self._folder, index, level), mmap_mode="r")
        return opened


def build(photographs: Sequence[Path], folder: Path, progress: Progress = silent) -> Corpus:
    """Decode ``photographs`` into ``folder``, unless they are there, and open them.

    Photographs with a side under 256 pixels and unreadable files are left out, with a warning.
    Raises `ConfigError` when none is left.
    """
    if (folder / _INDEX).exists():
        return Corpus(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    left_out: dict[str, str] = {}
    root = os.path.commonpath([path.parent for path in photographs])
    for done, path in enumerate(sorted(photographs), 1):
        name = path.relative_to(root).as_posix()  # cameras number their files alike in each folder
        if reason := _why_not_stored(path, folder, len(names)):
            logger.warning("%s is left out: %s", path, reason)
            left_out[name] = reason
        else:
            names.append(name)
        progress(done, len(photographs), "reading photographs")
    if not names:
        raise ConfigError(
            f"no photograph has {_SMALLEST_SIDE} pixels a side or more; give {WANTED}"
        )
    _write(folder / _LEFT_OUT, left_out)
    _write(folder / _INDEX, names)  # last, as it says that the rest is there
    return Corpus(folder)


def _why_not_stored(path: Path, folder: Path, index: int) -> str:
    """Why the photograph cannot be used; empty once all its levels are written."""
    try:
        pixels = images.decode(read(path)).pixels
    except (DataError, OSError) as error:
        return str(error)
    if min(pixels.shape[:2]) < _SMALLEST_SIDE:
        return f"smaller than {_SMALLEST_SIDE} pixels"
    for level in range(_LEVELS):
        np.save(_path(folder, index, level), pixels)
        half = (max(1, pixels.shape[1] // 2), max(1, pixels.shape[0] // 2))
        pixels = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return ""


def _write(path: Path, content: object) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content), encoding="utf-8")
    unfinished.replace(path)


def _path(folder: Path, index: int, level: int) -> Path:
    return folder / f"{index:05d}-{level}.npy"
