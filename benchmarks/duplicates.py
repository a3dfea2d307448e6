"""Near-duplicates at scale: grouping up to 200,000 hashes, and one query among a million.

Hashes of as many real pictures do not exist here. Sums of two spectra of real crops have their
statistics, and differ from each other as pictures do; a fifth of them are copies with some bits
turned, up to well beyond what still counts as near. Times are of the processor.
"""

from __future__ import annotations

import math
import statistics
import sys
import time

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import dctn

from assay import images
from assay.duplicates import PerceptualHash, merge_groups
from assay.hash_index import SIBLING_DISTANCE, HashIndex
from assay.near_hashes import MAX_DISTANCE, Codes
from assay.sources.photos import Photos
from benchmarks.figures import Figure, report

SIZES = 10_000, 100_000, 200_000
STORED, QUERIES = 1_000_000, 100
_CROPS, _COPIES, _MOST_TURNED = 300, 0.2, 0.2


def measure() -> list[Figure]:
    """Seconds and their growth, milliseconds a query, and what is found of what lies near."""
    rng = np.random.default_rng(0)
    stored = _pictures(STORED, rng)
    seconds = {size: _grouping(_with_copies(stored[:size], rng)) for size in SIZES}
    growth = math.log(seconds[SIZES[2]] / seconds[SIZES[1]], SIZES[2] / SIZES[1])
    crowd = np.vstack([stored[:90_000], _copies(stored[:1], 10_000, 0.05, rng)])
    return [
        *(Figure(f"grouping {n:,} hashes", took, "s") for n, took in seconds.items()),
        Figure("growth of grouping, exponent of the count", growth, ""),
        Figure(f"grouping {len(crowd):,} hashes, 10,000 of one picture", _grouping(crowd), "s"),
        Figure(f"near pairs of {SIZES[0]:,} that are joined", _recall(stored[: SIZES[0]], rng), "",
               at_least=1.0),
        *_queries(stored, rng),
    ]  # fmt: skip


def _pictures(count: int, rng: np.random.Generator) -> Codes:
    """Hashes ``[count, 32]`` of different pictures."""
    spectra, made = _spectra(), []
    for start in range(0, count, 20_000):
        some = min(20_000, count - start)
        one, other = (spectra[rng.integers(len(spectra), size=some)] for _ in range(2))
        mixed = one + other * rng.uniform(0.3, 1, (some, 1))
        made.append(np.packbits(mixed > np.median(mixed, axis=1, keepdims=True), axis=1))
    return np.concatenate(made)


def _spectra() -> npt.NDArray[np.float32]:
    """What PDQ turns into bits, ``[n, 256]``, of crops of the bundled photographs."""
    crops = (
        images.decode(sample.image).pixels
        for sample in Photos(crop_size=96, crops_per_photo=_CROPS).fetch()
    )
    small = [
        cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (64, 64), interpolation=cv2.INTER_AREA)
        for crop in crops
    ]
    spectra = dctn(np.array(small, np.float32), axes=(1, 2), norm="ortho")
    return np.asarray(spectra[:, 1:17, 1:17].reshape(len(small), -1))


def _copies(of: Codes, count: int, most: float, rng: np.random.Generator) -> Codes:
    """``count`` of these hashes, each with up to a share ``most`` of its bits turned."""
    turned = rng.random((count, 256)) < rng.uniform(0, most, (count, 1))
    copied: Codes = of[rng.integers(len(of), size=count)] ^ np.packbits(turned, axis=1)
    return copied


def _with_copies(codes: Codes, rng: np.random.Generator) -> Codes:
    count = int(_COPIES * len(codes))
    return np.vstack([codes[count:], _copies(codes[count:], count, _MOST_TURNED, rng)])


def _hashes(codes: Codes) -> list[PerceptualHash]:
    return [PerceptualHash(code.tobytes(), 100, b"%d" % i) for i, code in enumerate(codes)]


def _grouping(codes: Codes) -> float:
    hashes, names = _hashes(codes), [str(i) for i in range(len(codes))]
    start = time.process_time()
    merge_groups(hashes, names)
    return time.process_time() - start


def _recall(codes: Codes, rng: np.random.Generator) -> float:
    """Share of all near pairs, by comparing all with all, that came into one group."""
    codes = _with_copies(codes, rng)
    groups = np.unique(
        merge_groups(_hashes(codes), [str(i) for i in range(len(codes))]), return_inverse=True
    )[1]
    near = together = 0
    for row, code in enumerate(codes):
        close = np.bitwise_count(codes ^ code).sum(axis=1, dtype=int) <= MAX_DISTANCE
        near += int(close.sum())
        together += int((groups[close] == groups[row]).sum())
    return together / near


def _queries(stored: Codes, rng: np.random.Generator) -> list[Figure]:
    """Of the index that the service asks, at both of its distances."""
    index = HashIndex()
    for number, hashed in enumerate(_hashes(stored)):
        index.add(str(number), hashed)
    asked = _copies(stored, QUERIES, _MOST_TURNED, rng)
    figures = []
    for distance in (MAX_DISTANCE, SIBLING_DISTANCE):
        took, found, there = [], 0, 0
        for code in asked:
            hashed = PerceptualHash(code.tobytes(), 100, b"")
            start = time.process_time()
            near = index.near(hashed, distance)
            took.append(1000 * (time.process_time() - start))
            bits = np.bitwise_count(stored ^ code).sum(axis=1, dtype=int)
            expected = {str(i) for i in np.flatnonzero(bits <= distance)}
            there, found = there + len(expected), found + len(expected & {name for name, _ in near})
        at = f"among {STORED:,} within {distance} bits"
        figures += [
            Figure(f"a query {at}, median", statistics.median(took), "ms"),
            Figure(f"a query {at}, 95th percentile", statistics.quantiles(took, n=20)[-1], "ms"),
            Figure(f"recall {at}", found / there, "", at_least=1.0),
        ]
    return figures


if __name__ == "__main__":
    sys.exit(report(measure))
