"""Requests at a pace, and what clients saw of each.

In an *open loop* requests are due at fixed moments, whether earlier ones were answered or not, as
strangers send them; latency counts from the moment a request was due. A client that waits for one
answer before it sends the next would not send while a server stalls, and so not see the stall
(coordinated omission: Tene 2013, "How not to measure latency"). In a *closed loop* so many clients
each wait for their answer, which finds the capacity of a server.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from assay.load.client import DETECT, Deployment, Reply
from assay.load.uploads import Upload
from assay.progress import Progress, silent

IN_FLIGHT = 256
"""Requests of an open loop that may be unanswered at once; beyond it they are sent late."""
_LOOK = 0.05
"""Seconds between two looks at how far it has come."""
_GRACE = 3.0
"""Seconds that requests under way are waited for after Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How requests follow one another, and when that ends: by whichever limit comes first."""

    rate: float | None = None
    """Requests a second of an open loop; None for a closed one."""
    clients: int = 1
    """Of a closed loop."""
    seconds: float | None = None
    requests: int | None = None

    def total(self) -> int | None:
        """How many requests there will be; None where only time will tell."""
        if self.rate is None or self.seconds is None:
            return self.requests
        in_time = max(1, math.ceil(self.rate * self.seconds))
        return in_time if self.requests is None else min(in_time, self.requests)

    @property
    def threads(self) -> int:
        """At most so many requests are under way at once."""
        most = self.clients if self.rate is None else IN_FLIGHT
        return min(most, self.total() or most)


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and what came back; moments are seconds from the beginning."""

    number: int
    upload: Upload
    due: float
    """When it was to be sent; in a closed loop, when it was."""
    sent: float
    latency: float
    """Seconds from ``due`` until the last byte, or until it was given up."""
    reply: Reply

    @property
    def is_verdict(self) -> bool:
        """Whether it is answered with a verdict."""
        return self.reply.status == 200 and "label" in self.reply.found

    def found(self, name: str) -> Any:
        """The field ``name`` of the answer; None where there is none."""
        return self.reply.found.get(name)


@dataclass
class Load:
    """All requests of one go."""

    begun: datetime
    answers: list[Answer] = field(default_factory=list)
    """In the order in which they came."""
    unfinished: int = 0
    """Sent, and not answered when it was stopped."""
    is_interrupted: bool = False

    @property
    def seconds(self) -> float:
        """From the beginning to the last answer."""
        return max((one.due + one.latency for one in self.answers), default=0.0)

    @property
    def verdicts(self) -> list[Answer]:
        """Those answered with one."""
        return [one for one in self.answers if one.is_verdict]

    @property
    def rate(self) -> float:
        """Verdicts a second."""
        return len(self.verdicts) / self.seconds if self.seconds else 0.0


def send(
    deployment: Deployment,
    uploads: Sequence[Upload],
    pace: Pace,
    fields: Mapping[str, str] | None = None,
    progress: Progress = silent,
    path: str = DETECT,
) -> Load:
    """Send ``uploads`` in turn, with the form's ``fields``, and wait for the answers.

    Ctrl-C ends it early: what was answered until then is returned, with ``is_interrupted``.
    """
    run = _Run(deployment, uploads, pace, fields or {}, path)
    workers = [threading.Thread(target=run.work, daemon=True) for _ in range(pace.threads)]
    try:
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers) and not run.is_lost():
            progress(len(run.load.answers), pace.total() or 0, f"requests ({run.note()})")
            time.sleep(_LOOK)
    except KeyboardInterrupt:
        run.load.is_interrupted = True
        run.stop(workers)
    progress(len(run.load.answers), len(run.load.answers), "requests")
    return run.closed()


class _Run:
    """What the threads share."""

    def __init__(
        self,
        deployment: Deployment,
        uploads: Sequence[Upload],
        pace: Pace,
        fields: Mapping[str, str],
        path: str,
    ) -> None:
        self.load = Load(datetime.now(UTC))
        self._deployment, self._uploads, self._pace = deployment, uploads, pace
        self._fields, self._path = fields, path
        self._begun = time.perf_counter()
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._taken = self._sent = 0
        self._last_sent = 0.0

    def work(self) -> None:
        """Send one request after the other until there is none left; run by every thread."""
        while (number := self._take()) is not None:
            upload = self._uploads[number % len(self._uploads)]
            rate = self._pace.rate
            if rate and self._stopped.wait(max(0.0, number / rate - self._now())):
                return
            sent = self._note_sent()
            reply = self._deployment.detect(upload.data, self._fields, self._path)
            due = number / rate if rate else sent
            self.load.answers.append(Answer(number, upload, due, sent, self._now() - due, reply))
            if not rate:  # whoever waits for answers waits as long as the service asks for
                self._stopped.wait(reply.retry_after)

    def is_lost(self) -> bool:
        """Whether what is still unanswered was given more than the time that it has."""
        late = self._now() - self._last_sent > 2 * self._deployment.timeout
        return late and self._sent > len(self.load.answers)

    def stop(self, workers: Sequence[threading.Thread]) -> None:
        """Send nothing more; wait a little for what is under way."""
        self._stopped.set()
        end = time.perf_counter() + _GRACE
        for worker in workers:
            worker.join(max(0.0, end - time.perf_counter()))

    def closed(self) -> Load:
        """What there is; nothing is added any more."""
        self._stopped.set()
        answers = list(self.load.answers)
        unfinished = self._sent - len(answers)
        return Load(self.load.begun, answers, unfinished, self.load.is_interrupted)

    def note(self) -> str:
        """A few words for whoever waits."""
        failed = sum(not one.is_verdict for one in self.load.answers[-200:])
        open_now = self._sent - len(self.load.answers)
        return f"{open_now} open" + (f", {failed} of the last 200 failed" if failed else "")

    def _take(self) -> int | None:
        with self._lock:
            total, seconds = self._pace.total(), self._pace.seconds
            is_over = self._stopped.is_set() or (total is not None and self._taken >= total)
            if is_over or (self._pace.rate is None and seconds and self._now() >= seconds):
                return None
            self._taken += 1
            return self._taken - 1

    def _note_sent(self) -> float:
        with self._lock:
            self._sent += 1
            self._last_sent = self._now()
            return self._last_sent

    def _now(self) -> float:
        return time.perf_counter() - self._begun
