"""Manifests of labelled folders: CSV, JSON lines or Parquet in, checked entries out.

One row an image, with the columns `REQUIRED` and any of `OPTIONAL`; further ones are ignored. A
manifest may come from a stranger: no path leads out of its folder, and what is wrong is named with
its place and the nearest right word. A fault of one row rejects that row; a fault of the manifest
itself is raised.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import SchemaViolation, did_you_mean
from assay.records import BASIC_SPLITS, Label, Rejected, Split

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
SPLITS = {split.value: split for split in BASIC_SPLITS} | {"val": Split.VALIDATION}

_Record = Mapping[str, str]

_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, which terminals obey and SVG forbids, and what UTF-8 cannot hold."""


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
    where: str = ""
    """Manifest and line; empty where a folder's name is the label."""


def read(folder: Path, manifest: Path) -> list[Entry | Rejected]:
    """All rows of ``manifest``, whose paths start at ``folder``.

    A row with an empty cell, control characters, or an unknown label or split is `Rejected`, under
    its place where it names no file. Raises `SchemaViolation` where the manifest is unreadable,
    lacks a column, names a file twice or leads out of the folder.
    """
    if manifest.suffix not in READERS:
        raise SchemaViolation(f"{manifest.name} is none of {', '.join(READERS)}; convert it")
    seen: dict[str, str] = {}
    entries: list[Entry | Rejected] = []
    for where, record in READERS[manifest.suffix](manifest):
        _check_structure(folder, where, record)
        file = record["file"] or where
        if file in seen:
            raise SchemaViolation(f"{where}: {file} stands in {seen[file]} too; keep one row")
        seen[file] = where
        if fault := _fault(record):
            name = file if is_showable(file) else where
            entries.append(Rejected(name, f"faulty row: {where}: {fault}"))
        else:
            entries.append(_entry(where, record))
    if not entries:
        raise SchemaViolation(f"{manifest.name} lists no image; add one row an image")
    return entries


def is_showable(text: str) -> bool:
    """Whether ``text`` can stand in a terminal, a table and a figure as it is."""
    return not _UNSHOWABLE.search(text)


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


def _check_structure(folder: Path, where: str, record: _Record) -> None:
    """Raise `SchemaViolation` for what no single row can be blamed for, or nobody should read."""
    for column in REQUIRED:
        if column not in record:
            hint = did_you_mean(column, record)
            raise SchemaViolation(f"{where}: no column {column!r}{hint}; rename or add it")
    for file in (record["file"], record.get("mask", "")):
        if file:
            check_inside(folder, file, where)


def _fault(record: _Record) -> str:
    """What makes this row unusable, with the remedy; empty if nothing does."""
    for column in REQUIRED:
        if not record[column]:
            return f"column {column!r} is empty; fill it or drop the row"
    for column in REQUIRED + OPTIONAL:
        value = record.get(column, "")
        if not is_showable(" ".join(value.split()) if column == "caption" else value):
            return f"column {column!r} holds control characters ({value[:80]!a}); take them out"
    for column, known in (("label", LABELS), ("split", SPLITS)):
        value = record.get(column, "")
        if value and value.lower() not in known:
            hint = did_you_mean(value.lower(), known)
            return f"unknown {column} {value[:80]!r}{hint}; known: {', '.join(known)}"
    return ""


def _entry(where: str, record: _Record) -> Entry:
    label, split = LABELS[record["label"].lower()], record.get("split", "").lower()
    kind = record.get("kind", "")
    return Entry(
        file=record["file"],
        label=label,
        kind="" if label is Label.AUTHENTIC or kind.lower() == "none" else kind,
        mask=record.get("mask", ""),
        split=SPLITS[split] if split else None,
        group=record.get("group", ""),
        dataset=record.get("dataset", ""),
        licence=record.get("licence") or record.get("licence_or_terms", ""),
        caption=record.get("caption", ""),
        where=where,
    )


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
