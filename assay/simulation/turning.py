"""The loop's turn at the end of a week: run as a user would, and read from what it recorded.

While it looks and learns, the next week waits; while a new model takes over, images keep coming.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime

from assay.progress import Progress
from assay.simulation.platform import Platform, Run, SimulationFailed
from assay.simulation.record import Stage, Turn
from assay.simulation.sending import Answer, Beside, Crowd
from assay.simulation.settings import SimulationSettings
from assay.simulation.traffic import Post
from assay.store import Store
from assay.store.deployments import State
from assay.store.loops import LoopRun

logger = logging.getLogger(__name__)

_TARGET = "local"
_LOOK = 1.0
"""Seconds between two looks at how far it is."""


def take(
    platform: Platform,
    settings: SimulationSettings,
    window: tuple[datetime, datetime],
    traffic: tuple[Crowd, Iterator[Post]],
    progress: Progress,
) -> tuple[Turn, list[Answer]]:
    """Let the loop look at ``window``; what it did, and the answers to ``traffic`` meanwhile.

    A turn that had ended before a kill is not taken again: two looks at one window would agree.
    Raises `SimulationFailed` where the loop leaves no record of a turn.
    """
    with platform.store() as store:
        if (before := _ended(store, window[1])) is not None:
            return recorded(before, store, _lasted(before)), []
    crowd, posts = traffic
    since, until = (moment.isoformat() for moment in window)
    named = "loop.monitor.settings.window"
    words = f'{named}.since="{since}"', f'{named}.until="{until}"'
    with (
        platform.store() as store,
        platform.run("loop", settings.loop, *words) as run,
        Beside(lambda over: crowd.trickle(posts, lambda: _is_rolling_out(store), over)) as beside,
    ):
        _watch(run, store, progress)
        seconds = run.seconds
    with platform.store() as store:
        if (ended := _ended(store, window[1])) is None:
            raise SimulationFailed(f"the loop took no turn: {run.words()} (log: {run.log})")
        return recorded(ended, store, seconds), beside.result


def _watch(run: Run, store: Store, progress: Progress) -> None:
    """Tell which stage the loop is in until it has ended."""
    was = ""
    while run.is_running():
        at = _at(store)
        progress(0, 1, f"the loop ({at})" if at else "the loop")
        if at and at != was:
            logger.info("the loop: %s", at)
        was = at
        time.sleep(_LOOK)
    progress(1, 1, "the loop")


def _at(store: Store) -> str:
    """The stage that a turn is in now; empty where none is under way."""
    newest = _newest(store)
    return newest.stages[-1].name if newest and newest.ended_at is None and newest.stages else ""


def _is_rolling_out(store: Store) -> bool:
    """Whether a new model is being tried."""
    newest = next(iter(store.deployments.history(_TARGET, 1)), None)
    return newest is not None and newest.state is State.ROLLING_OUT


def _newest(store: Store) -> LoopRun | None:
    return next(iter(store.loops.history(1)), None)


def _ended(store: Store, since: datetime) -> LoopRun | None:
    """The newest turn, if it has ended ``since`` then."""
    newest = _newest(store)
    is_over = newest is not None and newest.ended_at is not None and newest.ended_at >= since
    return newest if is_over else None


def _lasted(run: LoopRun) -> float:
    return (run.ended_at - run.started_at).total_seconds() if run.ended_at else 0.0


def recorded(run: LoopRun, store: Store, seconds: float) -> Turn:
    """What the record holds of a turn that took ``seconds``."""
    window = run.fact("window")
    found = store.windows.get(window) if window else None
    stages = tuple(
        Stage(
            name=one.name,
            summary=one.summary,
            seconds=(one.ended_at - one.began_at).total_seconds() if one.ended_at else 0.0,
        )
        for one in run.stages
    )
    return Turn(
        state=run.state,
        action=str(run.fact("action") or ""),
        decided=found.reasons if found else (),
        reasons=run.reasons,
        stages=stages,
        window=found.numbers if found else None,
        version=str(run.fact("version") or ""),
        seconds=round(seconds, 1),
    )
