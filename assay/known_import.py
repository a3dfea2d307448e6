"""Known images from AMMeBa's csv files, with the images themselves where a folder holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from assay import images
from assay.ammeba import known as ammeba
from assay.errors import DataError
from assay.image_hashes import ImageHashes
from assay.images import MAX_BYTES
from assay.known_images import KnownImage, KnownImages
from assay.progress import Progress, silent

_EVERY = 1000
IMPORTED, WITH_IMAGE = "imported", "of them with their image"
NO_HASH, TOO_FLAT = "left out: no hash was published", "left out: too little structure"
UNREADABLE, ANOTHER = "images that cannot be read", "images that are not what was hashed"


def from_ammeba(
    bank: KnownImages, place: Path, pictures: Path | None = None, progress: Progress = silent
) -> dict[str, int]:
    """Add what AMMeBa's csv files in ``place`` know, all or nothing; counts by what became of it.

    ``pictures`` holds files named after their image_id. One whose own hashes are far from the
    published is not kept: it is another image by now. Raises as `assay.ammeba.known.known_images`.
    """
    files = {file.stem: file for file in pictures.iterdir()} if pictures else {}
    counts: Counter[str] = Counter({IMPORTED: 0})
    counts[IMPORTED] = bank.add(_entries(bank, place, files, counts, progress))
    return dict(counts)


def _entries(
    bank: KnownImages, place: Path, files: dict[str, Path], counts: Counter[str], progress: Progress
) -> Iterator[KnownImage]:
    for done, row in enumerate(ammeba.known_images(place)):
        if not done % _EVERY:
            progress(done, 0, "reading known images")
        hashes = ImageHashes.from_hex(row.average_hash, row.phash)
        if hashes is None:
            counts[NO_HASH] += 1
        elif not hashes.tells:
            counts[TOO_FLAT] += 1
        else:
            entry = KnownImage(
                row.image_id, row.fact_check_url, row.fact_check_title, row.review_date, hashes
            )
            file = files.get(row.image_id)
            yield entry if file is None else _with_image(bank, entry, file, counts)


def _with_image(
    bank: KnownImages, entry: KnownImage, file: Path, counts: Counter[str]
) -> KnownImage:
    if file.stat().st_size > MAX_BYTES:
        counts[UNREADABLE] += 1
        return entry
    data = file.read_bytes()
    try:
        found = ImageHashes.of(images.decode(data).pixels)
    except DataError:
        counts[UNREADABLE] += 1
        return entry
    if not found.is_near(entry.hashes):
        counts[ANOTHER] += 1
        return entry
    counts[WITH_IMAGE] += 1
    return bank.keep_image(entry, data)
