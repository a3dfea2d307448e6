"""What a durable capture costs: spooled against a bare write, drained against bare INSERTs."""

from __future__ import annotations

import os
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from assay.records import Label
from assay.store import Capture, Store, StoreSettings
from benchmarks.figures import Figure, in_turns, report, seconds

APPENDS, DRAINED, ROUNDS = 200, 500, 5
IMAGE = np.random.default_rng(0).bytes(50_000)
"""As many bytes as a picture on a timeline has; the spool does not look into them."""
WRITES = 3.0
"""Bare writes that one capture may take: a file, its name, and the folder that knows of it."""


def measure() -> list[Figure]:
    """Medians over rounds of both sides; the folder is on the disk that holds temporary files."""
    with tempfile.TemporaryDirectory() as name:
        appended, written = _appending(Path(name))
        drained, inserted = _draining(Path(name))
    return [
        Figure("spooling a capture of 50 kB, median", appended[0] * 1000, "ms"),
        Figure("spooling a capture of 50 kB, 99th percentile", appended[1] * 1000, "ms"),
        Figure(
            "spooling against a bare fsync, median", appended[0] / written[0], "x", None, WRITES
        ),
        Figure("spooling against a bare fsync, 99th percentile", appended[1] / written[1], "x"),
        Figure("draining into SQLite", DRAINED / drained, "captures/s"),
        Figure("draining against bare INSERTs in one transaction", inserted / drained, "x"),
    ]


def _appending(folder: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """Median and 99th percentile of seconds to spool a capture, and to write as many bytes."""
    with _store(folder / "appending") as store:
        pairs = []
        for number in range(APPENDS):
            made = _capture(number)
            data = made.model_dump_json().encode() + IMAGE
            spooled = seconds(partial(store.captures.append, made, IMAGE))
            pairs.append((spooled, seconds(partial(_write, folder / f"bare-{number}", data))))
    spooled_times, written_times = zip(*pairs, strict=True)
    return _spread(spooled_times), _spread(written_times)


def _draining(folder: Path) -> tuple[float, float]:
    """Seconds to store what is spooled, and to insert rows of the same content."""
    numbers = iter(range(2 * ROUNDS))
    drained, inserted = in_turns(
        ROUNDS,
        lambda: _drain(folder / f"drain-{next(numbers)}"),
        lambda: _insert(folder / f"insert-{next(numbers)}.db"),
    )
    return drained, inserted


def _drain(folder: Path) -> float:
    with _store(folder) as store:
        for number in range(DRAINED):
            store.spool.append(_capture(number), b"")
        return seconds(store.drainer.drain)


def _insert(path: Path) -> float:
    rows = [(made.id, made.model_dump_json()) for made in map(_capture, range(DRAINED))]
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE captures (id TEXT PRIMARY KEY, content TEXT)")

    def work() -> None:
        with connection:
            connection.executemany("INSERT INTO captures VALUES (?, ?)", rows)

    taken = seconds(work)
    connection.close()
    return taken


def _store(folder: Path) -> Store:
    return Store.open(StoreSettings(folder=folder), drain=False)


def _capture(number: int) -> Capture:
    """One that no person has to see, with findings and a timing as served."""
    sentence = "Local noise measures 0.5; one of ten authentic images measures as high."
    return Capture(
        client="platform",
        external_id=f"post-{number}",
        pixel_digest=f"{number:064x}",
        label=Label.AUTHENTIC,
        score=0.1,
        probabilities={"authentic": 0.9, "manipulated": 0.06, "synthesized": 0.04},
        needs_review=False,
        findings=[{"id": "noise", "sentence": sentence, "null_rate": 0.1}] * 8,
        model_version="1",
        timings={"decode": 3.0, "evidence": 90.0, "model": 11.0},
    )


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _spread(times: Sequence[float]) -> tuple[float, float]:
    return statistics.median(times), float(np.quantile(times, 0.99))


if __name__ == "__main__":
    sys.exit(report(measure))
