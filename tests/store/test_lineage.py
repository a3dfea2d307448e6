"""Which captures a model learned from, and what their deletion says of it."""

import pytest
import sqlalchemy as sa

from assay.store import Capture, LearnedCapture, Store
from assay.store.lineage_tables import DatasetCaptureRow
from tests.captures import kept


def learned(capture: Capture, labeller: str = "ada", image: str = "") -> LearnedCapture:
    digest = capture.image_digest
    name = image or f"capture-{capture.id}"
    return LearnedCapture(capture.id, name, digest, "manipulated", labeller, [labeller], "train")


@pytest.fixture
def made(store: Store) -> Capture:
    """A capture in dataset d1, which model m1 was trained on, and m2 from m1."""
    capture = kept(store)
    store.lineage.record_dataset("d1", [learned(capture)])
    store.lineage.record_model("m1", "d1")
    store.lineage.record_model("m2", "d2", parent="m1")
    return capture


def marks(store: Store, model: str) -> list[str]:
    found = store.lineage.model(model)
    return [] if found is None else [mark.capture_id for mark in found.marks]


def test_notes_come_back(store: Store, made: Capture):
    assert store.lineage.captures_of("d1") == [learned(made)]
    model = store.lineage.model("m2")
    assert (model.datasets, model.parent, model.marks) == (("d2",), "m1", ())


def test_second_note_changes_nothing_but_the_number(store: Store, made: Capture):
    store.lineage.record_dataset("d1", [learned(made, "eve")])
    store.lineage.record_model("m1", "d1", version="7")
    assert store.lineage.captures_of("d1") == [learned(made)]
    assert store.lineage.model("7") == store.lineage.model("m1")


def test_image_is_found_by_its_bytes_too(store: Store, made: Capture):
    again = kept(store)
    assert store.lineage.models_of(again.id) == []
    found = store.lineage.models_of(again.id, again.image_digest)
    assert [model.model_version for model in found] == ["m1"]
    assert store.lineage.datasets_of(again.id, again.image_digest) == ["d1"]


def test_deletion_marks_the_model_and_its_heirs(store: Store, made: Capture):
    store.lineage.record_model("m3", "d3")
    store.retention.delete(made.id, "admin")
    assert {name: marks(store, name) for name in ("m1", "m2", "m3")} == {
        "m1": [made.id], "m2": [made.id], "m3": [],
    }  # fmt: skip
    entries = [entry for entry in store.audit.entries() if entry.action == "model.mark"]
    assert [(entry.subject, entry.details) for entry in entries] == [
        ("m1", {"capture": made.id}), ("m2", {"capture": made.id}),
    ]  # fmt: skip


def test_deletion_forgets_the_image_itself(store: Store, made: Capture):
    store.retention.delete(made.id, "admin")
    with store.database.reading() as session:
        assert session.scalars(sa.select(DatasetCaptureRow.image_digest)).all() == [""]


def test_image_that_was_deleted_while_a_dataset_was_built_is_forgotten(store: Store):
    capture, other = kept(store, "harbour"), kept(store, "lagoon")
    notes = [learned(capture), learned(other)]
    store.retention.delete(capture.id, "admin")
    store.lineage.record_dataset("d9", notes)
    found = {one.capture_id: one.image_digest for one in store.lineage.captures_of("d9")}
    assert found == {capture.id: "", other.id: other.image_digest}


def test_heir_of_a_marked_model_is_marked_as_it_is_noted(store: Store, made: Capture):
    store.retention.delete(made.id, "admin")
    store.lineage.record_model("m4", "d4", parent="m2")
    store.lineage.record_model("m5", "d1")
    assert marks(store, "m4") == marks(store, "m5") == [made.id]


def test_deletion_of_what_nobody_learned_from_marks_nothing(store: Store, made: Capture):
    store.retention.delete(kept(store, "lagoon").id, "admin")
    assert marks(store, "m1") == []


def test_parties_count_an_image_once(store: Store):
    first, second = kept(store, client="a"), kept(store, client="b")
    image = f"capture-{first.id}"
    store.lineage.record_dataset("d1", [learned(first, image=image), learned(second, image=image)])
    (party,) = store.lineage.parties("d1")
    assert (party.client, party.labeller) == ("a", "ada")
