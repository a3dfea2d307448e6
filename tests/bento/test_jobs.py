"""Thousands of images: sent, watched, cancelled and fetched."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assay.store import CaptureFilter, Job, JobState
from assay.store.ids import new_id
from bento.api import bodies, jobs
from tests.bento import services
from tests.bento.services import Service
from tests.bento.zips import begin, ended, packed

MIXED = {
    "b.jpg": services.photo(200),
    "=SUM(A1).jpg": services.photo(201),
    "sub/notes.txt": b"no image",
    "a.jpg": services.photo(202),
}


EMPTY_FORM = ("multipart/form-data; boundary=b", b"--b--\r\n")


@pytest.fixture(scope="module")
def done(service: Service) -> dict[str, Any]:
    """A job over good and bad images that has ended."""
    answer = begin(service, packed(MIXED), rationale="never")
    assert answer.status_code == 202, answer.text
    return ended(service, answer.json()["id"])


@pytest.fixture
def waiting(service: Service) -> Iterator[dict[str, Any]]:
    """A job that does not come to its turn, as the service is busy."""
    with service.runtime.engine.admission.admit(50):
        yield begin(service, packed({"a.jpg": services.photo(203)})).json()


def folders(service: Service) -> list[str]:
    """What is kept for jobs."""
    return [path.name for path in (service.runtime.store.folder / "jobs").glob("*")]


def known(service: Service) -> list[str]:
    """The ids of all jobs, however far they are."""
    return [job["id"] for job in service.client.get("/v1/jobs").json()["jobs"]]


def result(service: Service, job: dict[str, Any], **query: Any) -> bytes:
    return service.client.get(f"/v1/jobs/{job['id']}/result", params=query).content


def test_job_is_accepted_with_where_to_look(service: Service) -> None:
    answer = begin(service, packed({"a.jpg": services.photo(204)}))
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == job["links"]["self"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["total"], job["done"]) == ("pending", 1, 0)
    assert job["rate"] is job["eta_seconds"] is job["began_at"] is None
    assert ended(service, job["id"])["done"] == 1


def test_job_counts_what_succeeded_and_what_failed(service: Service, done: dict[str, Any]) -> None:
    assert (done["state"], done["total"], done["done"], done["failed"]) == ("done", 4, 3, 1)
    assert done["rate"] > 0
    assert done["eta_seconds"] is None
    assert done["id"] not in folders(service)


def test_images_of_a_job_are_checked_where_it_asks_for_that(
    service: Service, done: dict[str, Any]
) -> None:
    job = begin(service, packed({"again.jpg": services.photo(205)}), stability="true").json()
    ended(service, job["id"])
    store = service.runtime.store
    (found,) = store.captures.page(CaptureFilter(external_id="again.jpg"))
    assert found.stability is not None
    # As older releases, which refuse options that they do not know, would keep it.
    assert "stability" not in store.jobs.get(done["id"]).options


def test_result_has_a_row_for_each_image_in_order(service: Service, done: dict[str, Any]) -> None:
    rows = [json.loads(line) for line in result(service, done, format="jsonl").splitlines()]
    assert [row["name"] for row in rows] == list(MIXED)
    assert [row["code"] for row in rows] == [None, None, "unreadable_image", None]
    for row in rows:
        if row["error"]:
            assert row["id"] is row["label"] is row["score"] is None
            continue
        detection = service.client.get(f"/v1/detections/{row['id']}").json()
        for name in ("label", "score", "needs_review"):
            assert row[name] == detection[name]
        for label, probability in detection["probabilities"].items():
            assert row[f"probability_{label}"] == probability
        assert detection["external_id"] == row["external_id"] == row["name"]


def test_parquet_and_jsonl_say_the_same(service: Service, done: dict[str, Any]) -> None:
    table = pq.read_table(io.BytesIO(result(service, done, format="parquet")))
    lines = result(service, done, format="jsonl").splitlines()
    assert table.to_pylist() == [json.loads(line) for line in lines]
    assert str(table.schema.field("score").type) == "double"


def test_cells_that_a_spreadsheet_would_run_are_defused(
    service: Service, done: dict[str, Any]
) -> None:
    text = result(service, done, format="csv").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["name"] for row in rows] == ["b.jpg", "'=SUM(A1).jpg", "sub/notes.txt", "a.jpg"]
    assert float(rows[0]["score"]) == pytest.approx(1 - float(rows[0]["probability_authentic"]))


def test_addresses_that_are_not_fetched_are_failures(service: Service) -> None:
    body = {"urls": ["http://127.0.0.1/a.jpg", "http://10.0.0.1/b.jpg"], "rationale": "never"}
    job = service.client.post("/v1/jobs", json=body).json()
    assert ended(service, job["id"])["failed"] == 2
    rows = [json.loads(line) for line in result(service, job).splitlines()]
    assert [(row["name"], row["code"]) for row in rows] == [
        (url, "forbidden_address") for url in body["urls"]
    ]


def test_lines_name_images_in_the_words_of_the_platform(service: Service) -> None:
    lines = ["http://127.0.0.1/a.jpg", "http://127.0.0.1/b.jpg"]
    body = "\n\n".join(json.dumps({"url": url, "external_id": url[-5:]}) for url in lines)
    headers = {"Content-Type": "application/x-ndjson"}
    answer = service.client.post("/v1/jobs?rationale=never", content=body, headers=headers)
    job = ended(service, answer.json()["id"])
    rows = [json.loads(line) for line in result(service, job).splitlines()]
    assert [row["external_id"] for row in rows] == ["a.jpg", "b.jpg"]


def test_result_waits_for_the_end_unless_part_of_it_is_asked_for(
    service: Service, waiting: dict[str, Any]
) -> None:
    path = f"/v1/jobs/{waiting['id']}/result"
    answer = service.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ended_yet")
    answer = service.client.get(path, params={"partial": 1})
    assert (answer.status_code, answer.content) == (200, b"")


def test_cancelled_job_ends_and_keeps_nothing(service: Service, waiting: dict[str, Any]) -> None:
    assert waiting["id"] in folders(service)
    path = f"/v1/jobs/{waiting['id']}"
    assert service.client.delete(path).json()["state"] == "cancelled"
    assert waiting["id"] not in folders(service)
    assert service.client.delete(path).json()["state"] == "cancelled"
    assert service.client.get(f"{path}/result").content == b""


def test_job_that_is_done_cannot_be_cancelled(service: Service, done: dict[str, Any]) -> None:
    assert service.client.delete(f"/v1/jobs/{done['id']}").json() == done


def test_job_of_another_client_is_not_there(service: Service) -> None:
    other = service.runtime.store.jobs.create("other", "urls", [], {})
    for job_id in (other.id, new_id()):
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/result")):
            answer = service.client.request(method, f"/v1/jobs/{job_id}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_stored")
    listed = service.client.get("/v1/jobs", params={"limit": 200}).json()["jobs"]
    assert other.id not in {job["id"] for job in listed}


def test_own_jobs_are_listed_in_pages(service: Service, done: dict[str, Any]) -> None:
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = service.client.get("/v1/jobs", params=query).json()
        found += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        query["before"] = page["next"]
    assert found == sorted(found, reverse=True)
    assert done["id"] in found


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (packed({"ok.jpg": b"x", "../../etc/passwd": b"x"}), "leads out"),
        (packed({"ok.jpg": b"x", "/etc/passwd": b"x"}), "absolute"),
        (packed({"bomb.bmp": bytes(2**23)}), "times when unpacked"),
        (packed({"inner.zip": packed({"a": b"a"})}), "archive itself"),
        (services.photo(1), "no zip"),
    ],
)
def test_hostile_archive_is_refused_before_anything_is_kept(
    service: Service, archive: bytes, words: str
) -> None:
    before = set(folders(service)), known(service)
    answer = begin(service, archive)
    assert (answer.status_code, answer.json()["code"]) == (422, "unsafe_archive")
    assert words in answer.json()["error"]
    assert set(folders(service)) <= before[0]
    assert known(service) == before[1]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/zip", packed({"a.jpg": b"a"})),
        ("application/json", b'{"urls": []}'),
        ("application/json", b'{"urls": [1]}'),
        ("application/json", b'{"urls": ["http://example.org"], "colour": 1}'),
        ("application/x-ndjson", b"\n"),
        ("application/x-ndjson", b'{"url": "http://example.org"}\n{"url": ""}'),
        EMPTY_FORM,
    ],
)
def test_malformed_job_is_refused(service: Service, kind: str, body: bytes) -> None:
    answer = service.client.post("/v1/jobs", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), answer.text


def test_empty_archive_is_refused(service: Service) -> None:
    assert begin(service, packed({})).status_code == 400


def test_more_images_than_a_job_may_hold_are_refused(served_model: Path, tmp_path: Path) -> None:
    many = [f"http://127.0.0.1/{n}.jpg" for n in range(3)]
    lines = "\n".join(json.dumps({"url": url}) for url in many)
    with services.running(served_model, tmp_path, max_job=2) as small:
        headers = {"Content-Type": "application/x-ndjson"}
        answers = [
            begin(small, packed({url[-5:]: b"x" for url in many})),
            small.client.post("/v1/jobs", json={"urls": many}),
            small.client.post("/v1/jobs", content=lines, headers=headers),
        ]
        assert [answer.status_code for answer in answers] == [413] * 3
        assert folders(small) == []


def test_text_beyond_what_is_held_in_memory_is_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY", 100)
    answer = service.client.post("/v1/jobs", json={"urls": ["http://127.0.0.1/" + "a" * 100]})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_another_version_of_the_model_refuses_the_job(service: Service) -> None:
    answer = begin(service, packed({"a.jpg": b"a"}), model_version="none-such")
    assert (answer.status_code, answer.json()["code"]) == (409, "model_not_served")


@pytest.mark.parametrize("job_id", ["x", "..%2F..%2Fetc", "01A2087B-D9EF-74C5-8AFB-854CE408936F"])
def test_what_is_no_identifier_is_refused(service: Service, job_id: str) -> None:
    assert service.client.get(f"/v1/jobs/{job_id}").status_code in (404, 422)


def test_eta_is_what_is_left_at_the_rate_so_far() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    last = began + timedelta(seconds=20)
    job = Job(new_id(), "c", "urls", JobState.PENDING, {}, "", 100, 35, 5, began, began, last)
    told = jobs.shape(job)
    assert (told.rate, told.eta_seconds) == (2.0, 30.0)


def test_contract_describes_the_jobs_completely(service: Service) -> None:
    contract = service.client.get("/openapi.json").json()
    ours = [path for path in contract["paths"] if "jobs" in path or "batch" in path]
    assert len(ours) == 4
    described = json.dumps([contract["paths"][path] for path in ours])
    assert "$defs" not in described
