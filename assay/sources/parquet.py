"""Parquet shards with a column of images and one of labels, as Hugging Face publishes datasets.

An image is binary, or a struct with ``bytes`` (the feature ``Image``). A label is a name, or a
number whose name stands in the shard's metadata (the feature ``ClassLabel``); `labels` says what it
means here. A shard's name begins with its split: ``train-00000-of-00002.parquet``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from assay import hub, images
from assay.errors import SchemaViolation, did_you_mean
from assay.records import Label, Rejected, Sample, Split
from assay.sources import Source
from assay.sources.files import state
from assay.sources.manifests import LABELS, SPLITS, is_showable

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROWS = 64
_BYTES = 64 * 2**20
"""Of rows in memory at once, but for a single row that is longer."""


class Parquet(Source):
    """A folder of shards; its methods raise `SchemaViolation` where one lacks a column."""

    name: ClassVar[str] = "parquet"

    path: hub.Folder
    """The folder, with shards at any depth, or the name of a dataset (`assay.hub`)."""
    image_column: str = "image"
    label_column: str = "label"
    labels: dict[str, Label] = Field(default_factory=lambda: dict(LABELS))
    """What the dataset calls its labels, and which of ours each is."""
    manipulation: str = ""
    """Name of what was done to all images that are not authentic, such as a generator's."""
    licence: str = ""
    """Of all images, if they share one."""

    def fetch(self, since: str | None = None) -> Iterator[Sample | Rejected]:
        """Yield the images, bytes untouched, in stored order. ``since`` is ignored.

        So a limit takes the first rows: where they are of one label, name shards that mix.
        """
        folder = hub.folder(self.path)
        for shard in _shards(folder):
            yield from self._rows(folder, shard)

    def fingerprint(self) -> str:
        """A hash of the options, and of the name, size and time of each shard."""
        folder = hub.folder(self.path)
        digest = hashlib.sha256(self.model_dump_json(exclude={"path"}).encode())
        for shard in _shards(folder):
            digest.update(f"{shard.relative_to(folder)}\0{state(shard)}\0".encode())
        return digest.hexdigest()

    def _rows(self, folder: Path, shard: Path) -> Iterator[Sample | Rejected]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        where = shard.relative_to(folder).as_posix()
        split = _split(shard)
        try:
            with pq.ParquetFile(shard) as file:
                names = self._names(file.schema_arrow, where)
                for number, row in enumerate(_read(file, self._columns)):
                    yield self._sample(f"{where}:{number}", row, names, split)
        except (pa.ArrowException, OSError) as error:
            raise SchemaViolation(f"{where}: {error}; download the shard again") from error

    @property
    def _columns(self) -> tuple[str, str]:
        return self.image_column, self.label_column

    def _names(self, schema: pa.Schema, where: str) -> Sequence[str]:
        """The names of a shard's numbered labels; none where they are names already."""
        for column in self._columns:
            if column not in schema.names:
                hint = did_you_mean(column, schema.names)
                raise SchemaViolation(
                    f"{where}: no column {column!r}{hint}; name it in the options"
                )
        return _class_names(schema.metadata or {}, self.label_column)

    def _sample(
        self, image_id: str, row: Mapping[str, Any], names: Sequence[str], split: Split | None
    ) -> Sample | Rejected:
        image, name = row[self.image_column], _label_name(row[self.label_column], names)
        data = image.get("bytes") if isinstance(image, dict) else image
        if name not in self.labels:
            told = f"unknown label: {name[:80]!r}{did_you_mean(name[:80], self.labels)}"
            return Rejected(image_id, f"{told}; say what it means in the option labels")
        if not isinstance(data, bytes):
            return Rejected(image_id, "no image: the shard holds no bytes of it")
        if len(data) > images.MAX_BYTES:
            return Rejected(image_id, f"too large: it exceeds {images.MAX_BYTES:,} bytes")
        label = self.labels[name]
        return Sample(
            image_id=image_id,
            image=data,
            label=label,
            manipulation="" if label is Label.AUTHENTIC else self.manipulation,
            source=self.name,
            dataset=hub.title(self.path),
            split=split,
            licence=self.licence,
        )


def _shards(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("*.parquet") if p.is_file() and p.name[0] != ".")
    if not found:
        raise SchemaViolation(f"{folder} holds no Parquet file; name a folder that does")
    for shard in found:
        if not is_showable(str(shard.relative_to(folder))):
            raise SchemaViolation(f"{str(shard)!a} holds control characters; rename it")
    return found


def _split(shard: Path) -> Split | None:
    return SPLITS.get(re.split(r"[-_.]", shard.name)[0].lower())


def _read(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(_rows_at_once(file), columns=list(columns)):
        yield from batch.to_pylist()


def _rows_at_once(file: pq.ParquetFile) -> int:
    """As many rows of the largest kind as `_BYTES` hold, decompressed."""
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    longest = max((one.total_byte_size / max(1, one.num_rows) for one in groups), default=0)
    return max(1, min(_ROWS, int(_BYTES / max(1, longest))))


def _class_names(metadata: Mapping[bytes, bytes], column: str) -> tuple[str, ...]:
    """The names of a ClassLabel, from where the `datasets` library keeps them."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        names = features[column]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _label_name(value: Any, names: Sequence[str]) -> str:
    """What a label is called; a number without a name is called by itself."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return names[value] if is_number and 0 <= value < len(names) else str(value)
