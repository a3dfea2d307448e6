"""A store on a file in memory, and a state folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from assay.store import Store, StoreSettings
from tests.captures import Clock

MEMORY = Path("/dev/shm")


@pytest.fixture
def home_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    base = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(dir=base) as folder:
        monkeypatch.setenv("ASSAY_HOME", folder)
        yield Path(folder)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(home_folder: Path, clock: Clock) -> Iterator[Store]:
    settings = StoreSettings(folder=home_folder / "store", audit_share=0.0)
    with Store.open(settings, clock=clock, drain=False) as opened:
        yield opened
