"""Images that are pixel-equal and have two labels: what becomes of them, and who decides.

Nothing can be learned from such images, so all of them leave a dataset, with their bytes kept
beside it, in the folder `FOLDER`; `assay.conflict_reviews` puts them before people. Images that are
only nearly equal stay: a small difference with another label is what teaches it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.dataset_shards import Candidate, Recipe, Shard
from assay.records import Rejected, Split
from assay.sample_shards import read_batches

if TYPE_CHECKING:
    from assay.dataset import Dataset

FOLDER = "conflicts"
KIND = "conflict"
"""What the reason of each such row begins with."""
SHARD_ROWS = 64

_BATCH_ROWS = 32
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Conflict:
    """Pixel-equal images and what each is called."""

    pixels: str
    """What they have in common: the beginning of the digest of their pixels, 16 hex digits."""
    labels: tuple[tuple[str, str], ...]
    """``image_id`` and label of each."""

    def __str__(self) -> str:
        return "; ".join(f"{image_id} is labelled {label}" for image_id, label in self.labels)


def split_off(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Those without a conflict, in order, and those with one."""
    labels = defaultdict(set)
    for candidate in candidates:
        labels[candidate.picture.digest].add(candidate.label)
    agreed = [c for c in candidates if len(labels[c.picture.digest]) == 1]
    return agreed, [c for c in candidates if len(labels[c.picture.digest]) > 1]


def rejections(conflicting: Sequence[Candidate]) -> Iterator[Rejected]:
    """Each of them as a rejected row that names another and its label."""
    alike = defaultdict(list)
    for candidate in conflicting:
        alike[candidate.picture.digest].append(candidate)
    for candidate in conflicting:
        others = [c for c in alike[candidate.picture.digest] if c.label is not candidate.label]
        named = ", ".join(f"{c.image_id} ({c.label})" for c in others[:_NAMED])
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        yield Rejected(
            candidate.image_id,
            f"{KIND}: labelled {candidate.label}, but has the pixels of {named}{more}; let people "
            "decide (python -m assay datasets conflicts) and label all of them alike",
        )


def plan(conflicting: Sequence[Candidate], folder: Path) -> list[Shard]:
    """The shards that keep their bytes; their group is what they have in common."""
    ordered = sorted(conflicting, key=lambda c: (c.picture.digest, c.image_id))
    recipes = [Recipe(c.place, _pixels(c.picture.digest), c.split or Split.TRAIN) for c in ordered]
    return [
        Shard(folder / FOLDER / f"{start // SHARD_ROWS:05d}.parquet", tuple(part), 0)
        for start in range(0, len(recipes), SHARD_ROWS)
        for part in [recipes[start : start + SHARD_ROWS]]
    ]


def of(dataset: Dataset) -> list[Conflict]:
    """The conflicts that were found when ``dataset`` was built; small columns are read alone."""
    labels: dict[str, list[tuple[str, str]]] = defaultdict(list)
    columns = ["group", "image_id", "label"]
    for batch in read_batches(dataset.path / FOLDER, columns, None, _BATCH_ROWS):
        for row in batch.to_pylist():
            labels[row["group"]].append((row["image_id"], row["label"]))
    return [Conflict(pixels, tuple(sorted(found))) for pixels, found in sorted(labels.items())]


def _pixels(digest: bytes) -> str:
    return digest.hex()[:16]
