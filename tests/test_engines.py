"""Engines: the same results in the same order, the same errors, and no Ray left behind."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from assay import ray_engine
from assay.dataset import Dataset, DataSettings
from assay.dataset_builder import build_dataset
from assay.engines import Each, Engine, running
from assay.errors import SourceUnavailable, StorageError, UnreadableImage
from assay.image_profile import profile
from assay.images import Variant
from assay.measuring import measure_dataset
from assay.progress import silent
from assay.records import Split

WORKERS = 2
PHOTOS = {
    "options": {"crop_size": 64},
    "limit": 51,
    "pair_size": 64,
    "manipulations": ("copy_move", "text_overlay"),
    "workers": WORKERS,
}


@pytest.fixture(scope="module")
def each(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Each]:
    """One Ray for the whole module: it takes seconds to start."""
    with running(Engine.RAY, WORKERS, tmp_path_factory.mktemp("ray")) as each:
        yield each


def square(number: int, offset: int = 0) -> int:
    if number < 0:
        raise UnreadableImage(f"no square of {number}")
    return number * number + offset


def process(_: int) -> int:
    return os.getpid()


def die_once(folder: Path, number: int) -> int:
    try:
        (folder / "died").touch(exist_ok=False)
    except FileExistsError:
        return number
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_ray_keeps_the_order(each: Each) -> None:
    assert list(each(partial(square, offset=1), range(12))) == [n * n + 1 for n in range(12)]


def test_ray_raises_what_the_work_raises(each: Each) -> None:
    with pytest.raises(UnreadableImage, match="no square of -1"):
        list(each(square, [1, -1, 2]))


def test_ray_works_in_other_processes(each: Each) -> None:
    assert os.getpid() not in set(each(process, range(4)))


def test_ray_gives_the_work_of_a_killed_worker_to_another(each: Each, tmp_path: Path) -> None:
    assert list(each(partial(die_once, tmp_path), range(4))) == [0, 1, 2, 3]


def test_cluster_that_does_not_answer_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with (
        pytest.raises(SourceUnavailable, match=f"no Ray cluster at 127.0.0.1:{port}"),
        running(Engine.RAY, WORKERS, tmp_path),
    ):
        raise AssertionError


def test_machines_must_see_the_folder(each: Each, tmp_path: Path) -> None:
    ray_engine.check_machines(tmp_path)
    with pytest.raises(StorageError, match=r"does not see .*ASSAY_HOME"):
        ray_engine.check_machines(tmp_path / "elsewhere")


def test_machines_must_run_the_same_code(
    each: Each, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.fingerprints.code_fingerprint", lambda: "another")
    with pytest.raises(StorageError, match="runs other code"):
        ray_engine.check_machines(tmp_path)


@pytest.fixture(scope="module")
def both(each: Each, tmp_path_factory: pytest.TempPathFactory) -> list[Dataset]:
    """The same settings, built by each engine."""
    root = tmp_path_factory.mktemp("datasets")
    return [build_dataset(DataSettings(engine=one, **PHOTOS), root / one) for one in Engine]


def test_engine_changes_no_row_of_a_dataset(both: list[Dataset]) -> None:
    one, other = both
    assert one.version == other.version
    assert one.path.name == other.path.name
    for file in sorted(one.path.glob("*.parquet")):
        assert file.read_bytes() == (other.path / file.name).read_bytes()


def test_engine_changes_no_measurement(both: list[Dataset], tmp_path: Path) -> None:
    tables = [
        measure_dataset(
            both[0], [Split.TEST], Variant.BIAS_CONTROLLED, WORKERS, kept=tmp_path / e, engine=e
        )
        for e in Engine
    ]
    assert tables[0].num_rows > 10
    assert tables[0].equals(tables[1])


def test_engine_changes_no_profile(both: list[Dataset]) -> None:
    one, other = (profile(both[0], WORKERS, silent, engine) for engine in Engine)
    assert one.equals(other)
