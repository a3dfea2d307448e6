"""What a load client sends: a folder's images, or crops of the bundled photographs.

A folder is labelled by a ``labels.csv`` (file, label), a manifest as the source `folder` reads it,
or sub-folders named after the labels; any other folder's images are sent without labels. Of the
bundled photographs every second crop is edited, so that labels are known by construction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from assay import manipulations, pairs
from assay.errors import ConfigError, DataError, did_you_mean
from assay.parallel import parallel_map
from assay.progress import Progress
from assay.records import Label, Rejected, Sample
from assay.scoring import SUFFIXES, image_files
from assay.sources import manifests
from assay.sources.folder import Folder
from assay.sources.photos import Photos

LABELS_FILE = "labels.csv"
SIDE = 384
"""Of a made image, pixels."""
MOST_MADE = 2000
"""Made images in memory, about 60 MB; further requests begin again with the first."""
BUNDLED = "bundled photographs"


@dataclass(frozen=True, slots=True)
class Upload:
    """One image as it is sent."""

    name: str
    data: bytes
    expected: Label | None = None
    """The truth, where somebody knows it."""
    group: str = ""
    """Images of one group are no independent observations: crops of one photograph."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """What is sent, in turn, and what is not."""

    images: tuple[Upload, ...]
    origin: str
    """Where they come from, in words."""
    rejected: tuple[Rejected, ...] = ()
    """Listed images that cannot be sent, with the reason."""


def of_folder(folder: Path, count: int) -> Uploads:
    """The first ``count`` images of ``folder``, bytes untouched: a damaged one is sent as it is.

    Raises `SchemaViolation` where labels are given and malformed, `DataError` without any image,
    `ConfigError` without the folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}; name one with images")
    source = _labelled(folder)
    found = _samples(source) if source else _plain(folder)
    images, rejected = list[Upload](), list[Rejected]()
    for one in found:
        if isinstance(one, Rejected):
            rejected.append(one)
        elif len(images) < count:
            images.append(one)
        else:
            break
    if not images:
        why = f": {rejected[0].image_id}: {rejected[0].reason}" if rejected else ""
        raise DataError(
            f"{folder} holds no image to send ({', '.join(sorted(SUFFIXES))}){why}; name another"
        )
    return Uploads(tuple(images), str(folder), tuple(rejected))


def bundled(count: int, seed: int, workers: int | None, progress: Progress) -> Uploads:
    """``count`` distinct JPEGs of `SIDE` x `SIDE`, at most `MOST_MADE`; every second one is edited.

    Another ``seed`` makes others. An authentic image has been through what edited ones have been
    through (`assay.pairs`), but is no edited one's own twin: the two would be near-duplicates.
    """
    count = min(count, MOST_MADE)
    samples = list(
        islice(Photos(crop_size=SIDE, seed=seed).fetch(), count + 1)
    )  # two at least: one edit needs a donor
    made = parallel_map(partial(_made, samples, seed), range(count), workers)
    images = []
    for number, upload in enumerate(made, 1):
        images.append(upload)
        progress(number, count, "images to send")
    return Uploads(tuple(images), f"{BUNDLED}, seed {seed}")


def _made(samples: Sequence[Sample], seed: int, number: int) -> Upload:
    edits = [name for name, edit in manipulations.manipulations().items() if edit.material]
    photograph, donor = (samples[(number + step) % len(samples)] for step in (0, 1))
    edit = edits[number // 2 % len(edits)]
    own = seed * MOST_MADE + number
    sample = pairs.make_pair(photograph, donor, edit, own, SIDE)[number % 2 == 0]
    return Upload(f"{sample.image_id}.jpg", sample.image, sample.label, sample.group)


def _labelled(folder: Path) -> Folder | None:
    """The source that knows the labels of ``folder``; None where nobody has given any.

    A sub-folder whose name is nearly a label's counts as a label, so that its misspelling is told.
    """
    if (folder / LABELS_FILE).is_file():
        return Folder(path=folder, manifest=LABELS_FILE)
    has_manifest = any((folder / f"manifest{suffix}").is_file() for suffix in manifests.READERS)
    names = [path.name for path in folder.iterdir() if path.is_dir()]
    is_sorted = any(did_you_mean(name, manifests.LABELS) for name in names)
    return Folder(path=folder) if has_manifest or is_sorted else None


def _samples(source: Folder) -> Iterator[Upload | Rejected]:
    for one in source.fetch():
        if isinstance(one, Rejected):
            yield one
        else:
            yield Upload(one.image_id, one.image, one.label, one.group or one.image_id)


def _plain(folder: Path) -> Iterator[Upload]:
    for file in image_files(folder):
        yield Upload(file.relative_to(folder).as_posix(), file.read_bytes())
