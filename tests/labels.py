"""Real pictures served and judged, for tests of what is learned from them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assay import images, intake
from assay.dataset import Dataset
from assay.records import Label, Split
from assay.store import Capture, HumanLabel, Store, Vote
from tests.captures import START, capture
from tests.scenes import sample, scene

SINCE, UNTIL = START - timedelta(hours=1), START + timedelta(days=30)


def picture(seed: int, quality: int | None = None) -> bytes:
    """The file of scene ``seed``: PNG, or JPEG of a ``quality``, which is a near-duplicate."""
    pixels = scene(seed, 192, 192)
    return images.encode_png(pixels) if quality is None else images.encode_jpeg(pixels, quality)


def served(store: Store, seed: int, quality: int | None = None, **changes: Any) -> Capture:
    """A capture of scene ``seed`` that has reached the database."""
    data = picture(seed, quality)
    facts = intake.identify(data)
    made = capture(f"scene-{seed}", **{
        "pixel_digest": facts.pixel_digest,
        "pdq": facts.pdq,
        "created_at": START + timedelta(minutes=seed),
        "score": 0.5,
        **changes,
    })  # fmt: skip
    stored = store.captures.append(made, data)
    store.drainer.drain()
    return stored


def labelled(
    store: Store,
    seed: int,
    label: HumanLabel,
    *who: str,
    quality: int | None = None,
    **changes: Any,
) -> Capture:
    """A capture of scene ``seed`` that each of ``who`` (none: ada) called ``label``."""
    made = served(store, seed, quality, **changes)
    for name in who or ("ada",):
        store.feedback.record(made.id, name, Vote(label))
    return made


def base_samples(count: int = 12, first: int = 1000) -> list[Any]:
    """Pictures of an older dataset, labels in turn, six in the training split of twelve."""
    splits = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
    return [
        sample(
            first + number, 192, 192,
            label=Label.MANIPULATED if number % 2 else Label.AUTHENTIC,
            source="folder", dataset="older", group=f"older-{number}",
            split=splits[number // 2 % 4],
        )
        for number in range(count)
    ]  # fmt: skip


def by_split(dataset: Dataset, split: Split) -> set[str]:
    """The names of a split's images."""
    return set(dataset.table(["image_id"], split)["image_id"].to_pylist())
