"""Progress of long work: a callable that workflows report to, drawn by whoever runs them.

Workflow modules take a `Progress` and call it with ``(done, total, what)``; they never know whether
a terminal, a log file or nobody is watching.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

logger = logging.getLogger(__name__)

LOG_EVERY = 10.0
"""Seconds between log lines where no terminal can show a bar."""


class Progress(Protocol):
    """Hears how far a piece of work has come."""

    def __call__(self, done: int, total: int, what: str, /) -> None:
        """``done`` of ``total`` units of the work called ``what``; 0 when the total is unknown.

        A note in parentheses at its end, such as a loss, may change as the work goes on.
        """


def silent(done: int, total: int, what: str, /) -> None:
    """A `Progress` that nobody watches."""


@contextmanager
def bar() -> Iterator[Progress]:
    """A `Progress` on the terminal (stderr), one bar for each ``what``, or lines in the log.

    Writing to the original stderr keeps the bars whole where stdout is captured.
    """
    stream = sys.__stderr__
    if stream is None or not stream.isatty():
        yield _LogLines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn()
    with RichProgress(*columns, TimeRemainingColumn(), console=Console(file=stream)) as display:
        yield _Bars(display)


class _Bars:
    """One rich task for each piece of work."""

    def __init__(self, display: RichProgress) -> None:
        self._display = display
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, done: int, total: int, what: str, /) -> None:
        name = _without_note(what)
        if name not in self._tasks:
            self._tasks[name] = self._display.add_task(what, total=total or None)
        task = self._tasks[name]
        self._display.update(task, completed=done, total=total or None, description=what)


class _LogLines:
    """A log line when a piece of work ends, and every `LOG_EVERY` seconds until then."""

    def __init__(self) -> None:
        self._began: dict[str, tuple[int, float]] = {}
        self._spoke: dict[str, tuple[int, float]] = {}

    def __call__(self, done: int, total: int, what: str, /) -> None:
        now, name = time.monotonic(), _without_note(what)
        began = self._began.setdefault(name, (done, now))
        last, when = self._spoke.setdefault(name, (-1, now))
        is_due = 0 < total == done or now - when >= LOG_EVERY
        if is_due and done != last:
            self._spoke[name] = done, now
            left = _time_left(done - began[0], total - done, now - began[1])
            logger.info("%s: %d of %s%s", what, done, total or "?", left)


def _without_note(what: str) -> str:
    return what.partition(" (")[0]


def _time_left(done: int, remaining: int, seconds: float) -> str:
    """``, about 1:05 left``, by how long what is done took; empty where that says nothing."""
    if done <= 0 or remaining <= 0:
        return ""
    minutes, rest = divmod(round(seconds / done * remaining), 60)
    return f", about {minutes}:{rest:02} left"
