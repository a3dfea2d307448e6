"""Photos arrive in order, measured already, whichever process measured them."""

from __future__ import annotations

import numpy as np
import pytest

from assay import evidence, examination, images, measuring
from assay.examination import examined_photos, in_batches
from assay.records import Photo


def photo(number: int) -> Photo | None:
    if number % 5 == 4:
        return None
    pixels = np.random.default_rng(number).integers(0, 255, (64, 64 + 8 * (number % 3), 3), "uint8")
    return images.decode(images.encode_png(pixels))


@pytest.mark.parametrize(("count", "workers"), [(0, 2), (7, 2), (60, 2), (60, 1)])
def test_items_keep_their_order_and_their_photos(count: int, workers: int) -> None:
    told = list(examined_photos(photo, iter(range(count)), workers))
    assert [number for number, _ in told] == list(range(count))
    for number, made in told:
        expected = photo(number)
        assert (made is None) == (expected is None)
        if made is not None and expected is not None:
            assert np.array_equal(made.pixels, expected.pixels)


def test_what_a_worker_measured_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [made for _, made in examined_photos(photo, range(60), 2) if made is not None]
    here = [made for _, made in examined_photos(photo, range(60), 1) if made is not None]
    again = [measuring.measure(made) for made in here]
    monkeypatch.setattr(evidence, "examiners", dict)  # whoever measures now, fails
    measured = [[evidence.examined(made, one.id) for one in again[0]] for made in told]
    for ones, others in zip(measured, again, strict=True):
        # Another number of threads rounds the network's sums in another place.
        assert [one.value for one in ones] == pytest.approx([one.value for one in others], abs=0.02)


def test_batches_are_bounded_by_images_and_by_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [(number, photo(0)) for number in range(40)]
    assert [len(batch) for batch in in_batches(some)] == [16, 16, 8]
    monkeypatch.setattr(examination, "BATCH_PIXELS", 3 * 64 * 64)
    batches = list(in_batches([(number, photo(number)) for number in range(20)]))
    assert [number for batch in batches for number, _ in batch] == list(range(20))
    assert max(sum(made is not None for _, made in batch) for batch in batches) == 3
