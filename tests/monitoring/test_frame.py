"""A window of the store as a table."""

from __future__ import annotations

import math
from datetime import timedelta

from assay.monitoring.frame import one_each, window_frame
from assay.records import Label
from assay.store import HumanLabel, Store, Vote
from tests.captures import START, kept
from tests.monitoring.traffic import serve

FINDINGS = [{"id": "noise", "value": 0.5}, {"id": "exif", "value": None}]
COLUMNS = {
    "capture_id", "created_at", "client", "media_type", "label", "score", "stratum",
    "needs_review", "model_version", "flipped", "human_label", "is_blind", "decided_by", "weight",
    "group",
}  # fmt: skip


def test_measured_values_have_columns_and_absent_ones_are_not_numbers(store: Store):
    kept(store, "a", findings=FINDINGS, descriptors={"width": 640.0}, embedding=[0.1, 0.2])
    kept(store, "b", findings=[], created_at=START + timedelta(seconds=1))
    table = window_frame(store)
    assert set(table.columns) == COLUMNS | {"d_width", "f_noise", "e_0", "e_1"}
    assert (table["d_width"][0], table["f_noise"][0], table["e_1"][0]) == (640.0, 0.5, 0.2)
    assert table.loc[1, ["d_width", "f_noise", "e_0"]].isna().all()


def test_empty_window_has_the_columns_that_all_have(store: Store):
    table = window_frame(store)
    assert (len(table), set(table.columns)) == (0, COLUMNS)


def test_rows_are_oldest_first_and_the_limit_keeps_the_newest(store: Store):
    for number in (2, 0, 1):
        kept(store, str(number), client=str(number), created_at=START + timedelta(days=number))
    assert window_frame(store)["client"].tolist() == ["0", "1", "2"]
    assert window_frame(store, limit=2)["client"].tolist() == ["1", "2"]
    assert window_frame(store, limit=2, newest=False)["client"].tolist() == ["0", "1"]
    later = window_frame(store, START + timedelta(days=1), START + timedelta(days=2))
    assert later["client"].tolist() == ["1"]


def test_picture_that_came_often_counts_once(store: Store):
    for picture in ("viral", "viral", "other"):
        kept(store, picture)
    table = window_frame(store)
    assert table["group"].nunique() == 2
    assert len(one_each(table)) == 2


def test_what_was_not_selected_by_design_has_no_weight(store: Store):
    seen = kept(store, "seen", client="seen")
    reported = kept(store, "reported", needs_review=False, client="reported")
    store.feedback.record(seen.id, "ada", Vote(HumanLabel.AUTHENTIC))
    store.feedback.record(reported.id, "ben", Vote(HumanLabel.MANIPULATED, is_blind=True))
    table = window_frame(store).set_index("client")
    assert table["human_label"].to_dict() == {"seen": "authentic", "reported": "manipulated"}
    assert table["decided_by"].to_dict() == {"seen": "ada", "reported": "ben"}
    assert table["is_blind"].to_dict() == {"seen": False, "reported": True}
    assert table["weight"]["seen"] == 1.0
    assert math.isnan(table["weight"]["reported"])


def test_rare_audits_stand_for_many(store: Store):
    serve(store, 400)
    table = window_frame(store)
    assert set(table["weight"].dropna()) == {1.0, 50.0}
    assert (table["weight"].dropna() == 1.0).sum() == table["needs_review"].sum()


def test_flip_is_told_where_stability_was_checked(store: Store):
    for name, label in (("flips", "authentic"), ("holds", "manipulated")):
        again = {"jpeg 70": {"label": Label(label), "score": 0.4}}
        kept(store, name, client=name, stability=again)
    kept(store, "unchecked", client="unchecked")
    flipped = window_frame(store).set_index("client")["flipped"].to_dict()
    assert flipped == {"flips": True, "holds": False, "unchecked": None}
