"""Numbers of both sides, from a real Prometheus that collects what the service's metrics say."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

from assay.errors import RolloutFailed
from assay.rollout.prometheus import ROUTE, Prometheus, Reading, buckets, requests
from assay.rollout.target import Side
from bento import metrics
from tests.captures import eventually

STABLE, CANARY = {"track": "stable"}, {"track": "canary"}


class Counted:
    """A process that counts its requests as the service does, on a port of its own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        requests, seconds = metrics.REQUESTS, metrics.REQUEST_SECONDS
        self._requests = Counter(requests._name, "", requests._labelnames, registry=registry)
        self._seconds = Histogram(
            *(seconds._name, "", seconds._labelnames), buckets=metrics._SECONDS, registry=registry
        )
        self.server, _ = start_http_server(0, "127.0.0.1", registry)

    def answer(self, status: int, seconds: float, count: int = 1, route: str = ROUTE) -> None:
        self._requests.labels(route, "POST", str(status)).inc(count)
        for _ in range(count):
            self._seconds.labels(route).observe(seconds)


class Collected:
    """Two sides and the Prometheus that collects them."""

    def __init__(self, url: str, sides: dict[str, Counted]) -> None:
        self.prometheus, self.sides = Prometheus(url), sides

    def side(self, track: str, before: Reading, expected: int) -> Side:
        """What was counted since, as soon as so many requests have been collected."""
        found: list[Side] = []

        def is_there() -> bool:
            found.append(Reading.of(self.prometheus, {"track": track}).since(before))
            return found[-1].requests == len(found[-1].latencies_ms) == expected

        assert eventually(is_there), found[-1]
        return found[-1]

    def reading(self, track: str) -> Reading:
        return Reading.of(self.prometheus, {"track": track})


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collected]:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    folder, port = tmp_path_factory.mktemp("prometheus"), _free_port()
    sides = {track: Counted() for track in ("stable", "canary")}
    targets = [
        {"targets": [f"127.0.0.1:{side.server.server_port}"], "labels": {"track": track}}
        for track, side in sides.items()
    ]
    jobs = [{"job_name": "assay", "static_configs": targets}]
    often = {"scrape_interval": "100ms", "scrape_timeout": "100ms"}
    (folder / "prometheus.yml").write_text(
        yaml.safe_dump({"global": often, "scrape_configs": jobs})
    )
    words = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with subprocess.Popen(words) as process:
        made = Collected(f"http://127.0.0.1:{port}", sides)
        assert eventually(lambda: _answers(made.prometheus))
        yield made
        process.terminate()
    for side in sides.values():
        side.server.shutdown()
        side.server.server_close()


def _answers(prometheus: Prometheus) -> bool:
    try:
        return len(prometheus.ask("up == 1")) == 2
    except RolloutFailed:
        return False


def test_each_side_is_counted_by_itself_from_its_reading_on(collected: Collected):
    stable, canary = collected.sides["stable"], collected.sides["canary"]
    stable.answer(200, 0.02, 50)
    collected.side("stable", Reading({}, {}), 50)
    before = {track: collected.reading(track) for track in ("stable", "canary")}
    stable.answer(200, 0.02, 30)
    canary.answer(200, 0.02, 8)
    canary.answer(503, 0.02, 2)
    canary.answer(404, 0.02, route="/v1/review")
    seen = collected.side("stable", before["stable"], 30)
    assert (seen.requests, seen.errors) == (30, 0)
    # The first error of all is counted, which increase() would miss.
    seen = collected.side("canary", before["canary"], 10)
    assert (seen.requests, seen.errors) == (10, 2)


def test_latencies_have_the_quantiles_that_prometheus_finds(collected: Collected):
    before, rng = collected.reading("canary"), np.random.default_rng(7)
    for seconds in rng.lognormal(-3, 1, 400):
        collected.sides["canary"].answer(200, float(seconds))
    seen = collected.side("canary", before, 400)
    (median,) = collected.prometheus.ask(
        f"histogram_quantile(0.5, sum by (le) ({buckets(CANARY)}))"
    ).values()
    assert np.quantile(seen.latencies_ms, 0.5) == pytest.approx(1000 * median, rel=0.1)
    assert sorted(seen.latencies_ms) == list(seen.latencies_ms)


def test_server_that_is_not_there_is_one_line_with_the_remedy():
    with pytest.raises(RolloutFailed, match="prometheus_url") as caught:
        Prometheus(f"http://127.0.0.1:{_free_port()}").ask("up")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "prometheus:9090"])
def test_address_of_another_kind_is_refused(url: str):
    with pytest.raises(RolloutFailed, match="no address of a Prometheus"):
        Prometheus(url).ask("up")


def test_process_that_was_started_anew_counts_from_zero():
    labels = frozenset({"status": "500"}.items())
    seen = Reading({labels: 3}, {}).since(Reading({labels: 100}, {}))
    assert (seen.requests, seen.errors, seen.latencies_ms) == (3, 3, ())


def test_answers_beyond_the_last_bucket_are_as_slow_as_its_bound():
    slow = {frozenset({"le": le}.items()): n for le, n in (("30.0", 0.0), ("+Inf", 2.0))}
    assert Reading({}, slow).since(Reading({}, {})).latencies_ms == (30_000, 30_000)


def test_expressions_are_valid(tmp_path: Path):
    quoted = {"namespace": 'a"b\\c', **CANARY}
    rules = [
        {"record": f"side:{n}", "expr": expression(side)}
        for n, (expression, side) in enumerate(
            (expression, side) for expression in (requests, buckets) for side in (STABLE, quoted)
        )
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "sides", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)
    assert (done.returncode, "4 rules found" in done.stdout) == (0, True), done.stderr
