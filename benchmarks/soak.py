"""Mixed load at half of what the service can do, for MINUTES (30), while memory is watched.

    make soak                MINUTES=1 make soak

Distinct images, repeats, batches, bad input, reads and reviews, from eight clients.
Writes soak.png (memory and latency over time) into the state folder. Exit status 1 for any answer
but 2xx, 429 and the deliberate 4xx, or where memory grows beyond its noise.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil

from assay import home
from benchmarks import load, serving
from benchmarks.figures import Figure, show
from benchmarks.pictures import uploads

CLIENTS = 8
KEPT = 40
"""Images that are asked about again."""
_EVERY = 2.0
"""Seconds between two looks at memory."""
_WARM = 0.25
"""Share of the time in which memory may still grow: caches fill."""
_GROWTH = 5.0
"""Percent of memory in an hour, beyond which growth that is certain counts as a leak."""


@dataclass
class Soak:
    """Everything that was seen."""

    url: str
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    latencies: list[tuple[float, float]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def note(self, kind: str, wanted: int, answer: httpx.Response, seconds: float) -> None:
        """Count one answer, and keep what it should not have been."""
        self.statuses[kind, answer.status_code] += 1
        self.latencies.append((time.monotonic() - self.begun, seconds))
        is_hidden = answer.status_code == 409 and "verdict_hidden" in answer.text
        # Who holds an audit, as whoever asks for reviews here, is not told its verdict.
        is_good = (
            answer.status_code == 429 or is_hidden or answer.status_code // 100 == wanted // 100
        )
        if not is_good:
            self.wrong.append(f"{kind}: {answer.status_code} {answer.text[:200]}")


def client_of(soak: Soak, number: int, rate: float, end: float) -> None:
    """One client: a mix of requests, ``rate`` a second, until ``end``."""
    rng = np.random.default_rng(number)
    kept, ids = uploads(KEPT // CLIENTS, 10_000_000 + 1000 * number), list[str]()
    seeds = iter(range(1_000_000 * (number + 1), 1_000_000 * (number + 2)))

    def post(image: bytes) -> httpx.Response:
        return http.post("/v1/detect", files={"file": ("a.jpg", image)})

    def fresh() -> httpx.Response:
        answer = post(uploads(1, next(seeds))[0])
        if answer.status_code == 200:
            ids.append(answer.json()["id"])
            del ids[:-KEPT]
        return answer

    def batch() -> httpx.Response:
        files = [("file", ("a.jpg", image)) for image in (kept[0], kept[1])]
        return http.post("/v1/detect/batch", files=files)

    def read() -> httpx.Response:
        return http.get(f"/v1/detections/{ids[rng.integers(len(ids))]}") if ids else fresh()

    mix: list[tuple[str, float, int, Callable[[], httpx.Response]]] = [
        ("new image", 0.4, 200, fresh),
        ("repeat", 0.2, 200, lambda: post(kept[rng.integers(len(kept))])),
        ("read", 0.2, 200, read),
        ("batch", 0.05, 200, batch),
        ("review", 0.05, 200, lambda: http.get("/v1/review")),
        ("bad input", 0.1, 422, lambda: post(b"no image")),
    ]
    shares = [share for _, share, _, _ in mix]
    with httpx.Client(base_url=soak.url, timeout=120) as http:
        while time.monotonic() < end:
            kind, _, wanted, ask = mix[rng.choice(len(mix), p=shares)]
            begun = time.monotonic()
            answer = ask()
            took = time.monotonic() - begun
            soak.note(kind, wanted, answer, took)
            time.sleep(max(0.0, rng.exponential(1 / rate) - took))


def memory_mib(state: Path) -> float:
    """Resident memory of all processes of the service; pages they share are counted once each."""
    total = 0
    for process in psutil.process_iter():
        try:
            if process.environ().get("ASSAY_HOME") == str(state):
                total += process.memory_info().rss
        except psutil.Error:
            continue
    return total / 2**20


def slope(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Growth in percent an hour, and its standard error by batch means (samples are correlated)."""
    times, values = np.array(points).T
    groups = np.array_split(np.arange(len(points)), min(10, max(3, len(points) // 3)))
    x = np.array([times[group].mean() for group in groups]) / 3600
    y = np.array([values[group].mean() for group in groups])
    (fitted, _), covariance = np.polyfit(x, y, 1, cov=True)
    return 100 * fitted / y.mean(), 100 * float(np.sqrt(covariance[0, 0])) / y.mean()


def picture(soak: Soak, path: Path) -> None:
    """Memory, and latency beside it, over time."""
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(9, 5), layout="constrained")
    above, below = drawing.subplots(2, 1, sharex=True)
    above.plot(*np.array(soak.memory).T)
    above.set(ylabel="resident memory (MiB)", ylim=(0, None))
    below.plot(*np.array(soak.latencies).T, ".", markersize=2)
    below.set(ylabel="latency (s)", xlabel="seconds", yscale="log")
    drawing.savefig(path, dpi=120)


def main() -> int:
    """Measure capacity, soak, and report."""
    minutes = float(os.environ.get("MINUTES", "30"))
    with tempfile.TemporaryDirectory() as folder:
        model, state = serving.model_without_fusion(Path(folder)), Path(folder) / "state"
        port = serving.free_port()
        with load.service(model, port, state):
            capacity = load.ask(port, "/v1/detect", uploads(48, 99_000_000), CLIENTS).rate
            soak = Soak(f"http://{load.HOST}:{port}")
            run(soak, capacity / 2, 60 * minutes, state)
    target = home.folder("reports") / "soak.png"
    picture(soak, target)
    return report(soak, capacity, target)


def run(soak: Soak, rate: float, seconds: float, state: Path) -> None:
    """Let all clients ask for ``seconds``, ``rate`` new images' worth a second together."""
    end = soak.begun + seconds
    each = rate / 0.5 / CLIENTS  # a request costs about half as much as a new image
    threads = [
        threading.Thread(target=client_of, args=(soak, number, each, end))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        soak.memory.append((time.monotonic() - soak.begun, memory_mib(state)))
        time.sleep(_EVERY)
    for thread in threads:
        thread.join()


def report(soak: Soak, capacity: float, target: Path) -> int:
    """Print the figures; 1 where something was answered wrongly, or memory grows."""
    seconds = soak.memory[-1][0]
    growth, error = slope([one for one in soak.memory if one[0] > _WARM * seconds])
    took = [1000 * latency for _, latency in soak.latencies]
    show(
        [
            Figure("capacity, new images", capacity, "images/s"),
            Figure("requests", len(took) / seconds, "a second"),
            *(Figure(f"p{p}", float(np.percentile(took, p)), "ms") for p in (50, 95, 99)),
            *(
                Figure(f"{kind}: {code}", n, "")
                for (kind, code), n in sorted(soak.statuses.items())
            ),
            Figure("wrong answers", len(soak.wrong), "", at_most=0),
            Figure("memory at the end", soak.memory[-1][1], "MiB"),
            Figure("growth of memory, an hour", growth, "%"),
            Figure("  of which certain (95 %)", growth - 1.96 * error, "%", at_most=_GROWTH),
        ]
    )
    sys.stdout.write("\n".join([f"picture: {target}", *soak.wrong[:10], ""]))
    return int(bool(soak.wrong) or growth - 1.96 * error > _GROWTH)


if __name__ == "__main__":
    sys.exit(main())
