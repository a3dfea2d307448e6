"""Kept images once more, before another model than the one that answered them.

Scores are journalled by the pixels of the image and kept beside the model's digest: a replay that
was killed goes on, and the next one, under another policy or of another span, asks only for what is
new.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay import ledger
from assay.detector import Detector
from assay.errors import StorageError
from assay.examination import examined_photos, in_batches
from assay.fingerprints import code_fingerprint, content_hash
from assay.fusion import Fusion
from assay.journal import Journal, Row
from assay.policy import as_row
from assay.progress import Progress, silent
from assay.records import Label, Photo, Verdict
from assay.scoring import Item, decoded

logger = logging.getLogger(__name__)

ImageOf = Callable[[str], bytes | None]
"""The bytes of a capture's image, None where it was not kept."""


@dataclass(frozen=True, slots=True)
class Rescored:
    """What a model says of an image that it did not answer, or why it says nothing."""

    probabilities: tuple[float, float, float] = (1.0, 0.0, 0.0)
    """In the order of `Label`, by the model's own calibration."""
    lacks_evidence: bool = False
    """Nothing could be measured, so people are asked whatever the score."""
    error: str = ""


def rescore(
    model: Path,
    wanted: Mapping[str, str],
    image_of: ImageOf,
    folder: Path,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Rescored]:
    """What the model folder ``model`` says of images: by pixel digest, as ``wanted`` names them.

    ``wanted`` gives the capture of each pixel digest. Evidence is measured in ``workers`` processes
    (None: all cores); the journal lies in ``folder``. Raises `StorageError` while another replay of
    the same model runs, and what `Detector.load` raises.
    """
    if not wanted:
        return {}
    made_from = {"model": content_hash(model), "code": code_fingerprint()}
    with Journal.beside(folder / made_from["model"][:16], made_from) as journal:
        left = {digest: name for digest, name in wanted.items() if digest not in journal.done}
        done = len(wanted) - len(left)
        progress(done, len(wanted), "replay images")
        detector = Detector.load(model) if left else None
        for batch in in_batches(examined_photos(decoded, _items(left, image_of), workers)):
            assert detector is not None  # noqa: S101 (something is left)
            journal.append(_rows(batch, detector))
            done += len(batch)
            progress(done, len(wanted), "replay images")
        return {row["key"]: _read(row) for row in journal.rows() if row["key"] in wanted}


def hears_the_model(fusion: Fusion | None) -> bool:
    """Whether a model's own word counts beside the evidence."""
    return fusion is None or fusion.hears_the_model


def _items(wanted: Mapping[str, str], image_of: ImageOf) -> Iterator[Item]:
    for digest, name in wanted.items():
        try:
            content = image_of(name)
        except StorageError as error:
            logger.warning("capture %s is left out: %s", name, error)
            content = None
        yield Item(name, digest, content or b"")


def _rows(batch: list[tuple[Item, Photo | str]], detector: Detector) -> list[Row]:
    photos = [photo for _, photo in batch if isinstance(photo, Photo)]
    verdicts = iter(detector.detect(photos) if photos else ())
    is_heard = hears_the_model(detector.fusion)
    return [
        {"key": item.key, "error": photo or "unreadable"}
        if isinstance(photo, str)
        else {"key": item.key, **_said(next(verdicts), is_heard)}
        for item, photo in batch
    ]


def _said(verdict: Verdict, is_heard: bool) -> Row:
    lacks = not is_heard and not ledger.is_evidence(verdict.findings)
    shares = [float(verdict.probabilities[label]) for label in Label]
    return {"probabilities": shares, "lacks_evidence": lacks}


def _read(row: Row) -> Rescored:
    if error := row.get("error"):
        return Rescored(error=error)
    return Rescored(as_row(row["probabilities"]), row["lacks_evidence"])
