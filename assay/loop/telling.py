"""What people are told of a turn of the loop: that it learns, and how it ended."""

from __future__ import annotations

from concurrent.futures import Future

from assay.notifications import Event, Kind, Notifier
from assay.store.loops import LoopRun, Loops, LoopState

_TITLES = {
    LoopState.COMPLETED: (Kind.INFO, "A new model answers"),
    LoopState.PAGED: (Kind.PAGE, "The monitor asks for a person"),
    LoopState.REFUSED: (Kind.PAGE, "What was learned is not better; the champion stays"),
    LoopState.TAKEN_BACK: (Kind.PAGE, "A new model was taken back; the one before answers"),
    LoopState.FAILED: (Kind.PAGE, "The loop failed"),
    LoopState.ABANDONED: (Kind.PAGE, "The loop was interrupted and never resumed"),
}
"""By end; one without anything to tell (`LoopState.CALM`) has no title."""


class Teller:
    """Tells of turns as they go; a ``link`` leads to where more is to be seen."""

    def __init__(self, record: Loops, notifier: Notifier, link: str = "") -> None:
        self._record, self._notifier, self._link = record, notifier, link

    def begun(self, run: LoopRun, stage: str) -> None:
        """Say, without waiting, that a model is being fitted: it takes hours."""
        begun = run.stage(stage)
        if stage == "learn" and begun is not None and begun.attempts == 1:
            why = run.stages[0].summary
            told = Event(Kind.INFO, f"The loop begins to {run.fact('action')}", why, self._link)
            self._notifier.tell(told)

    def ended(self) -> None:
        """Tell of every end that is news to people, of killed loops too, and note that it is told.

        Each is told once it has arrived, so a kill in between tells it twice rather than never.
        """
        for run in self._record.untold():
            sent: Future[bool] = self._notifier.tell(event(run, self._link))
            if sent.result():
                self._record.told(run.id)


def event(run: LoopRun, link: str) -> Event:
    """The end of a turn: why it ended so, and what each stage came to."""
    kind, title = _TITLES[run.state]
    stages = [f"{stage.name}: {stage.summary}" for stage in run.stages if stage.summary]
    return Event(kind, title, "\n".join([*run.reasons, *stages, f"loop {run.id}"]), link)
