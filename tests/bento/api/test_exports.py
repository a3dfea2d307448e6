from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assay import prompts
from tests.bento import services
from tests.bento.people import People
from tests.bento.services import Service


@pytest.fixture
def decided(service: Service) -> str:
    """A detection that people decided, beside one that nobody has."""
    service.detected(services.photo(501))
    name = str(service.detected(services.photo(502))["id"])
    service.client.post(f"/v1/detections/{name}/feedback", json={"label": "synthesized"})
    return name


def rows(service: Service, kind: str) -> list[dict[str, Any]]:
    answer = service.client.get("/v1/export", params={"format": kind})
    assert answer.status_code == 200, answer.text
    if kind == "parquet":
        found: list[dict[str, Any]] = pq.read_table(io.BytesIO(answer.content)).to_pylist()
        return found
    return [json.loads(line) for line in answer.text.splitlines()]


def test_export_holds_what_people_decided_in_either_form(service: Service, decided: str) -> None:
    jsonl, parquet = rows(service, "jsonl"), rows(service, "parquet")
    assert jsonl == parquet
    assert {row["capture_id"]: row["label"] for row in jsonl}[decided] == "synthesized"
    assert not {row["label"] for row in jsonl} - {"authentic", "manipulated", "synthesized"}


def test_export_is_streamed_and_leaves_no_file(
    service: Service, decided: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = service.client.get("/v1/export?format=parquet")
    assert "content-length" not in answer.headers
    assert answer.headers["content-disposition"] == 'attachment; filename="labels.parquet"'
    assert list(tmp_path.iterdir()) == []


def test_export_is_in_the_audit_log(service: Service, people: People) -> None:
    people.account("ada").get("/v1/export")
    entry = list(service.runtime.store.audit.entries())[-1]
    assert (entry.actor, entry.action) == ("ada", "labels.export")


def test_another_form_is_refused(service: Service) -> None:
    answer = service.client.get("/v1/export?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_model_is_the_one_that_answers(service: Service) -> None:
    found = service.client.get("/v1/model").json()
    assert found["version"] == service.detected(services.photo(503))["model_version"]
    assert found["question"] == prompts.QUESTION
    low, high = found["review_band"]
    assert low <= found["threshold"] <= high
    assert found["serving_plan"] is None


def test_stats_count_what_came_in(service: Service, decided: str) -> None:
    service.runtime.store.drainer.drain()
    before = service.client.get("/v1/stats").json()
    service.detected(services.photo(504))
    service.runtime.store.drainer.drain()
    after = service.client.get("/v1/stats?days=1").json()
    assert after["captures"] == before["captures"] + 1 == sum(after["by_label"].values())
    assert after["votes"] >= 1
    assert (before["days"], after["days"]) == (7, 1)


@pytest.mark.parametrize("days", ["0", "-1", "99999", "week"])
def test_stats_of_no_days_are_refused(service: Service, days: str) -> None:
    answer = service.client.get(f"/v1/stats?days={days}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_every_route_is_in_the_contract_with_what_it_answers(service: Service) -> None:
    contract = service.client.get("/openapi.json").json()
    for path, methods in contract["paths"].items():
        for method, route in methods.items():
            good = [code for code in route["responses"] if code.startswith("2")]
            assert good, (method, path)
            assert route["summary"]
            for code in good:
                body = route["responses"][code].get("content")
                assert (code == "204") == (not body), (method, path, code)
