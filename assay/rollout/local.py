"""This machine: the supervisor that `make serve` runs, asked over its control socket.

Where none runs, a release is recorded, and the next `make serve` starts it.
"""

from __future__ import annotations

from typing import Any

from assay.errors import RolloutFailed
from assay.release import Release
from assay.rollout import control
from assay.rollout.launch import Active, Launch
from assay.rollout.target import LEASE, Mode, Observation, Side, Target


class LocalTarget(Target):
    """The service of this state folder."""

    name = "local"

    def __init__(self, keep_minutes: float | None = None, lease: float = LEASE) -> None:
        """After ``keep_minutes`` what answered before is ended, to free its memory; None: never.

        ``lease`` is in seconds.
        """
        self._keep_minutes, self._lease = keep_minutes, lease
        self._recorded: Launch | None = None

    def is_serving(self) -> bool:
        """Whether `make serve` runs."""
        return control.is_served()

    def active(self) -> str | None:
        """The release that answers, or that `make serve` will start; None for the champion."""
        if self.is_serving():
            status = control.ask("status")
            return str(status["current"]) if status["is_release"] else None
        current = Active.read().current
        return current.name if current else None

    def start(self, release: Release) -> None:
        """Bring a built bento up beside what answers now."""
        self.launch(Launch.of_release(release))

    def launch(self, launch: Launch) -> None:
        """Bring up anything that ``bentoml serve`` takes; raises as `start`."""
        if self.is_serving():
            control.ask("start", launch=launch.model_dump(mode="json"), lease=self._lease)
        else:
            self._recorded = launch

    def share(self, share: float, mode: Mode) -> None:
        """Give the challenger a share of the detections, in hundredths of them."""
        control.ask("share", share=share, mode=mode.value, lease=self._lease)

    def observe(self) -> Observation:
        """What nginx and the relay have noted since."""
        seen = control.ask("observe")
        current, challenger = (_side(seen.pop(which)) for which in ("current", "challenger"))
        return Observation(current, challenger, **seen)

    def promote(self) -> None:
        """Switch to the challenger, or record it where nothing is served."""
        if self._recorded is None:
            control.ask("promote", keep_minutes=self._keep_minutes)
        else:
            Active.read().promoted(self._recorded).write()
            self._recorded = None

    def abandon(self) -> None:
        """End the challenger."""
        if self._recorded is None:
            control.ask("abandon")
        self._recorded = None

    def roll_back(self) -> str:
        """Switch back: at once while the one before is warm, and after its start otherwise."""
        if self.is_serving():
            return str(control.ask("roll_back"))
        active = Active.read()
        if not active.can_go_back:
            raise RolloutFailed("nothing was rolled out here before, so there is no way back")
        active.rolled_back().write()
        return active.previous.name if active.previous else "the champion"


def _side(fields: dict[str, Any]) -> Side:
    return Side(**{**fields, "latencies_ms": tuple(fields["latencies_ms"])})
