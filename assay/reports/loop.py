"""A turn of the loop: how it ended, why, and what each stage came to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from assay.reports.page import Page, render
from assay.store.loops import LoopRun, LoopStage, LoopState

if TYPE_CHECKING:
    from rich.console import Group

COLUMNS = "stage", "began (UTC)", "took", "attempts", "came to"
_ENDS = {
    LoopState.RUNNING: ("warn", "Under way", "it goes on with the next start if it was killed"),
    LoopState.COMPLETED: ("good", "Completed", "what was learned answers"),
    LoopState.CALM: ("good", "Calm", "nothing had to be learned"),
    LoopState.PAGED: ("warn", "A person is asked", "the decision is not a machine's"),
    LoopState.REFUSED: ("warn", "Refused", "what was learned is not better; the champion stays"),
    LoopState.TAKEN_BACK: ("bad", "Taken back", "what answered before answers"),
    LoopState.FAILED: ("bad", "Failed", "a stage has no result; the next start begins anew"),
    LoopState.ABANDONED: ("warn", "Abandoned", "interrupted, and too old to go on with"),
}


def page(run: LoopRun, links: Mapping[str, str]) -> Page:
    """The end first, with its reasons; then the stages, and where to look next."""
    kind, word, meaning = _ENDS[run.state]
    return render(
        "loop.html",
        f"The loop, {run.started_at:%Y-%m-%d %H:%M} UTC",
        outcome=(kind, word, meaning),
        run=run,
        columns=COLUMNS,
        rows=[row(stage) for stage in run.stages],
        links=links,
    )


def row(stage: LoopStage) -> tuple[str, ...]:
    """A stage in the words of `COLUMNS`."""
    took = "not ended" if stage.ended_at is None else _lasted(stage.began_at, stage.ended_at)
    began = f"{stage.began_at:%Y-%m-%d %H:%M}"
    return stage.name, began, took, str(stage.attempts), stage.summary


def closing(run: LoopRun) -> Group:
    """The end and its reasons, as a run's last words in a terminal."""
    from rich.console import Group
    from rich.text import Text

    kind, word, meaning = _ENDS[run.state]
    colour = {"good": "green", "warn": "yellow", "bad": "red"}[kind]
    lines = [Text(f"{word}: {meaning} (turn {run.id})", colour)]
    lines += [Text(f"  - {stage.name}: {stage.summary}") for stage in run.stages]
    lines += [Text(f"  - {reason}") for reason in run.reasons if not _is_told(run, reason)]
    return Group(*lines)


def _is_told(run: LoopRun, reason: str) -> bool:
    return any(stage.summary == reason for stage in run.stages)


def _lasted(began: datetime, ended: datetime) -> str:
    seconds = (ended - began).total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
