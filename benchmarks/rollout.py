"""What a blue/green switch and the proxy cost: half of the measured capacity, and one client.

``ASSAY_MODEL`` names the model folder that is served on both sides; without it one is trained, for
a minute, on the bundled photographs.
"""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from assay.home import REPOSITORY
from assay.rollout import control
from assay.rollout.launch import Launch
from assay.rollout.local import LocalTarget
from benchmarks import load
from benchmarks.figures import Figure, report, seconds
from benchmarks.pictures import strangers
from benchmarks.serving import free_port, model_without_fusion

CLIENTS = 8
CAPACITY = 60
"""Uploads over which the capacity is measured."""
SWITCHES = 6
PACED = 40.0
"""Seconds of traffic at half of the capacity, in which all switches happen."""
PINGS = 300
SLOW = 1.0
_SEEN_LATER = 200_000


def measure() -> list[Figure]:
    """A service and its copy behind nginx, and one without."""
    with tempfile.TemporaryDirectory() as folder:
        model, state = model_without_fusion(Path(folder)), Path(folder) / "state"
        os.environ["ASSAY_HOME"] = str(state)
        port = free_port()
        with load.service(model, port, state):
            return [*_switches(port, model), *_proxy(port)]


def _switches(port: int, model: Path) -> list[Figure]:
    load.ask(port, "/v1/detect", strangers(CLIENTS, 9 * _SEEN_LATER), CLIENTS, rationale="never")
    capacity = load.ask(port, "/v1/detect", strangers(CAPACITY), CLIENTS, rationale="never").rate
    target = LocalTarget()
    started = seconds(lambda: target.launch(_launch(model)))
    uploads = strangers(int(PACED * capacity / 2), _SEEN_LATER)
    with ThreadPoolExecutor(1) as traffic:
        sent = traffic.submit(load.send_at, port, uploads, capacity / 2, rationale="never")
        switches = [_switched(target, number) for number in range(SWITCHES)]
        seen = sent.result()
    latencies = [one.latency for one in seen.verdicts]
    failed = len(uploads) - len(latencies)
    slow = sum(latency > SLOW for latency in latencies)
    return [
        Figure("switching at half of the capacity: failed requests", failed, "", at_most=0),
        Figure(f"  requests over {SLOW:g} s, in {SWITCHES} switches", slow, "", at_most=SWITCHES),
        Figure("  requests", len(uploads), ""),
        Figure("  capacity", capacity, "images/s"),
        Figure("  p50", 1000 * statistics.median(latencies), "ms"),
        Figure("  longest", 1000 * max(latencies), "ms"),
        Figure("  a switch, median", 1000 * statistics.median(switches), "ms"),
        Figure("  a challenger's start", started, "s"),
    ]


def _switched(target: LocalTarget, number: int) -> float:
    time.sleep(PACED / (SWITCHES + 1))
    return seconds(target.promote if number == 0 else target.roll_back)


def _proxy(port: int) -> list[Figure]:
    """What nginx adds to the shortest request there is."""
    direct = int(control.ask("status")["port"])
    behind, alone = (_pings(one) for one in (port, direct))
    return [
        Figure("nginx before the service, added to a request, median", behind - alone, "ms"),
        Figure("  /livez behind nginx, median", behind, "ms"),
        Figure("  /livez without, median", alone, "ms"),
    ]


def _pings(port: int) -> float:
    connection = http.client.HTTPConnection(load.HOST, port, timeout=10)

    def ping() -> None:
        connection.request("GET", "/livez")
        connection.getresponse().read()

    ping()
    median = 1000 * statistics.median(seconds(ping) for _ in range(PINGS))
    connection.close()
    return median


def _launch(model: Path) -> Launch:
    environment = {"ASSAY_MODEL": str(model)}
    return Launch(
        name="copy", service="bento.service:Assay", folder=REPOSITORY, environment=environment
    )


if __name__ == "__main__":
    sys.exit(report(measure))
