"""Jobs go on where they were, whatever happens to the process, and stay behind single requests."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from assay.evidence_pool import EvidencePool
from assay.store import CaptureFilter, Job, JobState, Store, StoreSettings
from assay.store.account_tables import JobItemRow, JobRow
from assay.store.columns import utc_now
from assay.store.ids import new_id
from bento import job_files, job_runner
from bento.api.auth import DEVELOPMENT
from bento.api.job_shapes import ARCHIVE, URLS
from bento.job_runner import JobRunner
from tests.bento import services, zips
from tests.bento.services import Service

MODULE = "tests.bento.job_process"


@contextmanager
def process(model: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A service in a process of its own; whatever is left of it is killed at the end."""
    command = [sys.executable, "-m", MODULE, str(model), str(folder)]
    with subprocess.Popen(command, start_new_session=True) as started:
        try:
            yield started
        finally:
            os.killpg(started.pid, signal.SIGKILL)


def stored_job(store: Store, count: int, first: int = 300) -> str:
    """A job over ``count`` images, as the service leaves it when it has answered 202."""
    archive = zips.packed({f"{n}.jpg": services.photo(first + n) for n in range(count)})
    return kept_job(store, archive).id


def kept_job(store: Store, archive: bytes) -> Job:
    job_id, stream = new_id(), io.BytesIO(archive)
    names = job_files.check(stream, 100)
    job_files.keep(store, job_id, stream)
    return store.jobs.create(DEVELOPMENT, ARCHIVE, names, {"rationale": "never"}, job_id)


def wait_for(reached: Callable[[], bool]) -> None:
    """Return once something is so; fail after two minutes."""
    end = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < end, "it never was so"
        time.sleep(0.01)


def rows(service: Service, job_id: str) -> list[dict[str, Any]]:
    answer = service.client.get(f"/v1/jobs/{job_id}/result")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.iter_lines()]


def in_three_minutes() -> datetime:
    """When a job that was left alone is anybody's."""
    return utc_now() + timedelta(minutes=3)


def test_killed_job_is_completed_after_a_restart_each_image_once(
    served_model: Path, tmp_path: Path
) -> None:
    settings, count = StoreSettings(folder=tmp_path), 8
    with Store.open(settings, drain=False) as store:
        job_id = stored_job(store, count)
        with process(served_model, tmp_path) as killed:
            wait_for(lambda: store.jobs.get(job_id).done >= 2)
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        left = store.jobs.get(job_id)
        assert (left.state, 2 <= left.done < count) == (JobState.PENDING, True)
        with Store.open(settings, clock=in_three_minutes, drain=False) as another:
            another.jobs.release(another.jobs.claim("another").id, "another")
    with services.running(served_model, tmp_path) as service:
        job = zips.ended(service, job_id)
        assert (job["state"], job["done"], job["failed"]) == ("done", count, 0)
        found = rows(service, job_id)
        assert [row["name"] for row in found] == [f"{n}.jpg" for n in range(count)]
        service.runtime.store.drainer.drain()
        captured = service.runtime.store.captures.page(limit=1000)
        assert sorted(one.id for one in captured) == sorted(row["id"] for row in found)
        assert not (tmp_path / "jobs" / job_id).exists()


def test_image_that_was_answered_but_not_recorded_is_not_captured_twice(service: Service) -> None:
    store, archive = service.runtime.store, zips.packed({"a.jpg": services.photo(350)})
    job = kept_job(store, archive)
    zips.ended(service, job.id)
    first = rows(service, job.id)
    job_files.keep(store, job.id, io.BytesIO(archive))
    with store.database.writing() as session:  # as a kill leaves it just before recording
        blank = {"state": "pending", "capture_id": None}
        session.execute(sa.update(JobItemRow).where(JobItemRow.job_id == job.id).values(blank))
        session.execute(sa.update(JobRow).where(JobRow.id == job.id).values(state="pending"))
    zips.ended(service, job.id)
    assert rows(service, job.id) == first
    store.drainer.drain()
    same = CaptureFilter(external_id="a.jpg")
    assert [one.id for one in store.captures.page(same)] == [first[0]["id"]]


def test_jobs_take_turns(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runner, "SLICE", 2)
    store = service.runtime.store
    with service.runtime.engine.admission.admit(50):
        long, short = stored_job(store, 8, 360), stored_job(store, 2, 370)
    zips.ended(service, short)
    assert store.jobs.get(long).state is JobState.PENDING
    assert zips.ended(service, long)["done"] == 8


def test_job_waits_while_the_service_is_busy(service: Service) -> None:
    store = service.runtime.store
    with service.runtime.engine.admission.admit(50):
        job_id = stored_job(store, 1, 380)
        wait_for(lambda: store.jobs.get(job_id).began_at is not None)
        assert service.detect(services.photo(381)).status_code == 200
        assert store.jobs.get(job_id).done == 0
    assert zips.ended(service, job_id)["done"] == 1


def test_job_stops_when_it_is_cancelled(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runner, "_KEEP_EVERY", 0.01)
    store = service.runtime.store
    with service.runtime.engine.admission.admit(50):
        cancelled = stored_job(store, 1, 382)
        wait_for(lambda: store.jobs.get(cancelled).began_at is not None)
        service.client.delete(f"/v1/jobs/{cancelled}")
        following = stored_job(store, 1, 383)
        wait_for(lambda: store.jobs.get(following).began_at is not None)
    assert zips.ended(service, following)["done"] == 1
    assert not [one for one in store.jobs.items(cancelled) if one.capture_id]


def test_job_for_another_model_is_given_up(service: Service) -> None:
    options = {"model_version": "the-last-one"}
    store = service.runtime.store
    job = store.jobs.create(DEVELOPMENT, URLS, ['{"url": "http://127.0.0.1"}'], options)
    ended = zips.ended(service, job.id)
    assert (ended["state"], ended["failed"]) == ("failed", 0)
    assert "the-last-one" in ended["error"]


def test_job_whose_archive_is_elsewhere_is_given_up(service: Service) -> None:
    job = service.runtime.store.jobs.create(DEVELOPMENT, ARCHIVE, ["a.jpg"], {})
    ended = zips.ended(service, job.id)
    assert ended["state"] == "failed"
    assert "not on this machine" in ended["error"]


def test_half_of_the_worker_processes_stay_free(service: Service) -> None:
    here = service.runtime
    at_once = []
    for workers in (1, 2, 3, 8):
        with EvidencePool(Path(), workers) as pool:
            engine = copy(here.engine)
            engine.pool = pool
            at_once.append(JobRunner(replace(here, engine=engine)).at_once)
    assert at_once == [1, 1, 1, 4]


def test_results_are_forgotten_after_their_days_and_strays_removed(tmp_path: Path) -> None:
    settings = StoreSettings(folder=tmp_path)
    with (
        Store.open(settings, drain=False) as store,
        Store.open(settings, clock=lambda: utc_now() + timedelta(days=31), drain=False) as then,
    ):
        ended, going_on = stored_job(store, 1), stored_job(store, 1)
        stray = tmp_path / "jobs" / new_id()
        stray.mkdir()
        store.jobs.end(ended, JobState.CANCELLED)
        job_files.tidy(store, 30)
        assert {path.name for path in (tmp_path / "jobs").iterdir()} == {going_on, stray.name}
        os.utime(stray, (0, 0))
        job_files.tidy(then, 30)
        assert [path.name for path in (tmp_path / "jobs").iterdir()] == [going_on]
        assert [job.id for job in store.jobs.page(DEVELOPMENT)] == [going_on]
