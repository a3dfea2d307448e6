"""From what people said of a span's captures to what is learned from, every step written down."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from assay.dataset_shards import write_rows
from assay.errors import NotCaptured
from assay.label_intake import deciding, placing, quarantine
from assay.label_intake.deciding import Judged, Seen
from assay.label_intake.grouping import older_images
from assay.label_intake.ledger import (
    Conflict,
    Dropped,
    Intake,
    IntakeSettings,
    LeftOut,
    Reason,
    Taken,
)
from assay.label_intake.placing import Notes, Parties, Placed
from assay.records import Sample, Split
from assay.sample_shards import to_row
from assay.sources.captures import LISTING, ROWS, Captures, Listing

if TYPE_CHECKING:
    from assay.dataset import Dataset
    from assay.store import Capture, Store

logger = logging.getLogger(__name__)

LEDGER = "intake.json"
"""The whole `Intake`, beside what the source reads."""
_PREFIX = "capture-"
_LICENCE = "a platform's traffic"
_SHARD_ROWS = 128
_ASKED_AT_ONCE = 500
_SHARD_BYTES = 16 * 2**20


def collect(
    store: Store,
    base: Dataset,
    since: datetime,
    until: datetime,
    settings: IntakeSettings,
    folder: Path,
    who: str = "intake",
) -> Intake:
    """What people labelled of the captures until ``until``, served or judged since ``since``.

    Labels of those who are trusted by now may have been set aside before: these are read again.
    Written to ``folder``, for `Intake.data` to build a dataset with the rows of ``base``; doing it
    again replaces it. Conflicts are opened for review again, and the audit log says that ``who``
    took labels in, and whose were set aside. Raises `StoreUnavailable`, and ValueError for a span
    without any time.
    """
    notes = Notes()
    images = store.labelled_images.between(since, until, settings.trusted)
    seen = deciding.grouped(list(images))
    aside = quarantine.find(list(deciding.said(seen)), settings)
    judged = _judged(seen, {one.who for one in aside}, notes)
    found = _placed(store, base, judged, settings, notes)
    taken = _write(store, [_taken(one, settings) for one in found], base, folder, notes)
    intake = Intake(
        base=base.version,
        base_path=base.path.resolve(),
        path=folder.resolve(),
        since=since,
        until=until,
        taken=tuple(taken),
        left_out=tuple(notes.left_out),
        quarantined=tuple(aside),
        conflicts=tuple(_reopened(store, one, who) for one in notes.conflicts),
        dropped=tuple(notes.dropped),
    )
    _replace(folder / LEDGER, intake.model_dump_json(indent=1))
    _log(store, intake, who)
    return intake


def load(folder: Path) -> Intake:
    """The intake that was written to ``folder``."""
    return Intake.model_validate_json((folder / LEDGER).read_bytes())


def forget_images(folder: Path) -> None:
    """Leave nothing of what was written to ``folder`` but who said what of which capture.

    For when a dataset holds the images: a second copy is one more for a deletion to miss.
    """
    (folder / LISTING).unlink(missing_ok=True)  # first: it says that the rows are there
    shutil.rmtree(folder / ROWS, ignore_errors=True)


def _judged(seen: Sequence[Seen], aside: set[str], notes: Notes) -> list[Judged]:
    judged: list[Judged] = []
    for one in seen:
        match deciding.judge(one, aside):
            case Judged() as agreed:
                judged.append(agreed)
            case LeftOut() as out:
                notes.left_out.append(out)
            case labels:
                notes.disagree(one.shown.id, labels)
    return judged


def _placed(
    store: Store, base: Dataset, judged: Sequence[Judged], settings: IntakeSettings, notes: Notes
) -> list[Placed]:
    """What may enter beside ``base``, in its splits and within the shares of its parties."""
    notes.dropped += _forgotten(store, base)
    older = older_images(base, {one.image_id for one in notes.dropped}, settings.workers)
    new = placing.without_known(judged, older, Captures.name, notes)
    found = placing.placed(new, older, notes)
    return placing.held_to_shares(found, older, _parties(store, base), settings, notes)


def _reopened(store: Store, conflict: Conflict, who: str) -> Conflict:
    """``conflict``, put before people again."""
    is_reopened = store.review.dispute(conflict.capture_id, who, conflict.labels)
    return conflict.model_copy(update={"is_reopened": is_reopened})


def _forgotten(store: Store, base: Dataset) -> list[Dropped]:
    """Rows of ``base`` whose capture was deleted since."""
    rows = base.table(["image_id", "source"]).to_pylist()
    names = {
        row["image_id"].removeprefix(_PREFIX): row["image_id"]
        for row in rows
        if row["source"] == Captures.name
    }
    found: dict[str, Capture] = {}
    unasked = iter(names)
    while some := list(islice(unasked, _ASKED_AT_ONCE)):
        found |= store.captures.find_all(some)
    gone = [name for name in names if name not in found or found[name].deleted_at is not None]
    return [Dropped(image_id=names[name], reason="its capture was deleted") for name in gone]


def _parties(store: Store, base: Dataset) -> Parties:
    """Who stands behind the captures that ``base`` is learned from already."""
    rows = store.lineage.parties(base.version)
    return Parties(Counter(row.client for row in rows), Counter(row.labeller for row in rows))


def _taken(one: Placed, settings: IntakeSettings) -> Taken:
    judged, shown = one.judged, one.judged.seen.shown
    return Taken(
        image_id=f"{_PREFIX}{shown.id}",
        capture_id=shown.id,
        image_digests={each.id: each.image_digest for each in judged.seen.image.captures},
        client=shown.client,
        label=judged.label,
        labeller=judged.labeller,
        labellers=tuple(sorted({vote.who for vote in judged.votes})),
        decided_at=judged.votes[-1].created_at,
        captured_at=judged.seen.image.captures[0].created_at,
        model_version=shown.model_version,
        model_label=shown.label,
        score=shown.score,
        weight=judged.seen.weight(settings.max_weight),
        group=one.group,
        split=one.split or Split.TRAIN,
    )


def _write(
    store: Store, taken: Sequence[Taken], base: Dataset, folder: Path, notes: Notes
) -> list[Taken]:
    """Write the images and their listing, the listing last; those that were written."""
    forget_images(folder)
    (folder / ROWS).mkdir(parents=True)
    written: list[Taken] = []
    digests: list[str] = []
    for number, shard in enumerate(_shards(_with_images(store, taken, notes))):
        rows = [to_row(sample) for _, sample in shard]
        digests += write_rows(folder / ROWS / f"{number:05d}.parquet", rows).digests
        written += [one for one, _ in shard]
    dropped = tuple(one.image_id for one in notes.dropped)
    listing = Listing(base=base.version, dropped=dropped, rows=tuple(digests))
    _replace(folder / LISTING, listing.model_dump_json(indent=1))
    return written


def _with_images(
    store: Store, taken: Sequence[Taken], notes: Notes
) -> Iterator[tuple[Taken, Sample]]:
    for one in taken:
        try:
            image = store.captures.image(one.capture_id)
        except NotCaptured:
            image = None
        if image is None:
            notes.leave_out(one.capture_id, Reason.NOT_KEPT)
        else:
            yield one, _sample(one, image)


def _sample(one: Taken, image: bytes) -> Sample:
    return Sample(
        image_id=one.image_id,
        image=image,
        label=one.label,
        source=Captures.name,
        dataset=Captures.name,
        group=one.group,
        split=one.split,
        licence=_LICENCE,
        published_at=one.captured_at.isoformat(),
    )


def _shards(rows: Iterator[tuple[Taken, Sample]]) -> Iterator[list[tuple[Taken, Sample]]]:
    unit: list[tuple[Taken, Sample]] = []
    size = 0
    for row in rows:
        unit.append(row)
        size += len(row[1].image)
        if len(unit) == _SHARD_ROWS or size >= _SHARD_BYTES:
            yield unit
            unit, size = [], 0
    if unit:
        yield unit


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)


def _log(store: Store, intake: Intake, who: str) -> None:
    for one in intake.quarantined:
        details = {"labels": one.labels, "observed": one.observed, "pattern": one.pattern}
        store.audit.record(who, "labels.quarantine", one.who, **details)
        logger.warning("set aside: %s", one.sentence)
    counts = {"taken": len(intake.taken), "left_out": len(intake.left_out)}
    store.audit.record(who, "labels.intake", intake.base, **counts)
    logger.info(intake.sentence)
