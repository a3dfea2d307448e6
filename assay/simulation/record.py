"""What is kept of each week, and how good the service was in truth, as a simulation knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from assay.metrics import Bools, Floats, Weighted, roc_auc
from assay.monitoring.numbers import WindowNumbers
from assay.settings import Settings
from assay.simulation.people import Work
from assay.simulation.sending import Answer
from assay.simulation.settings import Phase
from assay.store.loops import LoopState


class Stage(Settings):
    """A stage of the loop."""

    name: str
    summary: str
    seconds: float


class Turn(Settings):
    """What the loop did at the end of a week."""

    state: LoopState
    """How it ended."""
    action: str
    """What the monitor decided: none, recalibrate, retrain, page; empty where it did not."""
    decided: tuple[str, ...]
    """Why."""
    reasons: tuple[str, ...]
    """Why the turn ended as it did."""
    stages: tuple[Stage, ...]
    window: WindowNumbers | None
    """What the monitor measured."""
    version: str
    """Of the model that was registered; empty where none was."""
    seconds: float
    """By the clock, the start of the process included."""

    @property
    def has_deployed(self) -> bool:
        """Whether a new model answers since."""
        return self.state is LoopState.COMPLETED


class Week(Settings):
    """One week, from its first image to the end of the loop's turn."""

    number: int
    phase: Phase
    since: datetime
    until: datetime
    """Of the window that the monitor looks at."""
    answers: tuple[Answer, ...]
    """Of the week's images, in their order."""
    later: tuple[Answer, ...]
    """Of images that came while the loop was at work, in no window."""
    work: Work
    backlog: int
    """Cases that nobody had decided at the end of the week."""
    turn: Turn
    seconds: float
    """By the clock, from the first image until the loop has ended."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How right the answers about some images are; None where there is nothing to divide by."""

    images: int
    edited: int
    failed: int
    """Requests without a verdict."""
    auc: float | None
    new_auc: float | None
    """Of the new manipulation against authentic images alone."""
    recall: float | None
    """Share of edited images that are called so."""
    new_recall: float | None
    """The same of those with the new manipulation."""
    false_alarms: float | None
    """Share of authentic images that are called edited."""
    precision: float | None
    """Share of images called edited that are."""
    handed: float | None
    """Share of images that people are asked about."""
    missed_views: int
    """People shown an edited image that was neither called so nor handed to people."""


def quality(answers: Sequence[Answer], new_edit: str) -> Quality:
    """The truth about ``answers``, all of them: no sample, so no interval.

    Copies of a viral picture count each time, as users see each of them.
    """
    judged = [one for one in answers if one.label is not None]
    edited = np.array([one.is_edited for one in judged], bool)
    flagged = np.array([one.is_flagged for one in judged], bool)
    new = np.array([one.edit == new_edit for one in judged], bool)
    handed = np.array([one.needs_review for one in judged], bool)
    reach = np.array([one.reach for one in judged], np.int64)
    scores = np.array([one.score for one in judged], np.float64)
    return Quality(
        images=len(answers),
        edited=int(edited.sum()),
        failed=len(answers) - len(judged),
        auc=_auc(scores, edited),
        new_auc=_auc(scores[new | ~edited], new[new | ~edited]),
        recall=_share(flagged, edited),
        new_recall=_share(flagged, new),
        false_alarms=_share(flagged, ~edited),
        precision=_share(edited, flagged),
        handed=_share(handed, np.ones(len(judged), bool)),
        missed_views=int(reach[edited & ~flagged & ~handed].sum()),
    )


def _share(of: Bools, among: Bools) -> float | None:
    return float(of[among].mean()) if among.any() else None


def _auc(scores: Floats, positive: Bools) -> float | None:
    """None where a class is missing."""
    order = np.argsort(scores, kind="stable")
    data = Weighted(scores[order], positive[order], np.ones((1, len(scores))), 0.5)
    found = float(roc_auc(data)[0]) if len(scores) else float("nan")
    return None if np.isnan(found) else found
