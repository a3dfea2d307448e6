"""Verdicts are given while the database is away, and are there when it is back."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from tests.bento import services
from tests.bento.services import Service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_service_without_its_database_answers_and_says_so(
    served_model: Path, folder: Path
) -> None:
    url = f"postgresql://nobody@/none?host={folder}&connect_timeout=1"
    settings = {"database_url": url, "busy_timeout": 1.0}
    with services.running(served_model, folder, store=settings) as service:
        ready = service.client.get("/readyz")
        assert ready.status_code == 200
        assert "database" in ready.json()["degraded"][0]
        found = service.detected(services.photo(1))
        assert found["decision"] is None
        assert service.client.get(f"/v1/detections/{found['id']}").json()["id"] == found["id"]
        waiting = service.client.get("/v1/detections/01a20000-0000-7000-8000-000000000000")
        assert (waiting.status_code, waiting.json()["code"]) == (503, "store_unavailable")
    with services.running(served_model, folder) as service:  # a database that does answer
        _wait_until_stored(service, found["id"])
        assert service.client.get(f"/v1/detections/{found['id']}").json()["score"] == found["score"]


def test_a_key_that_was_good_stays_good_while_the_database_is_locked_away(
    served_model: Path, folder: Path
) -> None:
    from assay.store import Scope

    settings = {"busy_timeout": 0.2}
    with services.running(served_model, folder, store=settings, auth=True) as service:
        _, secret = service.runtime.store.keys.create("shop", [Scope.DETECT], by="test")
        service.client.headers["Authorization"] = f"Bearer {secret}"
        service.detected(services.photo(1))
        _lock_away(service, folder / "store.db")
        assert service.detected(services.photo(2))["id"]
        service.client.headers["Authorization"] = "Bearer assay_live_of_a_stranger"
        assert service.detect(services.photo(3)).status_code == 503


def _lock_away(service: Service, database: Path) -> None:
    """Leave a folder in its place, however soon the service's own threads open a new one."""
    for number in count():
        database.rename(database.with_name(f"away-{number}.db"))
        service.runtime.store.database.close()
        with suppress(FileExistsError):
            database.mkdir()
            return


def _wait_until_stored(service: Service, capture_id: str) -> None:
    end = time.monotonic() + 20
    while service.runtime.store.captures.page() == []:
        assert time.monotonic() < end
        time.sleep(0.05)
