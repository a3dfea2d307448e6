"""What happened, in sentences: when a change was noticed, what was done, how quality went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.reports.page import percent
from assay.simulation.record import Quality, Week
from assay.simulation.settings import Phase
from assay.store.loops import LoopState

_LEARNS = "recalibrate", "retrain"
_Change = tuple[float, float]
"""Before and after."""


@dataclass(frozen=True, slots=True)
class Story:
    """A simulation in a few sentences and numbers."""

    sentences: tuple[str, ...]
    tiles: tuple[tuple[str, str], ...]
    """A number and what it is."""


def told(weeks: Sequence[Week], truths: Sequence[Quality]) -> Story:
    """``truths`` are the qualities of ``weeks``."""
    changes = [week for week in weeks if week.phase is Phase.NEW_MANIPULATION]
    lines = [*_calm(weeks), *(_change(weeks, truths, changes) if changes else ())]
    lines += _others(weeks)
    return Story(tuple(lines), tuple(_tiles(weeks, truths, changes)))


def noticed(weeks: Sequence[Week], since: int) -> tuple[Week, int] | None:
    """The first week from ``since`` on in which a column drifted or something was decided.

    With the images of the changed traffic that had been seen by then.
    """
    seen = 0
    for week in weeks[since - 1 :]:
        seen += len(week.answers)
        window = week.turn.window
        if (window and window.drifted) or week.turn.action in (*_LEARNS, "page"):
            return week, seen
    return None


def _calm(weeks: Sequence[Week]) -> Iterator[str]:
    calm = [week for week in weeks if week.phase is Phase.CALM]
    if not calm:
        return
    acted = [week for week in calm if week.turn.action in _LEARNS]
    done = f"in {len(acted)} of them something was decided" if acted else "nothing was decided"
    yield f"{_count(len(calm), 'calm week')}: {done}."


def _change(
    weeks: Sequence[Week], truths: Sequence[Quality], changes: Sequence[Week]
) -> Iterator[str]:
    first = changes[0].number
    found = noticed(weeks, first)
    if found is None:
        yield f"The new manipulation of week {first} was not noticed."
        return
    week, seen = found
    yield (
        f"A new manipulation came in week {first}; the monitor noticed at the end of week "
        f"{week.number}, after {seen:,} images."
    )
    learned = [one for one in changes if one.turn.action in _LEARNS]
    if not learned:
        yield "It decided on no learning."
    for one in learned:
        yield _learning(one)
    recovered = _recovery(weeks, truths)
    if recovered is not None:
        version, (shares, aucs) = recovered
        yield (
            f"Of the new manipulation the model found {percent(shares[0])} before version "
            f"{version} answered, and {percent(shares[1])} after; its AUC against authentic images "
            f"went from {aucs[0]:.2f} to {aucs[1]:.2f}."
        )


def _learning(week: Week) -> str:
    turn = week.turn
    verb = {"recalibrate": "recalibrated", "retrain": "retrained"}[turn.action]
    ends = {
        LoopState.COMPLETED: f"version {turn.version} was judged better, and answers since",
        LoopState.REFUSED: f"version {turn.version} was refused",
        LoopState.TAKEN_BACK: f"version {turn.version} was taken back while it was tried",
    }
    outcome = ends.get(turn.state, f"the turn ended as {turn.state}")
    return f"After week {week.number} it {verb}: {outcome}."


def _others(weeks: Sequence[Week]) -> Iterator[str]:
    for phase in (Phase.LOW_QUALITY, Phase.VIRAL):
        inside = [week for week in weeks if week.phase is phase]
        if inside:
            yield from map(_learning, (one for one in inside if one.turn.action in _LEARNS))
            decided = [f"{week.turn.action or 'nothing'} (week {week.number})" for week in inside]
            yield f"{phase.words[0].upper()}{phase.words[1:]}: decided was {', '.join(decided)}."


def _recovery(
    weeks: Sequence[Week], truths: Sequence[Quality]
) -> tuple[str, Sequence[_Change]] | None:
    """The first new model that followed the new manipulation, and how it goes with that.

    Means over weeks before it answered and after, while nothing else changed: the share that is
    found, and the AUC.
    """
    same = [
        (week, truth)
        for week, truth in zip(weeks, truths, strict=True)
        if week.phase is Phase.NEW_MANIPULATION
    ]
    deployed = next((week for week, _ in same if week.turn.has_deployed), None)
    if deployed is None:
        return None
    before = [truth for week, truth in same if week.number <= deployed.number]
    after = [truth for week, truth in same if week.number > deployed.number]
    sides = [
        (_mean([t.new_recall for t in s]), _mean([t.new_auc for t in s])) for s in (before, after)
    ]
    (found, auc), (found_then, auc_then) = sides
    if found is None or found_then is None or auc is None or auc_then is None:
        return None
    return deployed.turn.version, ((found, found_then), (auc, auc_then))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _tiles(
    weeks: Sequence[Week], truths: Sequence[Quality], changes: Sequence[Week]
) -> Iterator[tuple[str, str]]:
    deployed = sum(week.turn.has_deployed for week in weeks)
    yield str(deployed), "new models that answer" if deployed != 1 else "new model that answers"
    if not changes:
        return
    found = noticed(weeks, changes[0].number)
    yield (f"{found[1]:,}", "images until the change was noticed") if found else ("-", "noticed")
    recovered = _recovery(weeks, truths)
    if recovered is not None:
        _, (found_share, auc) = recovered
        yield (
            f"{percent(found_share[0])} → {percent(found_share[1])}",
            "of the new manipulation found",
        )
        yield f"{auc[0]:.2f} → {auc[1]:.2f}", "its AUC"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
