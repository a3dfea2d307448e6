"""Exports: every format holds the rows, page by page, and harms nobody who opens it."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from assay import exports
from assay.errors import StoreUnavailable

ROWS = [
    {"name": "a", "score": 0.25, "is_open": True},
    {"name": "café", "score": None, "is_open": False},
    {"name": None, "score": 1.0, "is_open": None},
]
COLUMNS = ("name", "score", "is_open")


def parquet(rows):
    return exports.as_parquet(rows, COLUMNS, numbers=("score",), booleans=("is_open",))


def test_jsonl_and_parquet_hold_the_rows(monkeypatch):
    monkeypatch.setattr(exports, "_PAGE", 2)
    assert [json.loads(line) for line in exports.as_jsonl(ROWS)] == ROWS
    pages = list(parquet(ROWS))
    assert len(pages) == 3
    assert pq.read_table(io.BytesIO(b"".join(pages))).to_pylist() == ROWS


def test_parquet_without_rows_has_typed_columns():
    schema = pq.read_schema(io.BytesIO(b"".join(parquet([]))))
    assert dict(zip(schema.names, map(str, schema.types), strict=True)) == {
        "name": "string", "score": "double", "is_open": "bool",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_runs_in_no_spreadsheet(text):
    written = b"".join(exports.as_csv([{"name": text}], ("name",))).decode()
    assert list(csv.reader(io.StringIO(written, newline=""))) == [["name"], [f"'{text}"]]


def test_csv_leaves_numbers_as_they_are():
    written = b"".join(exports.as_csv([{"score": -0.5}], ("score",))).decode()
    assert written == "score\r\n-0.5\r\n"


def test_rows_are_read_no_further_than_they_are_written():
    read = []
    rows = (read.append(n) or {"name": str(n)} for n in range(5))
    next(exports.as_jsonl(rows))
    assert read == [0]


def test_what_fails_at_once_fails_before_anything_is_sent():
    def rows():
        raise StoreUnavailable("no database")
        yield

    with pytest.raises(StoreUnavailable):
        exports.begun(exports.as_jsonl(rows()))
