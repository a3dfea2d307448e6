"""One small model for all tests of the service, and one running service a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bento import services
from tests.bento.services import Service


@pytest.fixture(scope="session")
def served_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and calibrated model folder."""
    return services.trained_model(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def service(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service without keys."""
    with services.running(served_model, tmp_path_factory.mktemp("store")) as running:
        yield running
