"""Clients that ask on and on, and note every answer."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.bento import services
from tests.bento.servers import Server

CLIENTS = 3
_seeds = itertools.count(70_000)


@dataclass
class Seen:
    """What clients were told: how often which status or error, and by id how the answers looked."""

    outcomes: list[int | str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def ask(self, url: str, stop: threading.Event) -> None:
        """Send one image after another, none twice, over one connection."""
        with httpx.Client(base_url=url, timeout=60) as client:
            while not stop.is_set():
                image = services.photo(next(_seeds), 64, 96)
                try:
                    answer = client.post("/v1/detect", files={"file": ("a.jpg", image)})
                except httpx.HTTPError as error:
                    self.outcomes.append(repr(error))
                    continue
                self.outcomes.append(answer.status_code)
                self.seconds.append(answer.elapsed.total_seconds())
                if answer.status_code == 200:
                    self.ids.append(answer.json()["id"])


@contextmanager
def asking(server: Server, seen: Seen) -> Iterator[None]:
    """Clients ask within the context."""
    stop = threading.Event()
    threads = [threading.Thread(target=seen.ask, args=(server.url, stop)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
