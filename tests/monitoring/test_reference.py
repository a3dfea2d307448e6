"""What windows are compared with: the best there is, made once, gone with nobody's image."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from assay.model_folder import MODEL_FILE
from assay.monitoring import reference
from assay.monitoring.numbers import ReferenceKind
from assay.monitoring.settings import ReferenceSettings
from assay.store import Store
from tests.captures import START
from tests.monitoring.traffic import serve

SETTINGS = ReferenceSettings(captures=100, images=0, least_pictures=50)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The description of a model, which is all that is read of it."""
    return described(tmp_path)


def described(folder: Path, **facts: object) -> Path:
    known = {"family": "tiny", "prompt_version": "3", "seen_groups": [], "version": "7"}
    (folder / MODEL_FILE).write_text(json.dumps({**known, **facts}))
    return folder


def test_nothing_is_compared_with_nothing(store: Store, model: Path):
    serve(store, 99)
    about, table = reference.find(store, model, SETTINGS)
    assert (about.kind, about.captures, len(table)) == (ReferenceKind.NONE, 0, 0)


def test_first_captures_of_the_model_are_its_reference(store: Store, model: Path):
    serve(store, 150)
    serve(store, 120, day=-5, model="6")
    about, table = reference.find(store, model, SETTINGS)
    assert (about.kind, about.captures, about.groups) == (ReferenceKind.FIRST_CAPTURES, 100, 100)
    assert (about.since, about.until) == (START, START + timedelta(minutes=99))
    assert {"score", "client", "d_width", "e_0"} <= set(table.columns)


def test_reference_stays_when_its_captures_are_gone(store: Store, model: Path):
    serve(store, 100)
    first, table = reference.find(store, model, SETTINGS)
    store.retention.delete_before(START + timedelta(days=1), "test")
    again, same = reference.find(store, model, SETTINGS)
    assert again == first
    assert same.equals(table)


def test_reference_names_no_image(store: Store, model: Path):
    serve(store, 100)
    _, table = reference.find(store, model, SETTINGS)
    assert not {"capture_id", "created_at", "group", "decided_by"} & set(table.columns)


def test_model_that_learned_from_traffic_is_held_against_it(store: Store, tmp_path: Path):
    learned = {"since": START.isoformat(), "until": (START + timedelta(days=1)).isoformat()}
    model = described(tmp_path, captures=learned)
    serve(store, 80, model="6")
    about, table = reference.find(store, model, SETTINGS)
    assert (about.kind, about.captures) == (ReferenceKind.TRAINING_CAPTURES, 80)
    assert "d_width" in table
    assert not {"score", "label", "e_0"} & set(table.columns)


def test_what_another_model_said_is_no_reference_for_verdicts(store: Store, tmp_path: Path):
    learned = {"since": START.isoformat(), "until": (START + timedelta(days=1)).isoformat()}
    model = described(tmp_path, captures=learned)
    serve(store, 80, model="6")
    serve(store, 100, day=3)
    _, table = reference.find(store, model, SETTINGS)
    assert table["d_width"].notna().sum() == 80
    assert table["score"].notna().sum() == 100
