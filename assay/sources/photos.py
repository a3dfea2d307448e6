"""The embedded default: real photographs that ship inside the scikit-image and scikit-learn wheels.

No download and no account: a clone trains on these. Each photograph is cut into overlapping crops
at several scales, and every crop keeps its photograph's group.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from pydantic import Field, field_validator

from assay import images
from assay.errors import ConfigError, StorageError, did_you_mean
from assay.records import Label, Pixels, Sample
from assay.settings import Seed
from assay.sources import Source

_SKIMAGE = "skimage", "data"
_SKLEARN = "sklearn", "datasets/images"
_NATIVE = 0.5
_CROPS_PER_AREA = 16
_FLAT = 8.0
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photographed scene: its group, the files that show it, and on what terms."""

    group: str
    files: tuple[str, ...]
    licence: str
    package: tuple[str, str] = _SKIMAGE


# As the docstrings of skimage.data and sklearn's images/README.txt state them (0.26, 1.7).
PHOTOGRAPHS = (
    Photograph("astronaut", ("astronaut.png",), "Public domain, NASA"),
    Photograph("brick", ("brick.png",), "CC0-1.0, CC0Textures (Bricks25)"),
    Photograph("camera", ("camera.png",), "CC0-1.0, Lav Varshney"),
    Photograph("chelsea", ("chelsea.png",), "CC0-1.0, Stefan van der Walt"),
    Photograph("china", ("china.jpg",), "CC-BY-2.0, danielbuechele (Flickr)", _SKLEARN),
    Photograph("clock", ("clock_motion.png",), "Public domain, Stefan van der Walt"),
    Photograph("coffee", ("coffee.png",), "CC0-1.0, Rachel Michetti / Pikolo Espresso Bar"),
    Photograph("coins", ("coins.png",), "No known copyright restrictions, Brooklyn Museum"),
    Photograph("flower", ("flower.jpg",), "CC-BY-2.0, vultilion (Flickr)", _SKLEARN),
    Photograph("grass", ("grass.png",), "CC0-1.0, linolafett (DeviantArt)"),
    Photograph("gravel", ("gravel.png",), "CC0-1.0, CC0Textures (Gravel04)"),
    Photograph("hubble", ("hubble_deep_field.jpg",), "Public domain, NASA / HubbleSite"),
    Photograph("ihc", ("ihc.png",), "No known copyright restrictions, CMMI"),
    Photograph("moon", ("moon.png",), "Not stated by scikit-image, author unknown"),
    Photograph(
        "motorcycle",
        ("motorcycle_left.png", "motorcycle_right.png"),
        "Not stated by scikit-image, Middlebury 2014 stereo benchmark (Scharstein et al.)",
    ),
    Photograph("retina", ("retina.jpg",), "CC0-1.0, Mikael Haggstrom"),
    Photograph("rocket", ("rocket.jpg",), "Public domain, SpaceX"),
)


class Photos(Source):
    """Crops of the bundled photographs, all authentic, photograph after photograph in turn.

    Any prefix is balanced: the first crop of each photograph comes before the second of any. A
    photograph yields at most `crops_per_photo` crops, and fewer when it is small.
    """

    name: ClassVar[str] = "photos"
    raw_material: ClassVar[bool] = True

    crop_size: int = Field(256, ge=64, le=1024)
    """Side of a crop, pixels; photographs with a shorter side than this are left out."""
    crops_per_photo: int = Field(40, ge=1)
    photographs: tuple[str, ...] = ()
    """Groups of `PHOTOGRAPHS` that are cut up; none for all."""
    seed: Seed = 0

    @field_validator("photographs")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [photograph.group for photograph in PHOTOGRAPHS]
        for name in set(names) - set(known):
            raise ConfigError(f"no bundled photograph {name!r}{did_you_mean(name, known)}")
        return names

    def fetch(self, since: str | None = None) -> Iterator[Sample]:
        """Yield lossless PNG crops; ``since`` is ignored, as the photographs never change.

        Raises `StorageError` when a package lacks its photographs.
        """
        albums = [(photograph, _views(photograph)) for photograph in self._chosen()]
        for index in range(self.crops_per_photo):
            for photograph, views in albums:
                view = views[index % len(views)]
                if index < self._capacity(view):
                    yield self._sample(photograph, view, index)

    def fingerprint(self) -> str:
        """A hash of the options and of the photographs' files."""
        digest = hashlib.sha256(self.model_dump_json().encode())
        for path in (path for photograph in self._chosen() for path in _paths(photograph)):
            digest.update(path.name.encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def _chosen(self) -> Sequence[Photograph]:
        wanted = self.photographs
        return [one for one in PHOTOGRAPHS if not wanted or one.group in wanted]

    def _capacity(self, view: Pixels) -> int:
        """How many crops a photograph may yield before they are all much alike."""
        height, width = view.shape[:2]
        if min(height, width) < self.crop_size:
            return 0
        return int(_CROPS_PER_AREA * height * width / self.crop_size**2)

    def _sample(self, photograph: Photograph, view: Pixels, index: int) -> Sample:
        image_id = f"{self.name}-{photograph.group}-{index:04d}"
        key = f"{self.seed}/{self.crop_size}/{image_id}".encode()
        rng = np.random.default_rng(list(hashlib.sha256(key).digest()))
        return Sample(
            image_id=image_id,
            image=images.encode_png(_crop(view, self.crop_size, rng)),
            label=Label.AUTHENTIC,
            source=self.name,
            dataset=self.name,
            group=f"{self.name}-{photograph.group}",
            licence=photograph.licence,
        )


def _paths(photograph: Photograph) -> list[Path]:
    """The photograph's files, found without importing the package that holds them."""
    package, folder = photograph.package
    spec = importlib.util.find_spec(package)
    roots = [] if spec is None else list(spec.submodule_search_locations or [])
    paths = [Path(root, folder, file) for root in roots for file in photograph.files]
    missing = [path.name for path in paths if not path.is_file()]
    if missing or not paths:
        names = ", ".join(missing or photograph.files)
        raise StorageError(f"package {package} holds no {names}; reinstall it from its wheel")
    return paths


def _views(photograph: Photograph) -> list[Pixels]:
    return [images.decode(path.read_bytes()).pixels for path in _paths(photograph)]


def _crop(view: Pixels, size: int, rng: np.random.Generator) -> Pixels:
    """A random square window, reduced to ``size`` pixels unless it has that many.

    Windows without any content (a black surround) are drawn again, a bounded number of times.
    """
    for _ in range(_ATTEMPTS):
        window = _window(view, size, rng)
        if window.std() >= _FLAT:
            break
    reduced = cv2.resize(window, (size, size), interpolation=cv2.INTER_AREA)
    return reduced.astype(np.uint8, copy=False)


def _window(view: Pixels, size: int, rng: np.random.Generator) -> Pixels:
    """Half of the windows keep the native resolution, the others show more of the scene.

    Their side is drawn log-uniformly from a continuous range: with a few fixed scales, the largest
    would be the same whole photograph each time.
    """
    height, width = view.shape[:2]
    exponent = 0.0 if rng.random() < _NATIVE else rng.random()
    side = int(size * (min(height, width) / size) ** exponent)
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    return view[top : top + side, left : left + side]
