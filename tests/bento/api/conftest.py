"""One service that asks for keys, for all tests of the routes around a detection."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assay.fusion import Fusion
from assay.model_folder import FUSION_FILE
from assay.store import Scope
from tests.bento import services
from tests.bento.people import People
from tests.bento.services import Service


@pytest.fixture(scope="session")
def service(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that needs keys, with a client that may do everything."""
    store = {"audit_share": 0.0, "reports_per_hour": 2}
    folder = tmp_path_factory.mktemp("keyed")
    # Evidence alone counts, as in the model that is shipped: case files derive its verdicts.
    model = shutil.copytree(served_model, folder / "model")
    Fusion().save(model / FUSION_FILE)
    with services.running(model, folder / "store", store=store, auth=True) as running:
        client = People(running).key("platform", *Scope)
        yield replace(running, client=client)


@pytest.fixture(scope="session")
def people(service: Service) -> People:
    """Everybody else."""
    return People(service)
