"""A copy of a request is answered in full, by the model, and leaves no trace."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from assay.rollout.nginx import COPY_HEADER, VERDICT_HEADER
from bento.job_runner import JobRunner
from tests.bento import services
from tests.bento.services import Service
from tests.bento.test_draining import wait_until

SECRET = secrets.token_urlsafe()


@pytest.fixture(scope="module")
def copied(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("copied")
    standby = folder / "standby"
    standby.touch()
    store = folder / "store"
    with services.running(served_model, store, copy_secret=SECRET, standby=standby) as running:
        yield running


def ask(service: Service, image: bytes, secret: str = "", **headers: str) -> httpx.Response:
    marked = {COPY_HEADER: secret} if secret else {}
    files = {"file": ("a.jpg", image)}
    answer = service.client.post("/v1/detect", files=files, headers={**marked, **headers})
    assert answer.status_code == 200, answer.text
    return answer


def test_copy_is_answered_and_kept_nowhere(copied: Service) -> None:
    answer = ask(copied, services.photo(1), SECRET, **{"Idempotency-Key": "one"}).json()
    captures = copied.runtime.store.captures
    assert captures.find(answer["id"]) is None
    assert copied.runtime.store.spool.pending() == []
    kept = ask(copied, services.photo(2), **{"Idempotency-Key": "one"}).json()
    assert captures.find(kept["id"]) is not None


def test_copy_of_what_was_seen_is_judged_anew(copied: Service) -> None:
    image = services.photo(3)
    first = ask(copied, image).json()
    again, copy = ask(copied, image).json(), ask(copied, image, SECRET).json()
    assert again["answered_from"] == first["id"]
    assert copy["answered_from"] is None
    assert (copy["label"], copy["score"]) == (first["label"], pytest.approx(first["score"]))


def test_forged_mark_makes_no_copy(copied: Service) -> None:
    answer = ask(copied, services.photo(4), "guessed").json()
    assert copied.runtime.store.captures.find(answer["id"]) is not None


def test_answer_names_its_verdict_to_proxies(copied: Service) -> None:
    answer = ask(copied, services.photo(5))
    label, score = answer.headers[VERDICT_HEADER].split()
    assert label == answer.json()["label"]
    assert float(score) == pytest.approx(answer.json()["score"], abs=1e-6)


def test_service_on_standby_takes_up_no_jobs(copied: Service) -> None:
    standby = copied.runtime.settings.standby
    assert standby is not None
    jobs = copied.runtime.store.jobs
    job = jobs.create("tests", "urls", ['{"url": "http://127.0.0.1:1/a.jpg"}'], {})
    asyncio.run(JobRunner(copied.runtime).work())
    assert jobs.get(job.id).began_at is None
    standby.unlink()
    wait_until(lambda: jobs.get(job.id).began_at is not None)
