"""One running service: started from a `Launch`, asked whether it is ready, and ended."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from assay import processes
from assay.errors import RolloutFailed
from assay.rollout.launch import Launch
from assay.rollout.warden import GRACE

PATIENCE = 120.0
"""Seconds for a first verdict, on a machine that is busy."""
_ASK_EVERY = 0.2


class Colour(StrEnum):
    """Which of the two places a service has."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> Colour:
        """The other place."""
        return Colour.GREEN if self is Colour.BLUE else Colour.BLUE


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service is started."""

    colour: Colour
    host: str
    port: int
    environment: Mapping[str, str]
    """What all slots share."""
    standby: Path
    """While this file exists, the service takes up no work of its own: jobs and announcements."""


class Slot:
    """A service in processes of its own."""

    def __init__(self, launch: Launch, place: Place, process: subprocess.Popen[bytes]) -> None:
        self.launch, self.place, self.process = launch, place, process

    @classmethod
    def start(cls, launch: Launch, place: Place, *, on_standby: bool) -> Slot:
        """Start ``launch``; it is not ready before `wait` has returned."""
        set_standby(place, on_standby)
        own = {"ASSAY_STANDBY": str(place.standby), **launch.environment}
        process = subprocess.Popen(  # noqa: S603 (our own command)
            _command(launch, place),
            cwd=launch.folder,
            env={**place.environment, **own},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the supervisor, which ends it in order
        )
        return cls(launch, place, process)

    @property
    def address(self) -> str:
        """``host:port``, as nginx writes it."""
        return f"{self.place.host}:{self.place.port}"

    def is_ready(self) -> bool:
        """Whether it gives verdicts: an image to warm up was answered."""
        connection = http.client.HTTPConnection(self.place.host, self.place.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait(self, is_wanted: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Return once it is ready, or not wanted any more.

        Raises `RolloutFailed` where it ends, or is not within ``patience`` seconds.
        """
        end = time.monotonic() + patience
        while is_wanted() and not self.is_ready():
            if (status := self.process.poll()) is not None:
                raise RolloutFailed(f"{self.launch.name} ended with status {status}; see its log")
            if time.monotonic() > end:
                raise RolloutFailed(f"{self.launch.name} is not ready after {patience:g} s")
            time.sleep(_ASK_EVERY)

    def tell_to_end(self) -> None:
        """Have it answer what it has accepted, and end."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def wait_for_end(self, grace: float = GRACE) -> int:
        """Its exit status; what runs of it after ``grace`` seconds is killed."""
        family = processes.family(self.process.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace)
        # What ends again and again is started anew meanwhile, as a process of its own session.
        processes.kill([*processes.family(self.process.pid), *family])
        return self.process.wait()

    def end(self, grace: float = GRACE) -> int:
        """Both: tell it to end, and wait."""
        self.tell_to_end()
        return self.wait_for_end(grace)


def set_standby(place: Place, on_standby: bool) -> None:
    """Let the service at ``place`` take up work of its own, or not."""
    if on_standby:
        place.standby.touch()
    else:
        place.standby.unlink(missing_ok=True)


def _command(launch: Launch, place: Place) -> list[str]:
    where = ["--host", place.host, "--port", str(place.port)]
    grace = ["--timeout-graceful-shutdown", f"{GRACE:.0f}"]
    return [sys.executable, "-m", "bentoml", "serve", launch.service, *where, *grace]
