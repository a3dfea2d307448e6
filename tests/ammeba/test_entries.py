from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from assay.ammeba.entries import Entry, EntrySettings, entries
from assay.records import Label, Split
from tests.ammeba import csvs

EDIT, UNTOUCHED = {"content_manipulation": "true"}, {"content_manipulation": "false"}


def listed(
    folder: Path, *rows: Mapping[str, object], images: str = "a b c d", **settings: object
) -> tuple[dict[str, Entry], dict[str, str]]:
    """Entries and reasons by image_id; a row's ``day`` is that of an article of its own."""
    numbered = [
        {"fact_check_url": f"https://f.example/{number}", **row} for number, row in enumerate(rows)
    ]
    articles = [
        {"fact_check_url": row["fact_check_url"], "review_date": row.pop("day", "2020-01-01")}
        for row in numbered
    ]
    csvs.written(folder, numbered, [{"image_id": name} for name in images.split()], articles)
    found, rejected = entries(folder, EntrySettings.model_validate(settings))
    return {e.image_id: e for e in found}, {r.image_id: r.reason for r in rejected}


def test_earliest_fact_check_dates_an_image(tmp_path: Path):
    late, early = {"image_id": "a", "day": "2021.05.06"}, {"image_id": "a", "day": "2020.01.02"}
    found, _ = listed(tmp_path, late | UNTOUCHED, early | UNTOUCHED)
    assert found["a"].published_at == "2020-01-02"
    assert found["a"].fact_check == "https://f.example/1"


def test_original_that_nobody_judged_is_authentic_and_of_its_edits_group(tmp_path: Path):
    found, _ = listed(tmp_path, {"image_id": "b", "premanipulation_image_id": "a"} | EDIT)
    assert list(found) == ["a", "b"]
    assert found["a"].judged.label is Label.AUTHENTIC
    assert found["b"].original == "a"
    assert found["a"].group == found["b"].group
    assert found["a"].published_at == found["b"].published_at


def test_original_that_was_disqualified_stays_away(tmp_path: Path):
    bad = {"image_id": "a", "disqualified": "true", "disqualification_reason": "a collage"}
    edit = {"image_id": "b", "premanipulation_image_id": "a"} | EDIT
    found, rejected = listed(tmp_path, bad, edit)
    assert {name: entry.original for name, entry in found.items()} == {"b": ""}
    assert rejected == {"a": "disqualified: a collage"}


def test_original_keeps_what_it_was_judged_to_be(tmp_path: Path):
    edit = {"image_id": "a", "premanipulation_image_id": "b"} | EDIT
    again = {"image_id": "b", "premanipulation_image_id": "c"} | EDIT
    found, _ = listed(tmp_path, edit, again)
    assert list(found) == ["c", "b", "a"]  # each before what was made of it
    assert found["b"].judged.label is Label.MANIPULATED
    assert len({entry.group for entry in found.values()}) == 1


def test_originals_in_a_circle_end(tmp_path: Path):
    edit = {"image_id": "a", "premanipulation_image_id": "b"} | EDIT
    found, _ = listed(tmp_path, edit, {"image_id": "b", "premanipulation_image_id": "a"} | EDIT)
    assert {name: entry.original for name, entry in found.items()} == {"a": "b", "b": "a"}


def test_original_without_metadata_is_forgotten(tmp_path: Path):
    found, _ = listed(tmp_path, {"image_id": "a", "premanipulation_image_id": "zz"} | EDIT)
    assert found["a"].original == ""


def test_pair_goes_whole_to_the_split_of_its_later_date(tmp_path: Path):
    shares = {"train": 0.5, "validation": 0.5, "test": 0, "online_test": 0, "production": 0}
    rows = [
        {"image_id": name, "day": f"2020-01-0{day}"} | UNTOUCHED
        for name, day in (("a", 1), ("c", 2), ("d", 9))
    ]
    edit = {"image_id": "b", "day": "2020-01-08", "premanipulation_image_id": "a"} | EDIT
    found, _ = listed(tmp_path, *rows, edit, shares=shares)
    splits = {name: entry.split for name, entry in found.items()}
    assert splits["a"] is splits["b"]
    assert splits["c"] is Split.TRAIN
    assert splits["d"] is Split.VALIDATION


def test_what_was_found_out_later_is_not_learned_earlier(tmp_path: Path):
    """An old image that a late fact-check unmasked."""
    shares = {"train": 0.5, "validation": 0.5, "test": 0, "online_test": 0, "production": 0}
    days = {"a": 1, "c": 2, "d": 8, "b": 9}
    rows = [{"image_id": n, "day": f"2020-01-0{day}"} | UNTOUCHED for n, day in days.items()]
    rows[-1] |= EDIT
    silent = {"image_id": "b", "day": "2020-01-01", "context_manipulation": "true"}
    found, _ = listed(tmp_path, *rows, silent, shares=shares)
    assert found["b"].published_at == "2020-01-01"
    assert {name for name, entry in found.items() if entry.split is Split.TRAIN} == {"a", "c"}


def test_disqualified_rows_are_dropped_one_by_one(tmp_path: Path):
    bad = {"image_id": "a", "disqualified": "True", "disqualification_reason": "a video"}
    found, rejected = listed(
        tmp_path,
        bad | EDIT,
        {"image_id": "a"} | UNTOUCHED,
        {"image_id": "b"} | bad | {"image_id": "b"},
    )
    assert found["a"].judged.label is Label.AUTHENTIC
    assert rejected == {"stage_2.csv row 1": "disqualified: a video", "b": "disqualified: a video"}


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"image_id": "zz"} | EDIT, "no metadata"),
        ({"image_id": ""} | EDIT, "no image_id"),
        ({"image_id": "../../etc"} | EDIT, "no image_id"),
        ({"image_id": "a"}, "no label"),
        ({"image_id": "a", "day": ""} | EDIT, "no date"),
        ({"image_id": "a", "day": "soon"} | EDIT, "no date"),
        ({"image_id": "a", "day": "1970-01-01 00:00:00"} | EDIT, "no date"),
    ],
)
def test_row_that_cannot_be_used_is_rejected_with_its_kind(
    tmp_path: Path, row: dict[str, object], kind: str
):
    found, rejected = listed(tmp_path, row)
    assert not found
    assert [reason.partition(":")[0] for reason in rejected.values()] == [kind]


def test_undated_images_may_be_learned_from(tmp_path: Path):
    found, _ = listed(tmp_path, {"image_id": "a", "day": ""} | EDIT, undated="train")
    assert found["a"].split is Split.TRAIN


def test_fact_check_that_is_not_listed_leaves_no_date(tmp_path: Path):
    row = {"image_id": "a", "fact_check_url": ""}
    assert listed(tmp_path, row | EDIT)[1]["a"].startswith("no date")
