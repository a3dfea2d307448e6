"""One small model for all tests of the service; services in this process, and real ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bento import servers, services
from tests.bento.servers import Server
from tests.bento.services import Service


@pytest.fixture(scope="module")
def service(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service without keys."""
    with services.running(served_model, tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture(scope="session")
def open_server(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as it really runs, for whoever asks from this machine."""
    with servers.serving(served_model, tmp_path_factory.mktemp("open")) as server:
        yield server


@pytest.fixture(scope="session")
def locked_server(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as it really runs, for those with a key."""
    with servers.serving(served_model, tmp_path_factory.mktemp("locked"), auth=True) as server:
        yield server
