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
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

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


@dataclass
class Paced:
    """Requests at a fixed pace, each in a thread of its own, whatever became of those before."""

    rate: float
    failed: int = 0
    latencies: list[float] = field(default_factory=list)

    def ask(self, port: int, upload: bytes) -> None:
        """Send one upload and note what became of it."""
        begun = time.perf_counter()
        try:
            answer = httpx.post(
                f"http://{load.HOST}:{port}/v1/detect",
                files={"file": ("a.jpg", upload)},
                data={"rationale": "never"},
                timeout=60,
            )
            answer.raise_for_status()
        except httpx.HTTPError:
            self.failed += 1
        else:
            self.latencies.append(time.perf_counter() - begun)

    def run(self, port: int, uploads: Sequence[bytes]) -> None:
        """Send all ``uploads``, one every ``1 / rate`` seconds."""
        threads = [threading.Thread(target=self.ask, args=(port, one)) for one in uploads]
        begun = time.perf_counter()
        for number, thread in enumerate(threads):
            time.sleep(max(0.0, begun + number / self.rate - time.perf_counter()))
            thread.start()
        for thread in threads:
            thread.join()


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
    paced = Paced(capacity / 2)
    uploads = strangers(int(PACED * paced.rate), _SEEN_LATER)
    traffic = threading.Thread(target=paced.run, args=(port, uploads))
    traffic.start()
    switches = [_switched(target, number) for number in range(SWITCHES)]
    traffic.join()
    slow = sum(latency > SLOW for latency in paced.latencies)
    return [
        Figure("switching at half of the capacity: failed requests", paced.failed, "", at_most=0),
        Figure(f"  requests over {SLOW:g} s, in {SWITCHES} switches", slow, "", at_most=SWITCHES),
        Figure("  requests", len(uploads), ""),
        Figure("  capacity", capacity, "images/s"),
        Figure("  p50", 1000 * statistics.median(paced.latencies), "ms"),
        Figure("  longest", 1000 * max(paced.latencies), "ms"),
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
