"""The pool of processes: results, errors, killed processes, cancelling, and its end."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from assay import descriptors, duplicates, images, intake, siblings
from assay.detector import Detector
from assay.errors import (
    AssayError,
    CheckpointMismatch,
    ImageTooLarge,
    RateLimited,
    UnknownPlugin,
    UnreadableImage,
    WorkerLost,
)
from assay.evidence_pool import EvidencePool
from assay.home import REPOSITORY
from assay.servers import ServerFailed
from assay.siblings import Kinship
from tests.scenes import scene

PICTURE = images.encode_jpeg(scene(3, 96, 128), 90)


@pytest.fixture(scope="module")
def pool(small_model: Path) -> Iterator[EvidencePool]:
    with EvidencePool(small_model, workers=2) as pool:
        pool.warm_up()
        yield pool


def process() -> int:
    return os.getpid()


def hold(path: Path) -> int:
    """Say who works, then work until told to stop."""
    unfinished = path.with_suffix(".part")
    unfinished.write_text(str(os.getpid()))
    unfinished.rename(path)
    while not path.with_suffix(".stop").exists():
        time.sleep(0.01)
    return os.getpid()


def holder(path: Path) -> int:
    """The process that works at ``path``, once it has begun."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(path.read_text())


def unknown_plugin() -> None:
    raise UnknownPlugin("model", "tyni", ["tiny", "large"])


def test_what_comes_back_describes_the_image_and_can_be_answered(
    pool: EvidencePool, small_model: Path
) -> None:
    prepared, photo = pool.submit(PICTURE).result(), images.decode(PICTURE)
    hashed = duplicates.perceptual_hash(photo.pixels)
    assert prepared.facts == intake.ImageFacts(
        128,
        96,
        "image/jpeg",
        siblings.pixel_digest(photo),
        hashed.bits.hex(),
        duplicates.perceptual_hash(photo.pixels[:, ::-1]).bits.hex(),
        hashed.quality,
    )
    assert prepared.timings.keys() == {"decode", "hash", "describe", "evidence"}
    assert prepared.descriptors == descriptors.describe(photo)
    assert all(milliseconds > 0 for milliseconds in prepared.timings.values())
    detector = Detector.load(small_model)
    (answered,), (detected,) = detector.answer([prepared.question]), detector.detect([photo])
    assert answered.as_dict() == detected.as_dict()


def test_an_image_is_identified_without_evidence(pool: EvidencePool) -> None:
    saved_again = images.encode_png(images.decode(PICTURE).pixels)
    first, second = (pool.run(intake.identify, data).result() for data in (PICTURE, saved_again))
    assert (first.media_type, second.media_type) == ("image/jpeg", "image/png")
    assert first.pixel_digest == second.pixel_digest
    assert first == intake.identify(PICTURE)


def test_other_work_runs_in_the_same_processes(pool: EvidencePool) -> None:
    photo = images.decode(PICTURE)
    found = pool.run(siblings.compare, photo, photo).result()
    assert found.kind is Kinship.IDENTICAL
    assert pool.run(process).result() != os.getpid()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"no image", UnreadableImage),
        (PICTURE[: len(PICTURE) // 2], UnreadableImage),
        (
            images.encode_png(np.zeros((1, 1, 3), np.uint8)).replace(
                b"\x00\x00\x00\x01\x00\x00\x00\x01", b"\x00\x01\x00\x00\x00\x01\x00\x00"
            ),
            (ImageTooLarge, UnreadableImage),
        ),
        (bytes(images.MAX_BYTES + 1), ImageTooLarge),
    ],
    ids=["no image", "torn", "huge header", "huge file"],
)
def test_errors_of_the_domain_come_back_as_themselves(
    pool: EvidencePool, data: bytes, error: type[AssayError]
) -> None:
    with pytest.raises(error) as here:
        images.decode(data)
    with pytest.raises(error) as there:
        pool.submit(data).result()
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))
    assert pool.submit(PICTURE).result().facts.width == 128


def test_an_error_with_its_own_constructor_comes_back_whole(pool: EvidencePool) -> None:
    with pytest.raises(UnknownPlugin, match="unknown model 'tyni', did you mean 'tiny'"):
        pool.run(unknown_plugin).result()


def every_error(kind: type[AssayError] = AssayError) -> Iterator[type[AssayError]]:
    """Those of the domain: the service's own refusals never cross processes."""
    if kind.__module__.startswith("assay."):
        yield kind
    for child in kind.__subclasses__():
        yield from every_error(child)


