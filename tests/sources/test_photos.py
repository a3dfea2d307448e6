from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from pydantic import ValidationError

from assay import images
from assay.errors import StorageError
from assay.records import Label
from assay.sources import photos
from assay.sources.photos import PHOTOGRAPHS, Photograph, Photos


def test_fetch_yields_authentic_square_crops_with_licence() -> None:
    for sample in Photos(crop_size=96, crops_per_photo=1).fetch():
        photo = images.decode(sample.image)
        assert (photo.format, photo.size) == ("PNG", (96, 96))
        assert sample.label is Label.AUTHENTIC
        assert sample.licence


def test_fetch_prefix_takes_every_photograph_once() -> None:
    prefix = list(islice(Photos().fetch(), len(PHOTOGRAPHS)))
    assert {sample.group for sample in prefix} == {f"photos-{p.group}" for p in PHOTOGRAPHS}


def test_fetch_counts_by_area_and_option() -> None:
    counts = Counter(sample.group for sample in Photos(crops_per_photo=35).fetch())
    assert max(counts.values()) == 35
    assert counts["photos-coins"] == 16 * 384 * 303 // 256**2 < 35


def test_fetch_leaves_out_photographs_smaller_than_a_crop() -> None:
    groups = {sample.group for sample in Photos(crop_size=500, crops_per_photo=1).fetch()}
    assert "photos-coins" not in groups
    assert "photos-motorcycle" in groups


def test_stereo_pair_is_one_group() -> None:
    motorcycle = next(p for p in PHOTOGRAPHS if p.group == "motorcycle")
    assert motorcycle.files == ("motorcycle_left.png", "motorcycle_right.png")
    assert len({p.group for p in PHOTOGRAPHS}) == len(PHOTOGRAPHS)


def test_crops_show_several_scales() -> None:
    view = np.zeros((1024, 1024, 3), np.uint8)
    windows = [photos._window(view, 256, np.random.default_rng(seed)) for seed in range(40)]
    sides = [len(window) for window in windows]
    assert 10 <= sides.count(256) <= 30
    assert len(set(sides)) > 8
    assert max(sides) > 900


def test_crops_of_a_photograph_differ() -> None:
    crops = [sample.image for sample in Photos(crops_per_photo=24, crop_size=200).fetch()]
    assert len(set(crops)) == len(crops)


def test_crop_avoids_empty_surroundings() -> None:
    view = np.zeros((400, 1600, 3), np.uint8)
    view[:, :500] = np.random.default_rng(0).integers(0, 256, (400, 500, 3))
    crops = [photos._crop(view, 256, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(crop.std() > 1 for crop in crops) >= 18


@pytest.mark.parametrize("option", ["crop_size", "crops_per_photo", "seed"])
def test_options_change_fingerprint_and_crops(option: str) -> None:
    plain, other = Photos(), Photos(**{option: 99})
    assert plain.fingerprint() != other.fingerprint()
    if option != "crops_per_photo":
        assert next(plain.fetch()).image != next(other.fetch()).image


def test_crop_size_has_bounds() -> None:
    with pytest.raises(ValidationError, match="crop_size"):
        Photos(crop_size=32)


@pytest.mark.parametrize("package", [("no_such_package", "data"), ("skimage", "no_such_folder")])
def test_missing_photograph_names_package(
    package: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Photograph("absent", ("absent.png",), "none", package)
    monkeypatch.setattr(photos, "PHOTOGRAPHS", (absent,))
    with pytest.raises(StorageError, match=rf"{package[0]} holds no absent\.png"):
        next(Photos().fetch())


def test_fetch_takes_the_photographs_that_are_named() -> None:
    chosen = Photos(photographs=("china", "moon"), crops_per_photo=2)
    assert {sample.group for sample in chosen.fetch()} == {"photos-china", "photos-moon"}
    assert chosen.fingerprint() != Photos(crops_per_photo=2).fingerprint()
    whole = {sample.image_id: sample.image for sample in Photos(crops_per_photo=2).fetch()}
    assert all(whole[sample.image_id] == sample.image for sample in chosen.fetch())


def test_unknown_photograph_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValidationError, match="moon"):
        Photos(photographs=("mooon",))
