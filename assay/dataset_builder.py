"""Building a dataset: samples hashed, grouped, split, edited and written, on all cores.

The first pass streams the source to disk and keeps only small columns in memory; with those, groups
and splits are settled for all rows; the second pass writes the shards. Each file is written whole
or not at all, in a folder keyed by settings, source and code: a build that was killed goes on where
it stopped, and one that was finished is opened.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import conflicts, dataset_store, manipulations, plugins, sources
from assay.dataset import MANIFEST, Dataset, DataSettings, check_splits, read_table
from assay.dataset_plan import plan_shards
from assay.dataset_shards import Candidate, Chunk, Shard, ShardReport, spool, write_shard
from assay.duplicates import merge_groups
from assay.engines import Each, running
from assay.errors import ConfigError, SchemaViolation
from assay.locks import exclusive
from assay.manipulations import Manipulation
from assay.progress import Progress, silent
from assay.records import Label, Rejected, Sample, Split
from assay.sources import Source
from assay.splits import Row, assign_splits

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

CHUNK_ROWS = 32
CHUNK_BYTES = 16 * 2**20
"""Of samples that travel to a worker together, however few they are."""
CODE = (
    "affine.py",
    "alignment.py",
    "ammeba/*.py",
    "archives.py",
    "conflicts.py",
    "dataset.py",
    "dataset_builder.py",
    "dataset_plan.py",
    "dataset_shards.py",
    "degradations.py",
    "difference_masks.py",
    "duplicates.py",
    "hub.py",
    "images.py",
    "local_differences.py",
    "manipulations/*.py",
    "near_hashes.py",
    "overlays.py",
    "pairs.py",
    "pdq.py",
    "prompts.py",
    "records.py",
    "sample_shards.py",
    "sources/*.py",
    "splits.py",
    "toning.py",
)
"""Files of this package that decide what a dataset holds; editing one starts a new build."""
LIBRARIES = ("imagehash", "numpy", "opencv-python-headless", "pillow")
"""Packages that decide pixels or hashes; another version starts a new build."""

COUNTED = ("label", "manipulation", "split", "dataset")
"""Columns whose values the manifest counts."""

_LOGGED_REJECTIONS = 5


def build_dataset(settings: DataSettings, root: Path, progress: Progress = silent) -> Dataset:
    """Build, finish or open the dataset that ``settings`` describe, in a folder under ``root``.

    Rows that cannot be used are listed with the reason in `Dataset.rejected`. Raises what the
    source raises (`UnknownPlugin`, `SchemaViolation`), `SchemaViolation` when nothing is left,
    `ConfigError` for edits of a source that holds edited images already, and `StorageError` while
    another run builds the same dataset.
    """
    source = sources.create(settings.source, settings.options)
    edits = _edits(settings, source)
    path = root / _key(settings, source, edits)
    if not (path / MANIFEST).exists():
        path.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock")  # beside it: no part of the dataset
        with exclusive(lock, "another run builds this dataset; wait for it"):
            if not (path / MANIFEST).exists():  # the other run may just have ended
                _build(settings, source, edits, path, progress)
    dataset_store.touch(path)
    return Dataset(path)


def _edits(settings: DataSettings, source: Source) -> tuple[str, ...]:
    """The chosen manipulations; raises `UnknownPlugin`."""
    if settings.manipulations is None:
        return tuple(manipulations.manipulations()) if source.raw_material else ()
    for name in settings.manipulations:
        plugins.find(manipulations.__name__, Manipulation, name)
    return settings.manipulations


def _key(settings: DataSettings, source: Source, edits: Sequence[str]) -> str:
    """A name for all that decides what a dataset holds."""
    package = Path(__file__).parent
    files = sorted(file for pattern in CODE for file in package.glob(pattern))
    parts = {
        "settings": settings.model_dump(mode="json", exclude={"workers", "engine"}),
        "edits": edits,
        "source": source.fingerprint(),
        "code": [hashlib.sha256(file.read_bytes()).hexdigest() for file in files],
        "libraries": [metadata.version(name) for name in LIBRARIES],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _build(
    settings: DataSettings, source: Source, edits: Sequence[str], path: Path, progress: Progress
) -> None:
    spooled = path / "spool"
    spooled.mkdir(exist_ok=True)
    with running(settings.engine, settings.workers, path) as each:
        digests, rejected = _filled(settings, source, edits, path, each, progress)
    finish(path, settings.model_dump(mode="json"), digests, rejected)
    shutil.rmtree(spooled)


def _filled(
    settings: DataSettings,
    source: Source,
    edits: Sequence[str],
    path: Path,
    each: Each,
    progress: Progress,
) -> tuple[list[str], list[Rejected]]:
    """Write all shards; the digests of their rows, and what was left out."""
    candidates, rejected = _read(settings, source, path / "spool", each, progress)
    if edits and not source.raw_material:
        _check_all_authentic(candidates, settings)
    conflicting: list[Candidate] = []
    if not source.is_settled:
        candidates, conflicting = conflicts.split_off(candidates)
        candidates, torn = _split(candidates, settings)
        rejected += [*conflicts.rejections(conflicting), *torn]
    if not candidates:
        reasons = "; ".join(sorted({row.reason for row in rejected})[:3])
        raise SchemaViolation(f"{settings.source}: no usable image ({reasons or 'it is empty'})")
    _keep(conflicting, path, each)
    reports = _write(plan_shards(candidates, edits, settings, path), each, progress)
    rejected += [row for report in reports for row in report.rejected]
    return [digest for report in reports for digest in report.digests], rejected


def _keep(conflicting: Sequence[Candidate], path: Path, each: Each) -> None:
    """Write what people have to decide beside the dataset."""
    if conflicting:
        (path / conflicts.FOLDER).mkdir(exist_ok=True)
        for _ in each(write_shard, conflicts.plan(conflicting, path)):
            pass


def _check_all_authentic(candidates: Sequence[Candidate], settings: DataSettings) -> None:
    """Raise `ConfigError` where only a part would become pairs: size would give the label away."""
    given = [c for c in candidates if c.label is not Label.AUTHENTIC]
    if given:
        raise ConfigError(
            f"data.manipulations: {settings.source} holds {len(given)} images that are not "
            f"authentic ({given[0].image_id}); they would keep their size while the authentic ones "
            f"become pairs of {settings.pair_size} pixels, and size would tell the labels apart. "
            "Edit raw material only; for labelled images: --set data.manipulations=null, or to "
            "train --config configs/train_folder.yaml"
        )


def _read(
    settings: DataSettings, source: Source, folder: Path, each: Each, progress: Progress
) -> tuple[list[Candidate], list[Rejected]]:
    """Spool the source; an image_id that comes again is rejected."""
    candidates: dict[str, Candidate] = {}
    rejected: list[Rejected] = []
    for spooled in each(spool, _Chunks(source, settings.limit, folder)):
        for row in spooled:
            if isinstance(row, Rejected):
                rejected.append(row)
            elif row.image_id in candidates:
                rejected.append(
                    Rejected(row.image_id, "twice: another has its image_id; rename it")
                )
            else:
                candidates[row.image_id] = row
        progress(len(candidates) + len(rejected), settings.limit or 0, "reading images")
    done = len(candidates) + len(rejected)
    progress(done, done, "reading images")
    return list(candidates.values()), rejected


@dataclass(frozen=True, slots=True)
class _Chunks:
    """Consecutive samples in bounded units; those of a finished file are left out."""

    source: Source
    limit: int | None
    folder: Path

    def __iter__(self) -> Iterator[Chunk]:
        unit: list[Sample | Rejected] = []
        size = index = 0
        for sample in islice(self.source.fetch(), self.limit):
            unit.append(sample)
            size += len(sample.image) + len(sample.mask) if isinstance(sample, Sample) else 0
            if len(unit) == CHUNK_ROWS or size >= CHUNK_BYTES:
                yield _chunk(unit, self.folder, index)
                unit, size, index = [], 0, index + 1
        if unit:
            yield _chunk(unit, self.folder, index)


def _chunk(unit: Sequence[Sample | Rejected], folder: Path, index: int) -> Chunk:
    path = folder / f"{index:06d}.arrow"
    return Chunk(path, () if path.exists() else tuple(unit))


def _split(
    candidates: Sequence[Candidate], settings: DataSettings
) -> tuple[list[Candidate], list[Rejected]]:
    """Settle group and split of each candidate; those whose near-duplicate is held out must go."""
    groups = merge_groups([c.picture for c in candidates], [c.group for c in candidates])
    grouped = [replace(c, group=group) for c, group in zip(candidates, groups, strict=True)]
    shares = {
        Split.TRAIN: 1 - settings.validation_share - settings.test_share,
        Split.VALIDATION: settings.validation_share,
        Split.TEST: settings.test_share,
    }
    rows = [Row(c.group, f"{c.dataset}/{c.label}", c.split) for c in grouped]
    kept, torn = [], []
    for candidate, split in zip(grouped, assign_splits(rows, shares, settings.seed), strict=True):
        if split is None:
            torn.append(Rejected(candidate.image_id, _leak(candidate)))
        else:
            kept.append(replace(candidate, split=split))
    return kept, torn


def _leak(candidate: Candidate) -> str:
    return (
        f"leak: given the {candidate.split} split, but its near-duplicates "
        f"(group {candidate.group}) are held out; give all of them one split"
    )


def _write(shards: Sequence[Shard], each: Each, progress: Progress) -> list[ShardReport]:
    total = sum(len(shard.recipes) for shard in shards)
    reports: list[ShardReport] = []
    done = 0
    for report in each(write_shard, shards):
        done += len(shards[len(reports)].recipes)
        reports.append(report)
        progress(done, total, "writing shards")
    return reports


def finish(
    path: Path, settings: Mapping[str, Any], digests: Sequence[str], rejected: Sequence[Rejected]
) -> None:
    """Check the shards in ``path`` and make it a dataset; ``digests`` are those of their rows."""
    table = read_table(path, [*COUNTED, "group", "licence"])
    check_splits(table)
    content = {
        "version": hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()[:16],
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": dict(settings),
        "rows": len(table),
        "counts": {column: _counts(table, column) for column in COUNTED},
        "licences": _counts(table, "licence"),
        "rejected": [asdict(row) for row in rejected],
    }
    for row in rejected[:_LOGGED_REJECTIONS]:
        logger.warning("rejected %s: %s", row.image_id, row.reason)
    logger.info("dataset %s: %d rows, %d rejected", content["version"], len(table), len(rejected))
    for partial in path.glob(".*.parquet.*"):  # of a writer that was killed
        partial.unlink()
    partial = path / f".{MANIFEST}"
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    partial.replace(path / MANIFEST)


def _counts(table: pa.Table, column: str) -> dict[str, int]:
    return dict(sorted(Counter(value or "none" for value in table[column].to_pylist()).items()))
