"""One rollout from beginning to end, over any target: start, watch, promote or go back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assay.errors import RolloutFailed
from assay.progress import Progress
from assay.release import Release
from assay.rollout import limits
from assay.rollout.limits import Action, Decision, RolloutSettings
from assay.rollout.target import LEASE, Mode, Observation, Target


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rollout ended."""

    promoted: bool
    reasons: tuple[str, ...]
    """In sentences: the limits that hold, or those that were broken."""
    observed: tuple[Observation, ...] = ()
    """What each share showed when it was decided on."""


def roll_out(
    target: Target, release: Release, settings: RolloutSettings, progress: Progress
) -> Outcome:
    """Roll ``release`` out as ``settings`` say.

    Raises `RolloutFailed` where it does not come up. However this is left, by an error or by Ctrl-C
    too, what is not promoted has been stopped.
    """
    is_serving = target.is_serving()
    with _or_abandon(target):
        progress(0, 1, f"start {release.name}")
        target.start(release)
        progress(1, 1, f"start {release.name}")
        return watch(target, settings, progress) if is_serving else _recorded(target)


def watch(target: Target, settings: RolloutSettings, progress: Progress) -> Outcome:
    """Go on after the start: give the challenger its shares, and promote or abandon it."""
    observed: list[Observation] = []
    decision = Decision(Action.PROMOTE, ())
    with _or_abandon(target):
        for share, mode in _shares(settings):
            decision, seen = _tried(target, share, mode, settings, progress)
            observed += [seen] if seen else []
            if decision.action is Action.ROLL_BACK:
                target.abandon()
                return Outcome(False, decision.reasons, tuple(observed))
        target.promote()
    return Outcome(True, decision.reasons or ("it is ready",), tuple(observed))


def _recorded(target: Target) -> Outcome:
    target.promote()
    return Outcome(True, ("nothing answers there now; the next start will be of this release",))


def _shares(settings: RolloutSettings) -> Iterator[tuple[float, Mode]]:
    if settings.strategy.has_shadow:
        yield settings.shadow_share, Mode.SHADOW
    if settings.strategy.has_canary:
        yield from ((share, Mode.CANARY) for share in settings.steps)


def _tried(
    target: Target, share: float, mode: Mode, settings: RolloutSettings, progress: Progress
) -> tuple[Decision, Observation | None]:
    """Give one share until it is decided on; the decision, and what it was taken from."""
    began = time.monotonic()
    what = f"{mode} {100 * share:g} %"
    total = settings.minimum_requests
    while True:
        try:
            target.share(share, mode)
            seen = target.observe()
        except RolloutFailed as error:
            return Decision(Action.ROLL_BACK, (str(error),)), None
        seconds = time.monotonic() - began
        progress(_shown(seen, target, total), total, what)
        decision = limits.decide(seen, settings, seconds, compares=target.compares)
        if decision.action is not Action.CONTINUE:
            return decision, seen
        time.sleep(min(settings.poll_seconds, LEASE / 3))


def _shown(seen: Observation, target: Target, total: int) -> int:
    compared = seen.compared if target.compares else total
    return min(seen.challenger.requests, compared, total)


@contextmanager
def _or_abandon(target: Target) -> Iterator[None]:
    """Stop the challenger where the context is left by an error, or by Ctrl-C."""
    is_done = False
    try:
        yield
        is_done = True
    finally:
        if not is_done:
            target.abandon()
