"""A dataset: a directory of Parquet shards with image bytes, read without filling memory.

Beside the shards ``dataset.json`` states the version, the settings, the rows by label, the licences
and what was rejected. `assay.dataset_builder` writes such directories.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, model_validator

from assay.engines import Engine
from assay.errors import DataError, SplitLeakage, StorageError
from assay.records import BASIC_SPLITS, Label, Sample, Split, sample_schema
from assay.sample_shards import opened, read_batches, stored_batches, to_sample
from assay.settings import Seed, Settings

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "dataset.json"
_BYTES = ("image", "mask")
_BATCH_ROWS = 32
_DECODED_ROWS = 16
_TABLE_BATCH_ROWS = 65_536


class DataSettings(Settings):
    """Which samples, from where, edited how, and how they are split."""

    source: str = "photos"
    options: dict[str, Any] = Field(default_factory=dict)
    """The source's own options."""
    manipulations: tuple[str, ...] | None = None
    """Edits for aligned pairs, dealt in turn; one that is listed twice is dealt twice as often.

    None takes all, once each, for a source of raw material, and none for others.
    """
    pairs_per_sample: int = Field(1, ge=1)
    """Pairs, each of another manipulation, that are made of one authentic sample."""
    pair_size: int = Field(224, ge=32, le=4096)
    """Width and height of a pair's images in pixels."""
    validation_share: float = Field(0.2, ge=0, lt=1)
    """Of all rows, where the source names no validation split."""
    test_share: float = Field(0.25, ge=0, lt=1)
    """Of all rows, where the source names no test split."""
    seed: Seed = 0
    limit: int | None = Field(None, ge=1)
    """At most this many samples of the source; None takes all."""
    workers: int | None = Field(None, ge=1)
    """Processes; None takes one a core. The result does not depend on it."""
    engine: Engine = Engine.PROCESSES
    """What runs the stages that read, check and measure images; nor does it depend on this."""

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> DataSettings:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave no training rows; lower them")
        return self


class _Manifest(BaseModel):
    """What every `MANIFEST` holds."""

    version: str
    rows: int
    rejected: list[dict[Literal["image_id", "reason"], str]]
    counts: dict[str, dict[str, int]]
    settings: dict[str, Any] = {}


class Dataset:
    """An existing dataset directory; raises `StorageError` where there is none."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self._manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
            _Manifest.model_validate(self._manifest, strict=True)
        except (OSError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise StorageError(f"{path} is no dataset ({reason}); build it again") from error

    @property
    def version(self) -> str:
        """Hash of all rows, whatever their order."""
        return str(self._manifest["version"])

    @property
    def created_at(self) -> str:
        """When it was built, ISO 8601 in UTC; empty where that is not known."""
        return str(self._manifest.get("created_at", ""))

    @property
    def settings(self) -> dict[str, Any]:
        """The `DataSettings` that it was built by, as JSON."""
        return dict(self._manifest.get("settings", {}))

    @property
    def rejected(self) -> list[dict[str, str]]:
        """The ``image_id`` and ``reason`` of each row that could not be used."""
        return list(self._manifest["rejected"])

    def __len__(self) -> int:
        return int(self._manifest["rows"])

    def table(self, columns: Sequence[str] | None = None, split: Split | None = None) -> pa.Table:
        """The ``columns`` (None: all but image and mask bytes) of a split, or of all."""
        small = [name for name in sample_schema().names if name not in _BYTES]
        return read_table(self.path, small if columns is None else columns, split)

    def samples(self, split: Split | None = None) -> Iterator[Sample]:
        """Stream the samples of a split, or of all, a few in memory at a time."""
        for batch in read_batches(self.path, sample_schema().names, split, _BATCH_ROWS):
            yield from map(to_sample, batch.to_pylist())

    def find(self, image_ids: Collection[str]) -> Iterator[Sample]:
        """Stream the samples that are called ``image_ids``, in stored order; unknown ids are none.

        Shards without any of them stay closed, and no other row is kept.
        """
        for batch in find_batches(self.path, image_ids):
            yield from map(to_sample, batch.to_pylist())

    def summary(self) -> dict[str, Any]:
        """Version, rows, rejected rows, and rows by label, manipulation, split and dataset."""
        return {
            "version": self.version,
            "rows": len(self),
            "rejected": len(self.rejected),
            **self._manifest["counts"],
        }

    def check_splits(self) -> None:
        """Raise `SplitLeakage` if a group stands in two splits."""
        check_splits(self.table(["group", "split"]))

    def check_trainable(self, splits: Sequence[Split] = BASIC_SPLITS) -> None:
        """Raise `DataError` if one of ``splits`` lacks authentic images, or lacks others.

        A model is fitted on the first, calibrated on the second and judged on the third; each
        needs both sides of the verdict.
        """
        for split in splits:
            labels = set(self.table(["label"], split)["label"].to_pylist())
            lacking = [] if Label.AUTHENTIC.value in labels else ["authentic"]
            lacking += [] if labels - {Label.AUTHENTIC.value} else ["manipulated or synthesized"]
            if lacking:
                raise DataError(
                    f"the {split.value} split holds no {' and no '.join(lacking)} images; add "
                    "images of other groups, or change data.validation_share or data.test_share"
                )


def read_table(path: Path, columns: Sequence[str], split: Split | None = None) -> pa.Table:
    """The ``columns`` of all shards in ``path``, or of their rows in ``split``."""
    import pyarrow as pa

    schema = pa.schema([sample_schema().field(name) for name in columns])
    batches = read_batches(path, columns, split, _TABLE_BATCH_ROWS)
    return pa.Table.from_batches((batch.cast(schema) for batch in batches), schema)


def find_batches(path: Path, image_ids: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Stream the rows of the shards in ``path`` that are called ``image_ids``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(sorted(image_ids), pa.string())
    for file in sorted(path.glob("*.parquet")):
        with opened(file) as shard:
            if not pc.any(pc.is_in(shard.read(["image_id"])["image_id"], wanted)).as_py():
                continue
            for batch in stored_batches(shard, _DECODED_ROWS, sample_schema().names):
                yield batch.filter(pc.is_in(batch["image_id"], wanted))


def check_splits(table: pa.Table) -> None:
    """Raise `SplitLeakage` if a value of ``group`` stands beside two of ``split``."""
    splits: dict[str, set[str]] = {}
    for group, split in zip(table["group"].to_pylist(), table["split"].to_pylist(), strict=True):
        splits.setdefault(group, set()).add(split)
    torn = {group: sorted(names) for group, names in splits.items() if len(names) > 1}
    if torn:
        group, names = min(torn.items())
        raise SplitLeakage(
            f"{len(torn)} groups stand in two splits ({group!r} in {' and '.join(names)}); "
            "give all rows of a group one split"
        )


def row_digest(row: dict[str, Any]) -> str:
    """SHA-256 of every field of a row, each with its length so that no two rows read alike."""
    digest = hashlib.sha256()
    for name in sample_schema().names:
        value = row[name] if isinstance(row[name], bytes) else row[name].encode()
        digest.update(len(value).to_bytes(8, "big"))
        digest.update(value)
    return digest.hexdigest()
