"""Weeks as a simulation leaves them, made up: what a page shows of them is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.monitoring.numbers import ColumnDrift, Family, Reference, ReferenceKind, WindowNumbers
from assay.monitoring.performance_numbers import Figure, Performance
from assay.records import Label
from assay.simulation.people import Work
from assay.simulation.playing import Simulation
from assay.simulation.record import Stage, Turn, Week
from assay.simulation.sending import Answer
from assay.simulation.settings import Phase, SimulationSettings
from assay.store.loops import LoopState

START = datetime(2026, 11, 2, tzinfo=UTC)
CALM, NEW = Phase.CALM, Phase.NEW_MANIPULATION


def answer(name: str, edit: str = "", *, flagged: bool = False, **fields: object) -> Answer:
    """One image; edited if it has an ``edit``."""
    values: dict[str, object] = {
        "name": name,
        "truth": Label.MANIPULATED if edit else Label.AUTHENTIC,
        "reach": 100,
        "edit": edit,
        "is_viral": False,
        "status": 200,
        "seconds": 0.1,
        "label": Label.MANIPULATED if flagged else Label.AUTHENTIC,
        "score": 0.8 if flagged else 0.2,
        "model_version": "1",
        **fields,
    }
    return Answer.model_validate(values)


def answers(found: int, new: int = 0) -> tuple[Answer, ...]:
    """Ten authentic images, ten copy-moves, all found, and ``new`` ones of which ``found`` are."""
    known = [answer(f"known-{n}", "copy_move", flagged=True) for n in range(10)]
    newly = [answer(f"new-{n}", "resynthesis", flagged=n < found) for n in range(new)]
    return (*(answer(f"plain-{n}") for n in range(10)), *known, *newly)


def window(number: int, *drifted: str) -> WindowNumbers:
    """Of a week, in which the columns ``drifted`` did, and one more did not."""
    since = START + timedelta(weeks=number)
    figure = Figure(value=0.8, low=0.7, high=0.9, n=30, groups=30)
    return WindowNumbers(
        model_version="1",
        since=since,
        until=since + timedelta(weeks=1),
        captures=30,
        groups=30,
        is_enough=True,
        reference=Reference(kind=ReferenceKind.FIRST_CAPTURES, captures=60, groups=60),
        drift=tuple(_column(name, drifted=name in drifted) for name in (*drifted, "d_width")),
        performance=Performance(
            labelled=30, n=30, groups=30, is_enough=True, figures={"auc": figure}
        ),
    )


def week(
    number: int,
    phase: Phase,
    given: Sequence[Answer],
    action: str = "none",
    state: LoopState = LoopState.CALM,
    drifted: Sequence[str] = (),
) -> Week:
    """A week that ended with ``action`` and ``state``."""
    since = START + timedelta(weeks=number)
    learns = action in ("recalibrate", "retrain")
    turn = Turn(
        state=state,
        action=action,
        decided=(f"why {action}",),
        reasons=(f"why {state}",),
        stages=(Stage(name="monitor", summary=f"why {action}", seconds=3.0),),
        window=window(number, *drifted),
        version=str(number) if learns else "",
        seconds=30.0,
    )
    return Week(
        number=number,
        phase=phase,
        since=since,
        until=since + timedelta(days=6),
        answers=tuple(given),
        later=(),
        work=Work(cases=20, wrong=1, audits=2, seconds=400.0),
        backlog=3,
        turn=turn,
        seconds=90.0,
    )


def recovered() -> Simulation:
    """Two calm weeks, a new manipulation that is noticed, learned in the fourth, and found then."""
    weeks = (
        week(1, CALM, answers(0)),
        week(2, CALM, answers(0)),
        week(3, NEW, answers(1, new=10), drifted=("f_lattice",)),
        week(4, NEW, answers(1, new=10), "retrain", LoopState.COMPLETED, ("f_lattice",)),
        week(5, NEW, answers(8, new=10)),
    )
    settings = SimulationSettings(weeks=tuple(one.phase for one in weeks))
    return Simulation(settings, Path("simulations/made"), 120.0, weeks)


def _column(name: str, *, drifted: bool) -> ColumnDrift:
    return ColumnDrift(
        name=name,
        family=Family.FINDING,
        kind="numeric",
        test="Kolmogorov-Smirnov",
        p=0.0001 if drifted else 0.5,
        p_adjusted=0.002 if drifted else 1.0,
        effect=0.2 if drifted else 0.02,
        drifted=drifted,
        reference_n=60,
        n=30,
    )
