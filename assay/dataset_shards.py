"""The two parallel passes of a dataset build; each function here runs in a worker process.

First `spool` checks and hashes a bounded chunk of samples and keeps them in an Arrow file with
random access. Then `write_shard` takes samples, and donors for their edits, out of those files and
writes one Parquet shard. A file that exists is finished, as it was renamed into place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from assay import images
from assay.dataset import row_digest
from assay.duplicates import PerceptualHash, perceptual_hash
from assay.errors import DataError, SchemaViolation, StorageError
from assay.pairs import make_pair
from assay.records import Label, Rejected, Sample, Split, sample_schema
from assay.sample_shards import opened, to_row, to_sample

if TYPE_CHECKING:
    import pyarrow as pa

_REPORT = b"assay.report"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples of a source and the file to keep them in (none if it is finished)."""

    path: Path
    samples: tuple[Sample | Rejected, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sample was spooled to."""

    chunk: Path
    row: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A spooled sample that may enter the dataset: what the plan depends on, without bytes."""

    place: Place
    image_id: str
    label: Label
    dataset: str
    group: str
    split: Split | None
    bytes: int
    """Size of image and mask."""
    picture: PerceptualHash


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one spooled sample enters the dataset: as it is, or edited into a pair."""

    sample: Place
    group: str
    split: Split
    manipulation: str = ""
    donor: Place | None = None
    """The other photograph of an edit; None leaves the sample as it is."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Shard:
    """One Parquet file of the dataset and what goes into it."""

    path: Path
    recipes: tuple[Recipe, ...]
    pair_size: int


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What a finished shard holds: the digest of each row, and what could not be edited."""

    digests: tuple[str, ...]
    rejected: tuple[Rejected, ...]


def spool_schema() -> pa.Schema:
    """The Arrow schema of a spooled sample: its fields, its hash, its bytes, why it is rejected."""
    import pyarrow as pa

    return pa.schema(
        [
            *sample_schema(),
            pa.field("hash", pa.binary(), nullable=False),
            pa.field("quality", pa.int32(), nullable=False),
            pa.field("digest", pa.binary(), nullable=False),
            pa.field("bytes", pa.int64(), nullable=False),
            pa.field("rejected", pa.string(), nullable=False),
        ]
    )


def spool(chunk: Chunk) -> list[Candidate | Rejected]:
    """Keep a chunk's samples on disk and say what they are, in order."""
    import pyarrow as pa

    if not chunk.path.exists():
        rows = [_examined(sample) for sample in chunk.samples]
        batch = pa.RecordBatch.from_pylist(rows, spool_schema())
        with _replacing(chunk.path) as path, pa.ipc.new_file(path, batch.schema) as file:
            file.write_batch(batch)
    with pa.memory_map(str(chunk.path)) as source:
        batch = pa.ipc.open_file(source).get_batch(0)
        small = [name for name in batch.schema.names if name not in {"image", "mask"}]
        rows = batch.select(small).to_pylist()
    return [_candidate(row, Place(chunk.path, index)) for index, row in enumerate(rows)]


def write_shard(shard: Shard) -> ShardReport:
    """Write the rows of a shard; a sample that cannot be edited is reported, not raised."""
    if shard.path.exists():
        return stored_report(shard.path)
    rows: list[dict[str, Any]] = []
    rejected: list[Rejected] = []
    with _Spool() as spooled:
        for recipe in shard.recipes:
            try:
                rows += map(to_row, _prepared(recipe, spooled, shard.pair_size))
            except DataError as error:
                image_id = spooled.sample(recipe.sample).image_id
                rejected.append(Rejected(image_id, f"not edited: {recipe.manipulation}: {error}"))
    return write_rows(shard.path, rows, rejected)


def stored_report(path: Path) -> ShardReport:
    """What `write_shard` returned for a shard that exists, from its metadata alone.

    Raises `StorageError` for a Parquet file that it did not write.
    """
    with opened(path) as shard:
        metadata = shard.schema_arrow.metadata or {}
    if _REPORT not in metadata:
        raise StorageError(f"{path} holds no digests of its rows; build the dataset again")
    stored = json.loads(metadata[_REPORT])
    rejected = tuple(Rejected(image_id, reason) for image_id, reason in stored["rejected"])
    return ShardReport(tuple(stored["digests"]), rejected)


def _examined(sample: Sample | Rejected) -> dict[str, Any]:
    """The row of a sample to spool; a rejected one has no bytes but a reason."""
    if isinstance(sample, Rejected):
        return _rejected_row(Sample(sample.image_id, b"", Label.AUTHENTIC), sample.reason)
    try:
        photo = images.decode(sample.image)
    except DataError as error:
        return _rejected_row(sample, f"unreadable: {error}")
    try:
        mask = _mask(sample.mask, photo.size) if sample.mask else b""
    except SchemaViolation as error:
        return _rejected_row(sample, str(error))
    picture = perceptual_hash(photo.pixels)
    return to_row(replace(sample, mask=mask)) | {
        "hash": picture.bits,
        "quality": picture.quality,
        "digest": picture.digest,
        "bytes": len(sample.image) + len(mask),
        "rejected": "",
    }


def _rejected_row(sample: Sample, reason: str) -> dict[str, Any]:
    nothing = {"hash": b"", "quality": 0, "digest": b"", "bytes": 0, "rejected": reason}
    return to_row(replace(sample, image=b"", mask=b"")) | nothing


def _mask(data: bytes, size: tuple[int, int]) -> bytes:
    """The mask in the one form that datasets store."""
    try:
        return images.encode_mask(images.decode_mask(data, size))
    except DataError as error:
        raise SchemaViolation(f"mask: {error}") from error


def _candidate(row: dict[str, Any], place: Place) -> Candidate | Rejected:
    if row["rejected"]:
        return Rejected(row["image_id"], row["rejected"])
    return Candidate(
        place=place,
        image_id=row["image_id"],
        label=Label(row["label"]),
        dataset=row["dataset"],
        # An image without a group is its own; the same file name elsewhere is another image.
        group=row["group"] or f"{row['dataset']}/{row['image_id']}",
        split=Split(row["split"]) if row["split"] else None,
        bytes=row["bytes"],
        picture=PerceptualHash(row["hash"], row["quality"], row["digest"]),
    )


class _Spool:
    """Random access to spooled samples; the files it opened are closed together."""

    def __init__(self) -> None:
        self._files = ExitStack()
        self._batches: dict[Path, pa.RecordBatch] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._batches.clear()
        self._files.close()

    def sample(self, place: Place) -> Sample:
        """Copy one sample out of its file, of which only its pages are read."""
        import pyarrow as pa

        if place.chunk not in self._batches:
            file = self._files.enter_context(pa.memory_map(str(place.chunk)))
            batch = pa.ipc.open_file(file).get_batch(0)
            self._batches[place.chunk] = batch.select(sample_schema().names)
        return to_sample(self._batches[place.chunk].slice(place.row, 1).to_pylist()[0])


def _prepared(recipe: Recipe, spooled: _Spool, pair_size: int) -> tuple[Sample, ...]:
    sample = spooled.sample(recipe.sample)
    sample = replace(sample, group=recipe.group, split=recipe.split)
    if recipe.donor is None:
        return (sample,)
    donor = spooled.sample(recipe.donor)
    return make_pair(sample, donor, recipe.manipulation, recipe.seed, pair_size)


def write_rows(
    path: Path, rows: list[dict[str, Any]], rejected: Sequence[Rejected] = ()
) -> ShardReport:
    """Write ``rows`` (`assay.dataset.to_row`) as one shard, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    report = ShardReport(tuple(map(row_digest, rows)), tuple(rejected))
    stored = {
        "digests": report.digests,
        "rejected": [(r.image_id, r.reason) for r in report.rejected],
    }
    schema = sample_schema().with_metadata({_REPORT: json.dumps(stored)})
    text = [field.name for field in schema if field.type == pa.string()]
    # Images are compressed already, and a dictionary of them would hold every byte twice.
    compression = {name: "zstd" if name in text else "none" for name in schema.names}
    with _replacing(path) as partial:
        pq.write_table(
            pa.Table.from_pylist(rows, schema),
            partial,
            compression=compression,
            use_dictionary=text,
            write_statistics=text,
        )
    return report


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A place to write to that becomes ``path`` only when all is written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    yield partial
    partial.replace(path)