@pytest.mark.parametrize(
    "kind", sorted(set(every_error()) | {ServerFailed}, key=lambda kind: kind.__name__)
)
def test_every_error_survives_pickling(kind: type[AssayError]) -> None:
    special: dict[type[AssayError], tuple[Any, ...]] = {
        UnknownPlugin: ("model", "tyni", ["tiny"]),
        RateLimited: ("what and remedy", 1.5),
    }
    error = kind(*special.get(kind, ("what and remedy",)))
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (kind, str(error), vars(error))


def test_what_cannot_be_sent_is_refused_at_once(pool: EvidencePool) -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pool.run(lambda: 1)


def test_a_killed_process_costs_its_own_request_only(pool: EvidencePool, tmp_path: Path) -> None:
    doomed, kept = pool.run(hold, tmp_path / "doomed"), pool.run(hold, tmp_path / "kept")
    waiting = [pool.submit(PICTURE) for _ in range(3)]
    killed, other = holder(tmp_path / "doomed"), holder(tmp_path / "kept")
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(WorkerLost, match="was killed"):
        doomed.result(timeout=30)
    assert [one.result(timeout=30).facts.width for one in waiting] == [128] * 3
    (tmp_path / "kept.stop").touch()
    assert kept.result(timeout=30) == other
    assert pool.submit(PICTURE).result(timeout=30).facts.width == 128


def test_a_process_killed_while_idle_is_nobodys_fault(pool: EvidencePool) -> None:
    workers = {pool.run(process).result() for _ in range(4)}
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while not all(worker._process._broken for worker in pool._workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [pool.submit(PICTURE).result(timeout=30).facts.height for _ in range(4)] == [96] * 4


def test_work_without_end_is_given_up(small_model: Path, tmp_path: Path) -> None:
    with EvidencePool(small_model, workers=1, time_limit=2.0) as pool:
        pool.warm_up()
        with pytest.raises(WorkerLost, match="more than 2 s"):
            pool.run(hold, tmp_path / "endless").result(timeout=30)
        assert pool.submit(PICTURE).result(timeout=30).facts.width == 128


def test_waiting_work_can_be_cancelled_and_runs_in_order(small_model: Path, tmp_path: Path) -> None:
    with EvidencePool(small_model, workers=1) as pool:
        first = pool.run(hold, tmp_path / "first")
        second, third = (pool.run(hold, tmp_path / name) for name in ("second", "third"))
        holder(tmp_path / "first")
        assert second.cancel()
        assert not first.cancel()
        for name in ("first", "third"):
            (tmp_path / f"{name}.stop").touch()
        assert third.result(timeout=30) == first.result(timeout=30)
        assert not (tmp_path / "second").exists()


def test_closing_finishes_what_has_begun_and_leaves_no_process(
    small_model: Path, tmp_path: Path
) -> None:
    pool = EvidencePool(small_model, workers=1)
    begun, waiting = pool.run(hold, tmp_path / "begun"), pool.submit(PICTURE)
    worker = psutil.Process(holder(tmp_path / "begun"))
    (tmp_path / "begun.stop").touch()
    pool.close()
    assert begun.result(timeout=0) == worker.pid
    assert waiting.cancelled() or waiting.done()
    assert not worker.is_running()
    with pytest.raises(RuntimeError):
        pool.submit(PICTURE)


def test_a_folder_that_is_no_model_is_said_at_warm_up(tmp_path: Path) -> None:
    with EvidencePool(tmp_path, workers=1) as pool:
        with pytest.raises(CheckpointMismatch, match="is not a model folder"):
            pool.warm_up()
        with pytest.raises(CheckpointMismatch, match="is not a model folder"):
            pool.submit(PICTURE).result()


def test_processes_leave_with_a_killed_parent(small_model: Path, tmp_path: Path) -> None:
    script = tmp_path / "serving.py"
    script.write_text(
        textwrap.dedent(
            """
            import pathlib, sys
            from assay.evidence_pool import EvidencePool
            from tests.test_evidence_pool import hold

            if __name__ == "__main__":
                pool = EvidencePool(pathlib.Path(sys.argv[1]), workers=2)
                pool.run(hold, pathlib.Path(sys.argv[2], "busy")).result()
            """
        )
    )
    command = [sys.executable, str(script), str(small_model), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    serving = subprocess.Popen(command, env=environment)
    holder(tmp_path / "busy")
    descendants = psutil.Process(serving.pid).children(recursive=True)
    assert descendants
    serving.kill()
    serving.wait()
    assert psutil.wait_procs(descendants, timeout=20)[1] == []
