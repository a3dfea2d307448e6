"""Only what people decided is exported."""

import io
import json

import pyarrow.parquet as pq
import pytest

from assay.exports import as_jsonl
from assay.store import HumanLabel, Store, Vote
from assay.store.labels import as_parquet
from tests.captures import kept

FAKE = Vote(HumanLabel.MANIPULATED, "label", "altered", seconds=3.0)


@pytest.fixture
def decided(store: Store) -> dict[str, str]:
    """Identifiers by what became of them."""
    ids = {name: kept(store, name).id for name in ("fake", "undone", "unsure", "unseen")}
    ids["fake_again"] = kept(store, "fake").id
    store.feedback.record(ids["fake"], "ada", Vote(HumanLabel.AUTHENTIC))
    store.feedback.record(ids["fake"], "bob", FAKE)
    store.feedback.undo(store.feedback.record(ids["undone"], "ada", FAKE), "ada")
    store.feedback.record(ids["unsure"], "ada", Vote(HumanLabel.UNSURE))
    return ids


def test_rows_are_the_decisions_that_count(store: Store, decided: dict[str, str]):
    rows = list(store.labels.rows("admin"))
    assert [row["capture_id"] for row in rows] == sorted([decided["fake"], decided["fake_again"]])
    assert {(row["label"], row["decided_by"]) for row in rows} == {("manipulated", "bob")}
    assert rows[0]["model_label"] == "manipulated"
    assert rows[0]["selection_probability"] == 1.0
    assert rows[0]["kept_image"] is True


def test_export_is_in_the_audit_log_before_the_first_row(store: Store, decided: dict[str, str]):
    next(store.labels.rows("eve"))
    entry = list(store.audit.entries())[-1]
    assert (entry.actor, entry.action) == ("eve", "labels.export")


def test_rows_are_read_in_pages(
    store: Store, decided: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    whole = list(store.labels.rows("admin"))
    monkeypatch.setattr("assay.store.labels._PAGE", 1)
    assert list(store.labels.rows("admin")) == whole


def test_jsonl_and_parquet_hold_the_same_rows(
    store: Store, decided: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    rows = list(store.labels.rows("admin"))
    monkeypatch.setattr("assay.exports._PAGE", 1)
    pages = list(as_parquet(rows))
    assert len(pages) == len(rows) + 1
    assert pq.read_table(io.BytesIO(b"".join(pages))).to_pylist() == rows
    assert [json.loads(line) for line in as_jsonl(rows)] == rows


def test_empty_export_has_its_columns(store: Store):
    table = pq.read_table(io.BytesIO(b"".join(as_parquet(store.labels.rows("admin")))))
    assert table.num_rows == 0
    assert {"capture_id", "label", "audit_probability"} <= set(table.column_names)
