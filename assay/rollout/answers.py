"""What both sides answered since a share was last changed, and how far they agree.

What clients were answered stands in the proxy's log, what was answered to copies comes from the
relay; nginx gives both the same identifier. A log line holds every attempt:

    {"id": "...", "status": "200", "tried": "127.0.0.1:1, 127.0.0.1:2", "statuses": "500, 200",
     "seconds": "0.012, 0.104", "verdict": "manipulated 0.91"}
"""

from __future__ import annotations

import json
import statistics
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.rollout.target import Observation, Side

KEPT = 5000
"""Latencies of a side, and verdicts that wait to be compared."""
_FAULT = 500
_CLIENT_LEFT = "499"
"""nginx's own status for a client that hung up, which is nobody's fault here."""


@dataclass(frozen=True, slots=True)
class Said:
    """The verdict of an answer."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt came to."""

    port: int
    status: int
    milliseconds: float
    said: Said | None


@dataclass
class _Tally:
    requests: int = 0
    errors: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, answer: Answer) -> None:
        self.requests += 1
        if answer.status >= _FAULT:
            self.errors += 1
        elif answer.said is not None:
            self.latencies.append(answer.milliseconds)

    def side(self) -> Side:
        return Side(self.requests, self.errors, tuple(self.latencies))


class AnswersLog:
    """The proxy's log, read from where it was read to last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0

    def clear(self) -> None:
        """Empty it: the proxy goes on at the beginning, as it only appends."""
        self.path.write_bytes(b"")
        self._read = 0

    def new_lines(self) -> list[str]:
        """Whole lines that were written since."""
        with self.path.open("rb") as stream:
            stream.seek(self._read)
            lines, end, _ = stream.read().rpartition(b"\n")
        self._read += len(lines) + len(end)
        return lines.decode("utf-8", "replace").splitlines()


class Answers:
    """Counts answers by port and joins those to one request; may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.began = 0
        """How often it began anew: a copy that was asked before does not count after."""
        self.dropped = 0
        """Copies that were not shown to anybody."""
        self._reset()

    def _reset(self) -> None:
        self._tallies: dict[int, _Tally] = {}
        self._waiting: OrderedDict[str, tuple[int, Said]] = OrderedDict()
        self._differences: deque[float] = deque(maxlen=KEPT)
        self._compared = self._disagreed = 0

    def begin_anew(self) -> None:
        """Forget all that was counted."""
        with self._lock:
            self.began += 1
            self.dropped = 0
            self._reset()

    def add_lines(self, lines: Iterable[str]) -> None:
        """Count lines of the proxy's log."""
        for line in lines:
            entry = json.loads(line)
            attempts = list(_attempts(entry))
            with self._lock:
                for attempt in attempts:
                    self._tallies.setdefault(attempt.port, _Tally()).add(attempt)
                if attempts and attempts[-1].said:
                    self._compare(entry["id"], attempts[-1])

    def add_copy(self, request_id: str, answer: Answer, began: int) -> None:
        """Count the answer to a copy that was asked for when `began` was ``began``."""
        with self._lock:
            if began != self.began:
                return
            self._tallies.setdefault(answer.port, _Tally()).add(answer)
            if answer.said is not None:
                self._compare(request_id, answer)

    def observation(self, current: int, challenger: int) -> Observation:
        """What was counted, for the sides at these ports."""
        with self._lock:
            first, second = (self._tallies.get(p, _Tally()).side() for p in (current, challenger))
            mean = statistics.fmean(self._differences) if self._differences else None
            return Observation(first, second, self._compared, self._disagreed, mean)

    def _compare(self, request_id: str, answer: Answer) -> None:
        """Join an answer with the other side's, or let it wait for that."""
        assert answer.said is not None  # noqa: S101 (asked by both callers)
        port, first = self._waiting.pop(request_id, (answer.port, answer.said))
        if port == answer.port:  # the first of the two, or both of one side after a failure
            self._waiting[request_id] = answer.port, answer.said
            if len(self._waiting) > KEPT:
                self._waiting.popitem(last=False)
            return
        self._compared += 1
        self._disagreed += first.label != answer.said.label
        self._differences.append(abs(first.score - answer.said.score))


def _attempts(entry: dict[str, Any]) -> Iterator[Answer]:
    """The attempts of a log line; none where the client left first."""
    if entry["status"] == _CLIENT_LEFT:
        return
    tried, statuses, seconds = (
        entry[name].split(", ") for name in ("tried", "statuses", "seconds")
    )
    for n, (address, status, took) in enumerate(zip(tried, statuses, seconds, strict=True)):
        port = address.rpartition(":")[2]
        if port.isdigit():
            is_last = n == len(tried) - 1
            said = _said(entry["verdict"]) if is_last else None
            yield Answer(int(port), _number(status, _FAULT), 1000 * _number(took, 0.0), said)


def _number(text: str, otherwise: float) -> Any:
    """What nginx wrote, which is a dash where an attempt came to nothing."""
    return otherwise if text in ("-", "") else type(otherwise)(text)


def _said(verdict: str) -> Said | None:
    label, _, score = verdict.partition(" ")
    return Said(label, float(score)) if score else None
