"""What the targets behind command-line tools share: a release, and a Prometheus that counts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from assay.release import Release


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(
        name="v3-1a2b3c4d5e6f",
        bento=tmp_path / "bento",
        model_version="3",
        model_content="c" * 64,
        plan="plan-9",
        dataset_version="dataset-1",
        run="train-1",
        git_commit="abc1234",
        built_at="2026-11-23T11:00:00+00:00",
    )


class CountingPrometheus:
    """Answers instant queries as Prometheus does, with counters that a test sets."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}
        """Requests by status, by what a query of that side holds."""
        self.queries: list[str] = []
        counting = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                assert asked.path == "/api/v1/query"
                counting.queries += parse_qs(asked.query)["query"]
                body = json.dumps(counting.answer(counting.queries[-1])).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, query: str) -> dict[str, object]:
        counts = next((n for side, n in self.counts.items() if side in query), {})
        if query.startswith("assay_request_seconds_bucket"):
            total = str(sum(counts.values()))
            rows = [({"le": "0.1"}, total), ({"le": "+Inf"}, total)]
        else:
            rows = [({"status": status}, str(count)) for status, count in counts.items()]
        found = [{"metric": labels, "value": [1.5, count]} for labels, count in rows]
        return {"status": "success", "data": {"resultType": "vector", "result": found}}


@pytest.fixture
def prometheus() -> Iterator[CountingPrometheus]:
    made = CountingPrometheus()
    serving = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    serving.start()
    yield made
    made.server.shutdown()
    serving.join()
    made.server.server_close()
