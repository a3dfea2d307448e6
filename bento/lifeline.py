"""The model's process stays until the public one has gone.

A supervisor sends SIGTERM to all processes at the same moment, and what the public one has accepted
still has to be answered by the model.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

from bento import signals

_held_here: set[Path] = set()
"""What this process holds itself: in BentoML's development mode there is only one."""


class Lifeline:
    """A lock on a file in ``folder`` that the public process holds while it lives."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Both processes have the same parent, and no two services on a machine have it.
        self._path = folder / f".serving-{os.getppid()}"
        self._stream = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def hold(self) -> None:
        """Hold on until this process ends, however it ends."""
        _held_here.add(self._path)
        fcntl.flock(self._stream, fcntl.LOCK_SH)

    def outlive_holder(self) -> None:
        """From now on let signals reach this process's server only after the holder has gone."""
        waiting: list[threading.Thread] = []

        def on_signal(_number: int, leave: Callable[[], None]) -> None:
            if self._path in _held_here:
                leave()
            elif not waiting:
                arguments = (asyncio.get_running_loop(), leave)
                waiting.append(threading.Thread(target=self._wait, args=arguments, daemon=True))
                waiting[0].start()

        signals.install(on_signal)

    def _wait(self, loop: asyncio.AbstractEventLoop, leave: Callable[[], None]) -> None:
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        self._path.unlink(missing_ok=True)
        loop.call_soon_threadsafe(leave)
