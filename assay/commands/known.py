"""`known import | list | lookup | remove`: images of fact-checks that new ones are looked up in."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.commands import Answer, group, verb

if TYPE_CHECKING:
    from assay.known_images import KnownImage, KnownImages

_SHOWN = 50


def add(things: Any) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "known", "images that fact-checks have shown: keep them, look one up")
    read = verb(verbs, "import", "take in the images of AMMeBa's csv files", _import)
    read.add_argument("path", type=Path, help="a folder or a zip with the csv files")
    read.add_argument("--images", type=Path, help="a folder of image files named by image_id")
    listing = verb(verbs, "list", "what is known, the newest first", _list)
    listing.add_argument("--limit", type=int, default=_SHOWN)
    lookup = verb(verbs, "lookup", "in which fact-checks an image was seen", _lookup)
    lookup.add_argument("image", type=Path)
    remove = verb(verbs, "remove", "forget an image in all of its fact-checks", _remove)
    remove.add_argument("image_id")


def _import(options: argparse.Namespace) -> Answer:
    from assay import known_import
    from assay.progress import bar

    bank = _bank()
    with bar() as progress:
        counts = known_import.from_ammeba(bank, options.path, options.images, progress)
    lines = [f"{count:,} {what}" for what, count in counts.items() if count]
    return {**counts, "known": len(bank)}, [*lines, f"{len(bank):,} are known now"]


def _list(options: argparse.Namespace) -> Answer:
    from assay.reports import stored

    newest = sorted(_bank().entries(), key=lambda one: -one.id)
    shown = newest[: options.limit]
    facts = [_facts(one) for one in shown]
    return facts, [stored.known_images(shown), f"{len(shown):,} of {len(newest):,}"]


def _lookup(options: argparse.Namespace) -> Answer:
    from assay import images
    from assay.image_hashes import ImageHashes
    from assay.reports import stored

    hashes = ImageHashes.of(images.decode(options.image.read_bytes()).pixels)
    found = _bank().near(hashes)
    facts = [
        {**_facts(one.known), "average_distance": one.average_distance,
         "phash_distance": one.phash_distance}
        for one in found
    ]  # fmt: skip
    if not found:
        why = "seen in no fact-check" if hashes.tells else "too little structure to be looked up"
        return facts, [why]
    return facts, [stored.known_images([one.known for one in found])]


def _remove(options: argparse.Namespace) -> Answer:
    removed = _bank().remove(options.image_id)
    return {"removed": removed}, [f"removed {options.image_id} ({removed:,} entries)"]


def _bank() -> KnownImages:
    from assay import known_images

    return known_images.KnownImages(known_images.place())


def _facts(one: KnownImage) -> dict[str, Any]:
    average, phash = one.hashes.as_hex()
    return {
        "id": one.id,
        "image_id": one.image_id,
        "fact_check_url": one.fact_check_url,
        "title": one.title,
        "review_date": one.review_date,
        "average_hash": average,
        "phash": phash,
        "digest": one.digest,
    }
