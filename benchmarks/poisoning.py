"""What one poisoning key can do to what is learned: its share of it, and how far scores move.

    python -m benchmarks.poisoning

A platform's store with honest moderators and one key that uploads and mislabels twice as many
images. Labels are taken in by the real intake, and a calibration is moved by them as `recalibrate`
moves it; the model's scores are simulated, calibrated, with room for both mistakes. Told for a key
that flips every label, a third, or a fifth, which is too few to stand out, and without any guard.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assay import images, intake
from assay.calibration import Calibration, recalibrate
from assay.dataset import Dataset
from assay.dataset_builder import finish
from assay.dataset_shards import write_rows
from assay.label_intake import Intake, IntakeSettings
from assay.label_intake.collecting import collect
from assay.records import Label, Sample, Split
from assay.sample_shards import to_row
from assay.store import Capture, HumanLabel, Store, StoreSettings, Vote
from benchmarks.figures import Figure, report

GUARDED = IntakeSettings(workers=1)
UNGUARDED = IntakeSettings(
    client_share=1, labeller_share=1, trusted=("key:eve",), newest_share=0, workers=1
)
BASE, HONEST, POISON = 400, 240, 480
MODERATORS = ("ada", "bob", "cleo", "dan")
OLD = Calibration(temperature=1.0, threshold=0.5, review_low=0.3, review_high=0.7)

_START = datetime(2026, 1, 5, tzinfo=UTC)
_CLEAN = 4000
_NEVER = -30.0

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shown:
    """One simulated image: its file, the model's score, and the truth."""

    data: bytes
    score: float
    is_fake: bool


def measure() -> Sequence[Figure]:
    """Take in with and without a poisoner, and compare what calibrations say of clean images."""
    with tempfile.TemporaryDirectory() as scratch:
        runs = {
            name: learned(Path(scratch) / name, flips, settings)
            for name, flips, settings in (
                ("clean", None, GUARDED),
                ("flips all", 1.0, GUARDED),
                ("flips a fifth", 0.2, GUARDED),
                ("flips a third", 1 / 3, GUARDED),
                ("no guard", 1.0, UNGUARDED),
            )
        }
    clean = runs["clean"][1]
    figures: list[Figure] = []
    for name, (share, scores) in runs.items():
        limit = None if name in ("clean", "no guard") else 0.25
        moved = float(np.abs(scores - clean).mean())
        figures.append(
            Figure(f"poisoner, {name}: share of what is learned", share, "", None, limit)
        )
        figures.append(Figure(f"poisoner, {name}: mean move of a clean score", moved, "", None,
                              None if limit is None else 0.1))  # fmt: skip
    return figures


def learned(folder: Path, flips: float | None, settings: IntakeSettings) -> tuple[float, _Floats]:
    """The poisoner's share of what is learned from, and scores of clean images after it."""
    rng = np.random.default_rng(7)
    base, known = _base(folder / "base", rng)
    with Store.open(StoreSettings(folder=folder / "store", audit_share=0.0), drain=False) as store:
        votes = [
            (_served(store, shown, "platform"), MODERATORS[number % 4], shown.is_fake)
            for number, shown in enumerate(_shown(rng, HONEST))
        ]
        for shown in _shown(rng, POISON) if flips is not None else ():
            is_fake = shown.is_fake ^ bool(rng.random() < (flips or 0))
            votes.append((_served(store, shown, "eve"), "key:eve", is_fake))
        store.drainer.drain()
        for capture_id, who, is_fake in votes:
            label = HumanLabel.MANIPULATED if is_fake else HumanLabel.AUTHENTIC
            store.feedback.record(capture_id, who, Vote(label))
        span = _START, _START + timedelta(days=1)
        taken = collect(store, base, *span, settings, folder / "labels")
    learned = [one for one in taken.taken if one.split is not Split.NEWEST]
    share = sum(one.client == "eve" for one in learned) / (len(learned) + len(known))
    return share, _after(known, taken)


def _after(known: Sequence[Shown], taken: Intake) -> _Floats:
    """Scores of clean images by the calibration that the labels have moved, ``[n]``."""
    scores = [one.score for one in known] + [
        one.score for one in taken.taken if one.split is not Split.NEWEST
    ]
    labels = [Label.MANIPULATED if one.is_fake else Label.AUTHENTIC for one in known] + [
        one.label for one in taken.taken if one.split is not Split.NEWEST
    ]
    moved = recalibrate(OLD, _logits(scores), labels, [str(n) for n in range(len(scores))])
    clean = np.random.default_rng(8).beta(1, 1, _CLEAN)
    return np.asarray(1 - moved.probabilities(_logits(clean))[:, 0])


def _logits(scores: Sequence[float] | _Floats) -> _Floats:
    odds = np.log(scores) - np.log1p(-np.asarray(scores))
    return np.stack([np.zeros_like(odds), odds, np.full_like(odds, _NEVER)], axis=1)


def _shown(rng: np.random.Generator, count: int) -> list[Shown]:
    """Images of noise, no two alike, with calibrated scores."""
    scores = rng.beta(1, 1, count).clip(0.02, 0.98)
    truth = rng.random(count) < scores
    pixels = rng.integers(0, 256, (count, 24, 24, 3), np.uint8)
    return [
        Shown(images.encode_png(picture), float(score), bool(fake))
        for picture, score, fake in zip(pixels, scores, truth, strict=True)
    ]


def _base(folder: Path, rng: np.random.Generator) -> tuple[Dataset, list[Shown]]:
    """An older dataset, and what it is learned from: all of it but the test split."""
    folder.mkdir(parents=True)
    shown = _shown(rng, BASE)
    splits = [(Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)[n % 4] for n in range(BASE)]
    samples = [
        Sample(
            f"older-{number}", one.data, Label.MANIPULATED if one.is_fake else Label.AUTHENTIC,
            source="folder", dataset="older", group=str(number), split=split,
        )
        for number, (one, split) in enumerate(zip(shown, splits, strict=True))
    ]  # fmt: skip
    written = write_rows(folder / "rows.parquet", list(map(to_row, samples)))
    finish(folder, {}, written.digests, ())
    learned = [one for one, split in zip(shown, splits, strict=True) if split is not Split.TEST]
    return Dataset(folder), learned


def _served(store: Store, shown: Shown, client: str) -> str:
    """The identifier of a capture of ``shown``."""
    facts = intake.identify(shown.data)
    label = Label.MANIPULATED if shown.score >= OLD.threshold else Label.AUTHENTIC
    capture = Capture(
        created_at=_START,
        client=client,
        pixel_digest=facts.pixel_digest,
        pdq=facts.pdq,
        label=label,
        score=shown.score,
        probabilities={},
        needs_review=True,
        model_version="m1",
    )
    return store.captures.append(capture, shown.data).id


if __name__ == "__main__":
    sys.exit(report(measure))
