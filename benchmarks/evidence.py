"""What every examiner costs, as a share of all and against decoding the same JPEG; on one core."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import cv2
from threadpoolctl import threadpool_limits

from assay import images
from assay.evidence import examiners
from benchmarks.figures import Figure, report
from benchmarks.pictures import QUALITY, picture

SIZES = {(384, 256): 150.0, (768, 768): 400.0}
"""Width and height, and the milliseconds that all examiners together may take."""
LINEAR = ((1500, 1000), (3000, 2000), (6000, 4000))
GROWTH = 1.5
"""The largest of them may need this much more for a megapixel than the smallest."""
ROUNDS = 5


def measure() -> list[Figure]:
    """Milliseconds and shares by examiner, then the time for a megapixel as images grow."""
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        shares = [figure for size in SIZES for figure in _shares(size)]
        return shares + _linearity()


def _shares(size: tuple[int, int]) -> list[Figure]:
    data, label = images.encode_jpeg(picture(*size), QUALITY), f"{size[0]}x{size[1]}"
    _examined(data)  # weights are loaded, and tables made, once a process
    rounds = [(_decoding(data), *_examined(data).values()) for _ in range(ROUNDS)]
    decoding, *took = (statistics.median(column) for column in zip(*rounds, strict=True))
    together = sum(took)
    listed = sorted(zip(took, examiners(), strict=True), reverse=True)
    return [
        Figure(f"all evidence, {label}", 1e3 * together, "ms", at_most=SIZES[size]),
        Figure(f"all evidence against decoding, {label}", together / decoding, "x"),
        *(
            Figure(f"  {name}, {label}", 100 * share / together, "% of it")
            for share, name in listed
        ),
    ]


def _linearity() -> list[Figure]:
    """The time for a megapixel as images grow; one round each, as the largest takes seconds."""
    costs = [_for_a_megapixel(*size) for size in LINEAR]
    figures = [
        Figure(f"all evidence, a megapixel of {width * height / 1e6:.3g}", 1e3 * cost, "ms")
        for (width, height), cost in zip(LINEAR, costs, strict=True)
    ]
    growth = "a megapixel of the largest image against the smallest"
    return [*figures, Figure(growth, costs[-1] / costs[0], "x", at_most=GROWTH)]


def _for_a_megapixel(width: int, height: int) -> float:
    data = images.encode_jpeg(picture(width, height), QUALITY)
    return sum(_examined(data).values()) * 1e6 / (width * height)


def _decoding(data: bytes) -> float:
    return _core_seconds(lambda: images.decode(data))


def _examined(data: bytes) -> dict[str, float]:
    """Core seconds by examiner, one after the other on one photo, as the ledger asks them.

    What two of them share, such as the experts' network, is paid by the first.
    """
    photo = images.decode(data)
    return {
        name: _core_seconds(partial(examiner.examine, photo))
        for name, examiner in examiners().items()
    }


def _core_seconds(work: Callable[[], object]) -> float:
    """Processor seconds of one call: on a busy machine the clock would count others' work."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(report(measure))
