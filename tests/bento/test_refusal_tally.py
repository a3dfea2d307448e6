"""Images that get no answer are counted, and no count is lost with the database or at the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.errors import StoreUnavailable, UnreadableImage
from assay.store import Store, StoreSettings
from bento.refusal_tally import RefusalTally
from tests.bento import services
from tests.bento.services import photo


def counted(store: Store) -> list[tuple[str, str, int]]:
    """Client, code and count of the last days."""
    now = datetime.now(UTC)
    found = store.refusals.between(now - timedelta(days=1), now + timedelta(days=1))
    return [(refusal.client, refusal.code, count) for refusal, count in found]


def test_refused_images_are_in_the_store_when_the_service_has_ended(
    served_model: Path, tmp_path: Path
) -> None:
    with services.running(served_model, tmp_path) as service:
        assert service.detect(b"no image").status_code == 422
        items = [("file", (name, data)) for name, data in (("a", b"none"), ("b", photo(1)))]
        service.client.post("/v1/detect/batch", files=items)
    with Store.open(StoreSettings(folder=tmp_path), drain=False) as store:
        assert [(code, count) for _, code, count in counted(store)] == [("unreadable_image", 2)]


def test_counts_wait_for_the_database(tmp_path: Path) -> None:
    tally, error = RefusalTally(), UnreadableImage("no image")
    nowhere = "postgresql://127.0.0.1:1/none"
    tally.count("platform", error)
    settings = StoreSettings(folder=tmp_path, database_url=nowhere)
    with Store.open(settings, drain=False) as away, pytest.raises(StoreUnavailable):
        tally.store(away)
    tally.count("platform", error)
    with Store.open(StoreSettings(folder=tmp_path), drain=False) as store:
        tally.store(store)
        tally.store(store)
        assert counted(store) == [("platform", "unreadable_image", 2)]
