"""Whose turn it is: a queue for each host, so that nobody waits for another host's troubles.

A host has at most so many requests at a time and a pause between their starts. One that asks to be
left alone is; one that keeps failing is given up for a while, and what waits for it is refused at
once instead of costing a time-out each.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from assay.downloading.outcomes import DownloadSettings, Refusal

_MANY_HOSTS = 1024
"""From which on hosts that nothing is wanted of are forgotten now and then."""
_LONGEST_REST = 10
"""Times ``host_rest_seconds``; a host that stays down is tried ever more seldom, up to this."""


class HasHost(Protocol):
    """What a queue holds."""

    @property
    def host(self) -> str:
        """Whose turn it waits for."""


J = TypeVar("J", bound=HasHost)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Why nothing is asked of a host for now."""

    refusal: Refusal
    reason: str


@dataclass(slots=True, eq=False)
class _Host(Generic[J]):
    waiting: deque[J] = field(default_factory=deque)
    delayed: list[tuple[float, int, J]] = field(default_factory=list)
    active: int = 0
    ready_at: float = 0.0
    """Before which no request may start."""
    failures: int = 0
    """In a row."""
    rests_until: float = 0.0
    rests: int = 0
    given_up: GivenUp | None = None
    turn: float | None = None
    """Under which time it stands in the queue of hosts."""

    def matters(self, now: float) -> bool:
        """Whether forgetting it would change what is asked, and when."""
        has_work = self.active or self.waiting or self.delayed
        return bool(has_work) or max(self.ready_at, self.rests_until) > now


class HostQueues(Generic[J]):
    """Jobs by host; safe among threads. Times are those of ``clock``."""

    def __init__(
        self, settings: DownloadSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._clock = settings, clock
        self._hosts: dict[str, _Host[J]] = {}
        self._turns: list[tuple[float, int, str]] = []
        self._number = 0
        self._closed = False
        self._sweep_at = _MANY_HOSTS
        self._changed = threading.Condition()
        self._taking = threading.Lock()

    def put(self, job: J, seconds: float = 0.0) -> None:
        """Have ``job`` done, not before ``seconds`` have passed."""
        with self._changed:
            self._sweep()
            host = self._hosts.setdefault(job.host, _Host())
            if seconds > 0:
                entry = self._clock() + seconds, self._next_number(), job
                heapq.heappush(host.delayed, entry)
            else:
                host.waiting.append(job)
            self._schedule(job.host, host)
            self._changed.notify()

    def take(self) -> tuple[J, GivenUp | None] | None:
        """The next job whose turn has come, waiting for it; None once the queues are closed.

        With it comes why its host is given up, if it is: the job is not to be asked then. Else
        `answered` or `failed` has to follow.
        """
        with self._taking, self._changed:  # one thread waits for the clock, the others for it
            while not self._closed:
                if found := self.ready():
                    return found
                due = self._turns[0][0] - self._clock() if self._turns else None
                self._changed.wait(due)
        return None

    def ready(self) -> tuple[J, GivenUp | None] | None:
        """As `take`, but None where nothing may be asked right now."""
        with self._changed:
            while self._turns and self._turns[0][0] <= self._clock():
                at, _, name = heapq.heappop(self._turns)
                host = self._hosts.get(name)
                if host is not None and host.turn == at:  # else it got another turn since
                    host.turn = None
                    return self._popped(name, host)
            return None

    def answered(self, name: str) -> None:
        """A request to this host came to an answer, be it a refusal."""
        with self._changed:
            host = self._hosts[name]
            host.failures = host.rests = 0
            self._release(name, host)

    def failed(self, name: str, refusal: Refusal, reason: str) -> None:
        """A request to this host failed in a way that may be the host's own trouble."""
        with self._changed:
            host = self._hosts[name]
            host.failures += 1
            is_up = self._clock() >= host.rests_until
            if is_up and host.failures >= self._settings.host_failures:
                host.rests += 1
                seconds = self._settings.host_rest_seconds * min(2**host.rests / 2, _LONGEST_REST)
                self._give_up(host, seconds, GivenUp(refusal, f"given up for now: {reason}"))
            self._release(name, host)

    def pause(self, name: str, seconds: float, reason: str) -> None:
        """This host has asked to be left alone; given up where it is for longer than we wait."""
        with self._changed:
            host = self._hosts[name]
            if seconds > self._settings.longest_wait_seconds:
                self._give_up(host, seconds, GivenUp(Refusal.RATE_LIMITED, reason))
            host.ready_at = max(host.ready_at, self._clock() + seconds)
            self._reschedule(name, host)

    def close(self) -> None:
        """Let everyone who takes leave."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _sweep(self) -> None:
        if len(self._hosts) < self._sweep_at:
            return
        now = self._clock()
        self._hosts = {name: host for name, host in self._hosts.items() if host.matters(now)}
        self._sweep_at = max(_MANY_HOSTS, 2 * len(self._hosts))

    def _give_up(self, host: _Host[J], seconds: float, why: GivenUp) -> None:
        host.rests_until, host.given_up = self._clock() + seconds, why

    def _release(self, name: str, host: _Host[J]) -> None:
        host.active -= 1
        self._reschedule(name, host)
        self._changed.notify()

    def _popped(self, name: str, host: _Host[J]) -> tuple[J, GivenUp | None]:
        now = self._clock()
        late = host.delayed and (host.delayed[0][0] <= now or not host.waiting)
        job = heapq.heappop(host.delayed)[2] if late else host.waiting.popleft()
        why = host.given_up if now < host.rests_until else None
        if why is None:
            host.active += 1
            host.ready_at = max(host.ready_at, now + self._settings.pause_seconds)
        self._schedule(name, host)
        return job, why

    def _reschedule(self, name: str, host: _Host[J]) -> None:
        host.turn = None
        self._schedule(name, host)

    def _schedule(self, name: str, host: _Host[J]) -> None:
        """Give the host its next turn, or an earlier one than it has."""
        due = self._due(host)
        if due is not None and (host.turn is None or due < host.turn):
            host.turn = due
            heapq.heappush(self._turns, (due, self._next_number(), name))

    def _due(self, host: _Host[J]) -> float | None:
        if not host.waiting and not host.delayed:
            return None
        if self._clock() < host.rests_until:
            return 0.0
        is_tried = host.failures >= self._settings.host_failures
        if host.active >= (1 if is_tried else self._settings.per_host):
            return None
        first = 0.0 if host.waiting else host.delayed[0][0]
        return max(host.ready_at, first)

    def _next_number(self) -> int:
        self._number += 1
        return self._number
