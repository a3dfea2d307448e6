"""The lineage page: what an answer comes from, for administrators alone."""

from __future__ import annotations

import pytest

from assay.store import Capture, LearnedCapture, Role, Store
from tests.bento.console.conftest import SignedIn, text_of
from tests.bento.services import Service
from tests.captures import kept

EVIL = "<script>alert(1)</script>"
NONE = {"state": "none", "facts": []}


@pytest.fixture
def answered(desk: Service) -> Capture:
    """A capture that model m1 answered, which has learned from it and from another."""
    store: Store = desk.runtime.store
    made, other = (
        kept(store, name, model_version="m1", findings=[], provenance=NONE)
        for name in ("lineage", "another")
    )
    notes = [
        LearnedCapture(
            one.id, f"capture-{one.id}", one.image_digest, "manipulated", EVIL, [EVIL], "train"
        )
        for one in (made, other)
    ]
    store.lineage.record_dataset("d1", notes)
    store.lineage.record_model("m1", "d1", version="7")
    return made


def test_page_names_model_dataset_and_labellers(answered: Capture, signed_in: SignedIn) -> None:
    client = signed_in("root", Role.ADMIN)
    shown = text_of(client.get(f"/detections/{answered.id}/lineage"))
    assert "Answered by model <code>m1</code>" in shown
    assert "<b>2</b> labelled images" in shown
    assert "in d1" in shown
    assert EVIL not in shown
    assert "&lt;script&gt;" in shown
    assert f"/detections/{answered.id}/lineage" in text_of(client.get(f"/detections/{answered.id}"))


def test_page_tells_of_deletions(desk: Service, answered: Capture, signed_in: SignedIn) -> None:
    gone = next(
        one.capture_id
        for one in desk.runtime.store.lineage.captures_of("d1")
        if one.capture_id != answered.id and one.image_digest
    )
    desk.runtime.store.retention.delete(gone, "admin")
    client = signed_in("root", Role.ADMIN)
    assert "deleted since" in text_of(client.get(f"/detections/{answered.id}/lineage"))


def test_answer_of_a_model_without_notes_says_so(desk: Service, signed_in: SignedIn) -> None:
    made = kept(desk.runtime.store, "plain", model_version="m9")
    shown = text_of(signed_in("root", Role.ADMIN).get(f"/detections/{made.id}/lineage"))
    assert "made with no traffic" in shown
    assert "None has seen it" in shown


def test_moderators_do_not_see_who_labelled(answered: Capture, signed_in: SignedIn) -> None:
    client = signed_in("mo", Role.MODERATOR)
    assert client.get(f"/detections/{answered.id}/lineage").status_code == 403
    assert "/lineage" not in text_of(client.get(f"/detections/{answered.id}"))


def test_unknown_capture_is_not_found(signed_in: SignedIn) -> None:
    client = signed_in("root", Role.ADMIN)
    assert client.get("/detections/nothing/lineage").status_code == 404
