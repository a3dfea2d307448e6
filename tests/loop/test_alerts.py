"""From a number of the service to a started loop, by a real Prometheus with our rules.

Alertmanager is in no package at hand: what it does here, hand an alert on with its labels, is done
by a few lines.
"""

from __future__ import annotations

import json
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from assay.home import REPOSITORY
from assay.loop.listening import starting
from bento import metrics
from tests.bento.servers import free_port

ALERTS = REPOSITORY / "infra" / "monitoring" / "alerts.yml"


@contextmanager
def receiving() -> Iterator[tuple[int, queue.Queue[dict[str, object]]]]:
    """A port that takes alerts as Alertmanager does (POST /api/v2/alerts), and what came."""
    arrived: queue.Queue[dict[str, object]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/api/v2/alerts"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for alert in json.loads(body):
                arrived.put(alert)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        yield server.server_port, arrived
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@contextmanager
def numbers(values: dict[Gauge, float]) -> Iterator[int]:
    """A page with these values of the service's metrics, and its port."""
    registry = CollectorRegistry()
    for gauge, value in values.items():
        Gauge(gauge._name, "", registry=registry).set(value)
    server, serving = start_http_server(0, "127.0.0.1", registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@contextmanager
def prometheus(folder: Path, scraped: int, alertmanager: int) -> Iterator[None]:
    """Our rules without their patience, evaluated often."""
    rules = re.sub(r"for: \w+", "for: 0s", ALERTS.read_text())
    (folder / "alerts.yml").write_text(rules)
    config = {
        "global": {"scrape_interval": "100ms", "scrape_timeout": "100ms"}
        | {"evaluation_interval": "100ms"},
        "rule_files": ["alerts.yml"],
        "scrape_configs": [
            {"job_name": "assay", "static_configs": [{"targets": [f"127.0.0.1:{scraped}"]}]}
        ],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
        },
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    started = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{free_port()}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        started.kill()
        started.wait()


def until(arrived: queue.Queue[dict[str, object]], name: str) -> dict[str, object]:
    while True:
        alert = arrived.get(timeout=60)
        if alert["labels"]["alertname"] == name:
            return alert


def test_drift_fires_and_carries_what_starts_the_loop(tmp_path: Path) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    values = {metrics.DRIFTED_SHARE: 0.4, metrics.TRAINING_AGE: 100 * 86400.0}
    with ExitStack() as stack:
        port, arrived = stack.enter_context(receiving())
        stack.enter_context(prometheus(tmp_path, stack.enter_context(numbers(values)), port))
        drift = until(arrived, "AssayDrift")
        old = until(arrived, "AssayTrainingOld")
    assert drift["annotations"]["summary"].startswith("40% of what is measured")
    handed_on = [{"status": "firing", "labels": one["labels"]} for one in (drift, old)]
    assert starting({"alerts": handed_on}) == ["AssayDrift"]
