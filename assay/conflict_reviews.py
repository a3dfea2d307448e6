"""Conflicts of a dataset, handed to the review of a running service, so that people vote on them.

Their votes come back as all labels do: by the loop, or by ``retrain``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from assay.conflicts import FOLDER, KIND, Conflict, of
from assay.dataset import Dataset
from assay.errors import SourceUnavailable
from assay.load.client import Deployment
from assay.progress import Progress, silent
from assay.sample_shards import read_batches

_BATCH_ROWS = 32
_LONGEST = 2000
"""Characters of a note that the service takes."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A conflict that a service has taken: where its moderators find it."""

    pixels: str
    capture_id: str


def send(dataset: Dataset, service: Deployment, progress: Progress = silent) -> Iterator[Sent]:
    """Hand one image of each conflict to ``service``, and report it, so that people vote on it.

    What was sent is written down beside the images, so that none is judged or reported twice.
    Raises `SourceUnavailable` where the service does not take one.
    """
    conflicts = of(dataset)
    address = hashlib.sha256(service.url.encode()).hexdigest()[:16]
    listing = dataset.path / FOLDER / f"sent-{address}.txt"
    known = _read(listing)
    for done, (conflict, image) in enumerate(_pictured(dataset, conflicts), 1):
        if conflict.pixels not in known:
            known[conflict.pixels] = _sent(conflict, image, dataset.version, service)
            with listing.open("a", encoding="ascii") as lines:
                lines.write(f"{conflict.pixels} {known[conflict.pixels]}\n")
        progress(done, len(conflicts), "sending conflicts")
        yield Sent(conflict.pixels, known[conflict.pixels])


def _sent(conflict: Conflict, image: bytes, version: str, service: Deployment) -> str:
    """The capture under which ``service`` has the image now, reported."""
    name, note = f"{KIND}/{version}/{conflict.pixels}", str(conflict)[:_LONGEST]
    key = hashlib.sha256(f"{service.url} {name}".encode()).hexdigest()
    fields = {"caption": f"In conflict: {note}", "external_id": name}
    reply = service.detect(image, fields, idempotency=key)
    capture = str(reply.found.get("id", ""))
    if not reply.error:
        said = {"reporter": name, "reason": KIND, "note": note}
        reply = service.ask("POST", f"/v1/detections/{capture}/report", said)
    if reply.status != HTTPStatus.NO_CONTENT:
        raise SourceUnavailable(
            f"{service.url} does not take {conflict.labels[0][0]}: {reply.error}; "
            "the same command goes on where it stopped"
        )
    return capture


def _read(listing: Path) -> dict[str, str]:
    if not listing.exists():
        return {}
    lines = (line.split() for line in listing.read_text(encoding="ascii").splitlines())
    return {words[0]: words[1] for words in lines if len(words) == len(("pixels", "capture"))}


def _pictured(dataset: Dataset, conflicts: Iterable[Conflict]) -> Iterator[tuple[Conflict, bytes]]:
    """Each conflict with the bytes of one of its images; a few are in memory at a time."""
    left = {conflict.pixels: conflict for conflict in conflicts}
    for batch in read_batches(dataset.path / FOLDER, ["group", "image"], None, _BATCH_ROWS):
        for row in batch.to_pylist():
            if conflict := left.pop(row["group"], None):
                yield conflict, row["image"]
