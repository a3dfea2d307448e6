"""A store in memory-backed files, and a dataset that came before its captures."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from assay.dataset import Dataset
from assay.store import Store, StoreSettings
from tests import datasets
from tests.captures import Clock
from tests.labels import base_samples

MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where there is one: tests that wait for a disk are slow."""
    with TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that has all tables, to be copied."""
    folder = tmp_path_factory.mktemp("tables")
    Store.open(StoreSettings(folder=folder), drain=False).close()
    return folder / "store.db"


@pytest.fixture
def store(tmp_path: Path, clock: Clock, tables: Path) -> Iterator[Store]:
    (tmp_path / "store").mkdir()
    shutil.copy(tables, tmp_path / "store")
    settings = StoreSettings(folder=tmp_path / "store", audit_share=0.0)
    with Store.open(settings, clock=clock, drain=False) as opened:
        yield opened


@pytest.fixture
def base(tmp_path: Path) -> Dataset:
    return datasets.stored(tmp_path / "base", base_samples())
