"""What `make serve` is: keeps the current service running, and rolls others out beside it.

    start -> (share, observe)* -> promote | abandon        and later: roll_back

With nginx the services stand behind it, in two places of which one answers; the other is empty, has
a challenger, or keeps the previous one warm. Without nginx the one service listens itself.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from assay.errors import RolloutFailed
from assay.rollout.answers import Answers
from assay.rollout.launch import Active, Launch
from assay.rollout.proxy import NEEDED, Proxy, Routes
from assay.rollout.relay import Relay
from assay.rollout.slot import Colour, Place, Slot, set_standby
from assay.rollout.target import LEASE, Mode
from assay.rollout.warden import Warden

_LOOK_EVERY = 0.1
_ABANDONED = 5.0
"""Seconds for a challenger to answer what it has; what is left then is asked of the current one."""

logger = logging.getLogger(__name__)


class Supervisor:
    """One current service, and at most one other; its commands may come from any thread."""

    def __init__(
        self,
        places: Mapping[Colour, Place],
        proxy: Proxy | None,
        relay: Relay,
        answers: Answers,
        warden: Warden,
    ) -> None:
        self._places, self._proxy, self._relay, self._answers = places, proxy, relay, answers
        self._warden, self._lock = warden, threading.Lock()
        self._current: Slot | None = None
        self._challenger: Slot | None = None
        self._previous: Slot | None = None
        self._before: Callable[[], Launch] | None = None
        """Makes what answered before the current one, where it may be needed again."""
        self._share: tuple[float, Mode] | None = None
        self._lease_ends = self._warm_until = float("inf")
        self.is_leaving = False

    def serve(self, launch: Launch, before: Callable[[], Launch] | None) -> bool:
        """Start what answers first, and wait until it does; False where it was told to end.

        ``before`` makes what `roll_back` goes back to. Raises `RolloutFailed`.
        """
        self._before = before
        self._current = self._started(launch, self._places[Colour.BLUE], on_standby=False)
        self._current.wait(lambda: not self.is_leaving, float("inf"))
        return not self.is_leaving

    def run(self) -> int:
        """Watch until told to leave, or until the current service or nginx ends; an exit status."""
        while not self.is_leaving and self._is_whole():
            self.look()
            time.sleep(_LOOK_EVERY)
        return self._leave()

    def look(self) -> None:
        """Take back what nobody watches over any more, and end what is kept warm for too long."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._challenger is not None and time.monotonic() > self._lease_ends:
                logger.warning("nobody watches over %s any more", self._challenger.launch.name)
                self._abandon()
            if self._previous is not None and time.monotonic() > self._warm_until:
                self._end_previous()
        finally:
            self._lock.release()

    def commands(self) -> Mapping[str, Callable[..., Any]]:
        """What may be asked for over the control socket, by name."""
        return {
            "start": lambda launch, lease: self.start(Launch.model_validate(launch), lease),
            "share": lambda share, mode, lease: self.share(share, Mode(mode), lease),
            "observe": self.observe,
            "promote": self.promote,
            "abandon": self.abandon,
            "roll_back": self.roll_back,
            "status": self.status,
        }

    def start(self, launch: Launch, lease: float = LEASE) -> None:
        """Bring a challenger up, and wait until it is ready; raises `RolloutFailed`."""
        with self._lock:
            self._require_proxy()
            if self._challenger is not None:
                raise RolloutFailed(f"{self._challenger.launch.name} is being rolled out already")
            self._end_previous()
            place = self._places[self._answering.place.colour.other]
            self._challenger = self._started(launch, place, on_standby=True)
            self._lease_ends = float("inf")
            try:
                self._challenger.wait(lambda: not self.is_leaving)
            except RolloutFailed:
                self._abandon()
                raise
            self._lease_ends = time.monotonic() + lease

    def share(self, share: float, mode: Mode, lease: float = LEASE) -> None:
        """Give the challenger a share, or go on giving it, for ``lease`` seconds."""
        with self._lock:
            challenger = self._living_challenger()
            self._lease_ends = time.monotonic() + lease
            if self._share == (share, mode):
                return
            self._share = share, mode
            asked = challenger if mode is Mode.SHADOW else self._answering
            self._relay.port = asked.place.port
            self._begin_observing()
            canary = share if mode is Mode.CANARY else 0.0
            colour = self._answering.place.colour
            self._require_proxy().route(Routes(colour, True, canary, copied=share))

    def observe(self) -> dict[str, Any]:
        """An `Observation` as a dictionary; raises `RolloutFailed` where the challenger ended."""
        with self._lock:
            challenger = self._living_challenger()
            self._answers.add_lines(self._require_proxy().log.new_lines())
            ports = self._answering.place.port, challenger.place.port
            return asdict(self._answers.observation(*ports))

    def promote(self, keep_minutes: float | None = None) -> str:
        """Let the challenger answer; the one before is kept warm for ``keep_minutes`` (None: on).

        Returns its name. Raises `RolloutFailed` where it is not ready.
        """
        with self._lock:
            challenger = self._living_challenger()
            if not challenger.is_ready():
                raise RolloutFailed(f"{challenger.launch.name} is not ready any more")
            Active.read().promoted(challenger.launch).write()
            self._switch_to(challenger)
            seconds = float("inf") if keep_minutes is None else 60 * keep_minutes
            self._warm_until = time.monotonic() + seconds
            return challenger.launch.name

    def abandon(self) -> None:
        """End the challenger, if there is one."""
        with self._lock:
            self._abandon()

    def roll_back(self) -> str:
        """Let the previous one answer again; its name. Raises `RolloutFailed` without one."""
        with self._lock:
            self._require_proxy()
            if self._before is None:
                raise RolloutFailed("nothing was rolled out before, so there is no way back")
            self._abandon()
            back = self._previous
            if back is None or not back.is_ready():
                back = self._cold(self._before())
            Active.read().rolled_back().write()
            self._switch_to(back)
            self._warm_until = float("inf")
            return back.launch.name

    def status(self) -> dict[str, Any]:
        """Who answers, and who else is there."""
        slots = {
            "current": self._current,
            "challenger": self._challenger,
            "previous": self._previous,
        }
        named = {which: slot.launch.name if slot else None for which, slot in slots.items()}
        current = self._answering
        return {
            **named,
            "is_release": current.launch.is_release,
            "port": current.place.port,
            "dropped": self._answers.dropped,
        }

    def _is_whole(self) -> bool:
        processes = [self._answering.process] + ([self._proxy.process] if self._proxy else [])
        return all(process.poll() is None for process in processes)

    @property
    def _answering(self) -> Slot:
        if self._current is None:
            raise RolloutFailed("nothing answers yet; try again when `make serve` says so")
        return self._current

    def _started(self, launch: Launch, place: Place, *, on_standby: bool) -> Slot:
        slot = Slot.start(launch, place, on_standby=on_standby)
        try:
            self._warden.watch(slot.process.pid)
        except RolloutFailed:
            slot.end(_ABANDONED)
            raise
        return slot

    def _cold(self, launch: Launch) -> Slot:
        """Start what is no longer warm; raises `RolloutFailed`."""
        self._end_previous()
        place = self._places[self._answering.place.colour.other]
        slot = self._started(launch, place, on_standby=True)
        try:
            slot.wait(lambda: not self.is_leaving)
        except RolloutFailed:
            slot.end(_ABANDONED)
            raise
        return slot

    def _switch_to(self, slot: Slot) -> None:
        """Let ``slot`` answer everything, and keep the one that did."""
        before = self._answering
        set_standby(slot.place, False)
        self._stop_sharing(slot.place.colour)
        set_standby(before.place, True)
        launch = before.launch
        self._before = lambda: launch
        self._current, self._previous, self._challenger = slot, before, None

    def _stop_sharing(self, colour: Colour) -> None:
        self._require_proxy().route(Routes(colour))
        self._relay.port, self._share = None, None
        self._relay.forget()
        self._lease_ends = float("inf")

    def _abandon(self) -> None:
        if self._challenger is None:
            return
        self._stop_sharing(self._answering.place.colour)
        self._challenger.end(_ABANDONED)
        self._challenger = None

    def _end_previous(self) -> None:
        if self._previous is not None:
            self._previous.end()
            self._previous = None

    def _begin_observing(self) -> None:
        self._answers.begin_anew()
        self._relay.forget()
        self._require_proxy().log.clear()

    def _living_challenger(self) -> Slot:
        challenger = self._challenger
        if challenger is None:
            raise RolloutFailed("there is no challenger; start one first")
        if (status := challenger.process.poll()) is not None:
            raise RolloutFailed(f"{challenger.launch.name} ended with status {status}")
        return challenger

    def _require_proxy(self) -> Proxy:
        if self._proxy is None:
            raise RolloutFailed(NEEDED)
        return self._proxy

    def _leave(self) -> int:
        """End all services at once, each after what it has accepted; 0 if the current one could."""
        self.is_leaving = True
        with self._lock:
            slots = [self._current, self._challenger, self._previous]
            there = [slot for slot in slots if slot is not None]
            for slot in there:
                slot.tell_to_end()
            statuses = [slot.wait_for_end() for slot in there]
        return 0 if statuses and statuses[0] in (0, -signal.SIGTERM) else 1
