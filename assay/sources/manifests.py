"""Manifests of labelled folders: CSV, JSON lines or Parquet in, checked entries out.

One row an image, with the columns `REQUIRED` and any of `OPTIONAL`; further ones are ignored. A
manifest may come from a stranger: no path leads out of its folder, and what is wrong is named with
its place and the nearest right word.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from assay.errors import SchemaViolation, did_you_mean
from assay.records import Label, Split

REQUIRED = ("file", "label")
OPTIONAL = (
    "kind",
    "mask",
    "split",
    "group",
    "dataset",
    "licence",
    "licence_or_terms",
    "caption",
)
LABELS = {label.value: label for label in Label}
SPLITS = {split.value: split for split in Split} | {"val": Split.VALIDATION}

T = TypeVar("T")
_Record = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a manifest; paths are relative to the folder and lie inside it."""

    file: str
    label: Label
    kind: str = ""
    mask: str = ""
    split: Split | None = None
    group: str = ""
    dataset: str = ""
    licence: str = ""
    caption: str = ""


def read(folder: Path, manifest: Path) -> list[Entry]:
    """All rows of ``manifest``, whose paths start at ``folder``; raises `SchemaViolation`."""
    if manifest.suffix not in READERS:
        raise SchemaViolation(f"{manifest.name} is none of {', '.join(READERS)}; convert it")
    seen: dict[str, str] = {}
    entries = []
    for where, record in READERS[manifest.suffix](manifest):
        entry = _entry(folder, where, record)
        if entry.file in seen:
            first = seen[entry.file]
            raise SchemaViolation(f"{where}: {entry.file} stands in {first} too; keep one row")
        seen[entry.file] = where
        entries.append(entry)
    if not entries:
        raise SchemaViolation(f"{manifest.name} lists no image; add one row an image")
    return entries


def check_inside(folder: Path, file: str, where: str) -> str:
    """``file`` when it lies inside ``folder``, links followed, else `SchemaViolation`."""
    try:
        file.encode()  # a name that is not UTF-8 fits no table
        inside = (folder / file).resolve().is_relative_to(folder.resolve())
    except (ValueError, OSError, RuntimeError) as error:  # not UTF-8, a NUL byte, too long, a loop
        raise SchemaViolation(f"{where}: {file[:80]!r} is no path ({error})") from error
    if not inside:
        raise SchemaViolation(f"{where}: {file!r} leads out of the folder; copy the file into it")
    return file


def _entry(folder: Path, where: str, record: _Record) -> Entry:
    for column in REQUIRED:
        if column not in record:
            hint = did_you_mean(column, record)
            raise SchemaViolation(f"{where}: no column {column!r}{hint}; rename or add it")
        if not record[column]:
            raise SchemaViolation(f"{where}: column {column!r} is empty; fill it or drop the row")
    label = _value(LABELS, "label", record["label"], where)
    kind, split = record.get("kind", ""), record.get("split", "")
    mask = record.get("mask", "")
    return Entry(
        file=check_inside(folder, record["file"], where),
        label=label,
        kind="" if label is Label.AUTHENTIC or kind.lower() == "none" else kind,
        mask=check_inside(folder, mask, where) if mask else "",
        split=_value(SPLITS, "split", split, where) if split else None,
        group=record.get("group", ""),
        dataset=record.get("dataset", ""),
        licence=record.get("licence") or record.get("licence_or_terms", ""),
        caption=record.get("caption", ""),
    )


def _value(known: Mapping[str, T], column: str, value: str, where: str) -> T:
    if value.lower() not in known:
        hint = did_you_mean(value.lower(), known)
        raise SchemaViolation(
            f"{where}: unknown {column} {value[:80]!r}{hint}; known: {', '.join(known)}"
        )
    return known[value.lower()]


def _text(record: Mapping[Any, Any], where: str) -> _Record:
    if None in record:
        raise SchemaViolation(f"{where}: more values than columns; quote values that hold commas")
    return {str(name): _cell(value) for name, value in record.items()}


def _cell(value: Any) -> str:
    # NaN, which pandas writes for an empty cell, is the one value that differs from itself.
    missing = value is None or value != value
    return "" if missing else str(value).strip()


def _read_csv(manifest: Path) -> Iterator[tuple[str, _Record]]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            for record in reader:
                where = f"{manifest.name} line {reader.line_num}"
                yield where, _text(record, where)
    except (csv.Error, UnicodeDecodeError) as error:
        raise SchemaViolation(f"{manifest.name}: {error}; save it as CSV in UTF-8") from error


def _read_jsonl(manifest: Path) -> Iterator[tuple[str, _Record]]:
    with manifest.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"{manifest.name} line {number}"
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise SchemaViolation(f"{where}: {error}; write one object a line") from error
            if not isinstance(record, dict):
                raise SchemaViolation(f"{where} is no object; write one object a line")
            yield where, _text(record, where)


def _read_parquet(manifest: Path) -> Iterator[tuple[str, _Record]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(manifest) as table:
            columns = table.schema_arrow.names
            # Other columns may hold images; they stay on disk unless a name has to be suggested.
            used = [name for name in columns if name in REQUIRED + OPTIONAL]
            wanted = used if set(REQUIRED) <= set(used) else columns
            rows = (
                row for batch in table.iter_batches(columns=wanted) for row in batch.to_pylist()
            )
            for number, row in enumerate(rows, start=1):
                where = f"{manifest.name} row {number}"
                yield where, _text(row, where)
    except pa.ArrowInvalid as error:
        raise SchemaViolation(f"{manifest.name}: {error}; save it as Parquet again") from error


READERS: dict[str, Callable[[Path], Iterator[tuple[str, _Record]]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
"""Who reads a manifest, by its suffix; yields the place and the cells of each row."""
