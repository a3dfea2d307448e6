"""The tracking store, as a first run finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay import tracking

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow, about what it imports


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the database of a new state folder will be."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return tmp_path / "mlflow.db"


def test_database_that_was_interrupted_is_made_again(
    database: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.store.db.utils._upgrade_db", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tracking.prepare_database()
    assert list(database.parent.iterdir()) == []
    tracking.prepare_database()
    assert list(database.parent.iterdir()) == [database]


def test_client_finds_the_database_that_is_there(database: Path):
    tracking.prepare_database()
    before = database.stat().st_ino
    assert tracking.client().get_experiment_by_name("Default") is not None
    assert database.stat().st_ino == before
