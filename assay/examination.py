"""Photos whose evidence all cores have measured, for whoever asks about them next.

Measuring costs more than anything else that happens to an image, and each photo keeps what was
measured of it (`assay.evidence.examined`): whoever takes photos from here pays for it once, on all
cores, and asks as if nothing had been measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice, tee
from typing import TypeVar

from assay import images, measuring
from assay.evidence import remember
from assay.parallel import parallel_map
from assay.records import Measurement, Photo

T = TypeVar("T")
P = TypeVar("P", bound="Photo | str | None")
"""A photo, or what stands where there is none: the reason, or nothing."""

_FEW = 48
"""Items that are done here and now before other processes would have started."""
BATCH_IMAGES = 16
BATCH_PIXELS = images.MAX_PIXELS
"""A batch ends at either limit, which bounds memory whatever the images' sizes."""


def examined_photos(
    make: Callable[[T], P], items: Iterable[T], workers: int | None = None
) -> Iterator[tuple[T, P]]:
    """Yield each item with the photo that ``make`` makes of it, its evidence measured, in order.

    ``make`` is a module-level function or a partial of one, and may answer that there is none.
    ``items`` stream, a few at a time; ``workers`` None means all cores.
    """
    rest = iter(items)
    first = list(islice(rest, _FEW))
    few = len(first) < _FEW
    given, told = tee(chain(first, rest))
    made = parallel_map(partial(_examined, make), told, 1 if few else workers)
    for item, (photo, measurements) in zip(given, made, strict=True):
        if isinstance(photo, Photo):
            remember(photo, measurements)
        yield item, photo


def in_batches(
    examined: Iterable[tuple[T, P]],
) -> Iterator[list[tuple[T, P]]]:
    """Collect what a detector judges at once, until there are enough images or pixels."""
    batch: list[tuple[T, P]] = []
    pixels = 0
    for item, photo in examined:
        batch.append((item, photo))
        pixels += photo.size[0] * photo.size[1] if isinstance(photo, Photo) else 0
        if len(batch) >= BATCH_IMAGES or pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _examined(make: Callable[[T], P], item: T) -> tuple[P, tuple[Measurement, ...]]:
    photo = make(item)
    return photo, measuring.measure(photo) if isinstance(photo, Photo) else ()
