"""The numbers that Prometheus collects: their names, their labels, and that they move."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from assay.records import Label
from assay.store import HumanLabel, Notice, Scope, Store, StoreSettings, Vote
from bento import metrics
from bento.api.app import ROUTERS
from bento.console import site
from tests.bento import services
from tests.bento.services import Service
from tests.captures import capture

NAMES = {
    "assay_requests_total", "assay_request_seconds_bucket", "assay_stage_seconds_bucket",
    "assay_admitted", "assay_admission_refused_total", "assay_verdicts_total",
    "assay_score_bucket", "assay_answered_from_store_total", "assay_review_backlog",
    "assay_spool_backlog", "assay_webhook_backlog", "assay_agreement", "assay_model_info",
    "assay_auto_cleared_share", "assay_review_share", "assay_review_seconds",
    "assay_reports_avoided",
    "assay_monitor_drifted_share", "assay_monitor_age_seconds", "assay_monitor_action",
    "assay_loop_age_seconds", "assay_loop_state", "assay_training_age_seconds",
}  # fmt: skip


@pytest.fixture(scope="module")
def guarded(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service that wants keys and takes one image at a time."""
    folder = tmp_path_factory.mktemp("store")
    with services.running(served_model, folder, auth=True, admitted=1) as running:
        _, secret = running.runtime.store.keys.create("platform", set(Scope), "admin")
        running.client.headers["Authorization"] = f"Bearer {secret}"
        yield running


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Values by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read(service: Service, name: str, **labels: str) -> float:
    return samples(service.client.get("/metrics").text).get(
        (name, tuple(sorted(labels.items()))), 0
    )


def test_a_detection_moves_what_it_should(guarded: Service) -> None:
    def numbers() -> list[float]:
        text = samples(guarded.client.get("/metrics").text)
        verdicts = sum(v for (name, _), v in text.items() if name == "assay_verdicts_total")
        request = (("method", "POST"), ("route", "/v1/detect"), ("status", "200"))
        return [
            verdicts,
            text.get(("assay_requests_total", request), 0),
            text.get(("assay_stage_seconds_count", (("stage", "model"),)), 0),
            text[("assay_score_count", ())],
            text[("assay_answered_from_store_total", ())],
        ]

    before = numbers()
    image = services.photo(50)
    guarded.detected(image)
    fresh = numbers()
    assert [b - a for a, b in zip(before, fresh, strict=True)] == [1, 1, 1, 1, 0]
    guarded.detected(image)
    assert [b - a for a, b in zip(fresh, numbers(), strict=True)] == [1, 1, 0, 1, 1]


def test_all_names_are_there_and_the_model_is_named(guarded: Service) -> None:
    guarded.detected(services.photo(51))
    found = samples(guarded.client.get("/metrics").text)
    assert {name for name, _ in found} >= NAMES
    model = guarded.runtime.model
    labels = (("family", model.family), ("serving_plan", "none"), ("version", model.version))
    assert found["assay_model_info", labels] == 1


def test_paths_and_methods_of_strangers_make_no_labels(guarded: Service) -> None:
    image = guarded.detected(services.photo(52))["id"]
    for path in (f"/v1/detections/{image}", "/no/such/path", "/v1/sandbox/review.png"):
        guarded.client.get(path)
    guarded.client.request("BREW", "/v1/detect")
    found = samples(guarded.client.get("/metrics").text)
    labels = [dict(given) for name, given in found if name == "assay_requests_total"]
    templates = {route.path for router in (*ROUTERS, *site.ROUTERS) for route in router.routes}
    assert {given["route"] for given in labels} <= templates | {"none"}
    assert {given["route"] for given in labels} >= {
        "/v1/detections/{capture_id}", "none", "/v1/sandbox/{name}.png",
    }  # fmt: skip
    assert {given["method"] for given in labels} <= {*metrics._METHODS, "other"}


def test_refusals_at_the_door_are_counted(guarded: Service) -> None:
    before = read(guarded, "assay_admission_refused_total")
    with guarded.runtime.engine.admission.admit():
        assert read(guarded, "assay_admitted") == 1
        assert guarded.detect(services.photo(53)).status_code == 429
    assert read(guarded, "assay_admission_refused_total") == before + 1
    assert read(guarded, "assay_admitted") == 0


def test_numbers_are_not_for_everybody(guarded: Service) -> None:
    _, secret = guarded.runtime.store.keys.create("uploads", {Scope.DETECT}, "admin")
    for given, status in (("Bearer no", 401), (f"Bearer {secret}", 403)):
        answer = guarded.client.get("/metrics", headers={"Authorization": given})
        assert answer.status_code == status


def test_what_the_store_knows_is_refreshed(tmp_path: Path) -> None:
    with Store.open(StoreSettings(folder=tmp_path, audit_share=1.0), drain=False) as store:
        now = datetime.now(UTC)
        metrics.refresh(store, now)
        assert math.isnan(metrics.AGREEMENT.collect()[0].samples[0].value)
        made = capture(created_at=now, label=Label.MANIPULATED)
        store.captures.append(made, b"image")
        metrics.refresh(store, now)
        assert value(metrics.SPOOL_BACKLOG) == 1
        store.drainer.drain()
        metrics.refresh(store, now)
        assert (value(metrics.SPOOL_BACKLOG), value(metrics.REVIEW_BACKLOG)) == (0, 1)
        vote = Vote(HumanLabel.MANIPULATED, is_blind=True, seconds=7.0)
        store.feedback.record(made.id, "maria", vote)
        metrics.refresh(store, now)
        assert (value(metrics.REVIEW_BACKLOG), value(metrics.AGREEMENT)) == (0, 1)
        assert (value(metrics.REVIEW_SHARE), value(metrics.CLEARED_SHARE)) == (1, 0)
        assert value(metrics.REVIEW_SECONDS) == 7


def test_reports_avoided_are_a_number_once_there_are_enough(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with Store.open(StoreSettings(folder=tmp_path, audit_share=1.0), drain=False) as store:
        metrics.refresh_estimates(store, now)
        assert math.isnan(value(metrics.REPORTS_AVOIDED))
        for n in range(20):
            notice = Notice.CAUTION if n % 2 else Notice.NONE
            made = capture(f"{n}", created_at=now, notice=notice, needs_review=False)
            store.captures.append(made, b"image")
            store.drainer.drain()
            if notice is Notice.NONE:
                store.reports.add(made.id, "somebody")
            store.feedback.record(made.id, "maria", Vote(HumanLabel.MANIPULATED))
        metrics.refresh_estimates(store, now)
        low, middle, high = (one.value for one in metrics.REPORTS_AVOIDED.collect()[0].samples)
        assert 0 < low < middle < high < 30
        assert 8 < middle < 12


def value(gauge: metrics.Gauge) -> float:
    return float(gauge.collect()[0].samples[0].value)


def test_several_processes_are_shown_as_one_service(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from bento import metrics
        metrics.request("/v1/detect", "POST", 200, 0.1)
        metrics.REVIEW_BACKLOG.set(float(sys.argv[1]))
        metrics.ADMITTED.set(2)
        sys.stdout.write(metrics.exposition().decode())
        """
    )
    for backlog in ("5", "3"):
        environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": ""}
        command = [sys.executable, "-c", program, backlog]
        text = subprocess.check_output(command, env=environment, text=True)
    found = samples(text)
    labels = (("method", "POST"), ("route", "/v1/detect"), ("status", "200"))
    assert found["assay_requests_total", labels] == 2
    assert found["assay_review_backlog", ()] == 3
