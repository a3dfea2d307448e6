"""Every answer that a client saw is in the store, however the service ended.

Some rounds kill a service of one process (with its evidence workers), one kills BentoML's with all
of its processes; always by SIGKILL, while four clients upload. ``ASSAY_KILL_ROUNDS=20`` takes as
many of both.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.bento import killed, servers, services

ROUNDS = int(os.environ.get("ASSAY_KILL_ROUNDS", "3"))
FULL_ROUNDS = int(os.environ.get("ASSAY_KILL_ROUNDS", "1"))
CLIENTS = 4
ANSWERS = range(10, 40, 3)
"""After how many answers a round is ended; each round takes the next."""
REPEATS = 8
"""Uploads of one image: most captures are of pixels seen before, which are answered fast."""
_seeds = itertools.count(50_000)


@dataclass
class Seen:
    """What clients were told, by id, and what they had sent."""

    images: dict[str, bytes] = field(default_factory=dict)
    enough: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stop: threading.Event = field(default_factory=threading.Event)

    def upload(self, url: str) -> None:
        """Send one image after another until the service is gone."""
        with httpx.Client(base_url=url, timeout=30) as client:
            while not self.stop.is_set():
                image = services.photo(next(_seeds) // REPEATS, 64, 96)
                try:
                    answer = client.post("/v1/detect", files={"file": ("a.jpg", image)})
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    self.images[answer.json()["id"]] = image
                    self.enough.release()

    @contextmanager
    def uploading(self, url: str, answers: int) -> Iterator[None]:
        """Enter once ``answers`` came, with more on their way."""
        self.stop.clear()
        threads = [threading.Thread(target=self.upload, args=(url,)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(answers):
                assert self.enough.acquire(timeout=60)
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()
            self.enough = threading.Semaphore(0)

    def check(self, url: str) -> None:
        """Every image that was answered can be read, with its verdict."""
        with httpx.Client(base_url=url, timeout=30) as client:
            for capture_id, image in self.images.items():
                assert client.get(f"/v1/detections/{capture_id}").json()["id"] == capture_id
                assert client.get(f"/v1/detections/{capture_id}/image").content == image


@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_what_was_answered_survives_kills(served_model: Path, tmp_path: Path) -> None:
    seen, total = Seen(), 0
    for number in range(ROUNDS):
        before, seen = seen, Seen()
        with killed.serving(served_model, tmp_path) as (url, process):
            before.check(url)
            with seen.uploading(url, ANSWERS[number % len(ANSWERS)]):
                killed.kill(process)
        total += len(seen.images)
    with killed.serving(served_model, tmp_path) as (url, _):
        seen.check(url)
    assert total >= ROUNDS * ANSWERS.start


@pytest.mark.timeout(300 + 60 * FULL_ROUNDS)
def test_what_was_answered_survives_kills_of_all_processes(
    served_model: Path, tmp_path: Path
) -> None:
    seen = Seen()
    for _ in range(FULL_ROUNDS):
        with (
            servers.serving(served_model, tmp_path) as server,
            seen.uploading(server.url, ANSWERS.stop),
        ):
            server.kill()
    with servers.serving(served_model, tmp_path) as server:
        seen.check(server.url)
    assert len(seen.images) >= FULL_ROUNDS * ANSWERS.stop
