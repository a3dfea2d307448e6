"""Ray Data on two workers against one, and against processes, on measuring evidence.

Two workers of one Ray do the same photographs, one of them idle in every second turn; both figures
count the start of the stage's workers, and what the first stage takes is a figure of its own. The
turns alternate, so that others' load falls on all alike. Where other programs want the cores, too,
no wall clock tells how well work is shared out; then two figures do: the same with items that only
wait, and the processor time of Ray beside the work.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import psutil

from assay import images, measuring
from assay.engines import Engine, running
from assay.images import Variant, photo_of
from assay.records import Label, Sample
from assay.sources.photos import Photos
from benchmarks.figures import Figure, in_turns, report, seconds

ROUNDS = 3
IMAGES = 64
SIZE = 768, 576
"""Width and height: about a second of work a photograph."""
WORKERS = 2
WAITS, WAIT = 80, 0.4
"""Items that wait, and how many seconds each; workers take two or three to start."""


def measure() -> list[Figure]:
    """Ratios of median times, and what it takes until Ray gives the first result."""
    samples = photographs(IMAGES, SIZE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(Engine.RAY, WORKERS, folder) as each:
            start = seconds(lambda: list(each(_evidence, samples[:WORKERS])))
            again = seconds(lambda: list(each(_nothing, samples[:WORKERS])))
            waits = [_waited(workers, folder) for workers in (1, WORKERS)]
            beside = _beside_the_work(folder, samples)
            one, two, processes = in_turns(
                ROUNDS,
                partial(_run, Engine.RAY, 1, folder, samples),
                partial(_run, Engine.RAY, WORKERS, folder, samples),
                partial(_run, Engine.PROCESSES, WORKERS, folder, samples),
            )
    return [
        Figure("Ray Data, 2 workers against 1", one / two, "x", at_least=1.7),
        Figure("Ray Data, 2 against 1 on items that wait", waits[0] / waits[1], "x", at_least=1.7),
        Figure("Ray Data, processor time beside the work", 100 * beside, "%", at_most=15),
        Figure("Ray Data against processes, 2 workers each", processes / two, "x", at_least=0.9),
        Figure("Ray Data, 2 workers", IMAGES / two, "images/s"),
        Figure("Ray Data, the first results of new workers", start, "s"),
        Figure("Ray Data, the first results of a further stage", again, "s"),
    ]


def photographs(count: int, size: tuple[int, int]) -> list[Sample]:
    """Crops of the bundled photographs as JPEG of ``size`` (width, height), each another."""
    crops = Photos(crop_size=256, crops_per_photo=1 + count // 8).fetch()
    made = []
    for index, crop in zip(range(count), crops, strict=False):
        pixels = cv2.resize(images.decode(crop.image).pixels, size, interpolation=cv2.INTER_CUBIC)
        made.append(Sample(f"{index}", images.encode_jpeg(pixels, 90), Label.AUTHENTIC))
    return made


def _run(engine: Engine, workers: int, folder: Path, samples: list[Sample]) -> float:
    with running(engine, workers, folder) as each:
        return seconds(lambda: list(each(_evidence, samples)))


def _waited(workers: int, folder: Path) -> float:
    with running(Engine.RAY, workers, folder) as each:
        return seconds(lambda: list(each(_wait, range(WAITS))))


def _beside_the_work(folder: Path, samples: list[Sample]) -> float:
    """Processor time of driver and Ray without the work, as a share of the work's."""
    before = _processor_time()
    with running(Engine.RAY, WORKERS, folder) as each:
        work = sum(each(_evidence, samples))
    return (_processor_time() - before) / work - 1


def _processor_time() -> float:
    """Seconds of this process and all below it."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(member.cpu_times()[:2]) for member in family)


def _wait(_: int) -> None:
    time.sleep(WAIT)


def _evidence(sample: Sample) -> float:
    """Seconds of processor time that an image took."""
    before = time.process_time()
    measuring.measure(photo_of(sample, Variant.BIAS_CONTROLLED))
    return time.process_time() - before


def _nothing(_: Sample) -> int:
    return 0


if __name__ == "__main__":
    sys.exit(report(measure))
