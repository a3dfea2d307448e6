"""The page of a simulation: what happened in a sentence, the weeks as a figure, each in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from assay import images
from assay.monitoring.numbers import WindowNumbers
from assay.reports import pictures
from assay.reports.page import Page, percent, render
from assay.simulation.playing import Simulation
from assay.simulation.record import Quality, Week, quality
from assay.simulation.settings import Phase, SimulationSettings
from assay.simulation.story import Story, told
from assay.simulation.timeline import timeline
from assay.simulation.traffic import Post, posts

_COLUMNS = (
    "week", "what comes", "AUC in truth", "AUC, estimated (95 %)", "edited found",
    "new one found", "false alarms", "drifted", "decided", "and then",
)  # fmt: skip
_NUMBERS = _COLUMNS[2:8]
_COSTS = (
    "week", "images", "while one took over", "failed", "to people", "cases decided", "wrong votes",
    "hours", "open cases", "loop, min", "shown unmarked",
)  # fmt: skip
_LOOKED_AT = 60
"""Images of a week among which pictures for the page are looked for."""


def page(played: Simulation) -> Page:
    """All that a reader wants to know, in the order of asking."""
    settings, weeks, training = played.settings, played.weeks, played.training_seconds
    truths = [quality(week.answers, settings.traffic.new_edit) for week in weeks]
    story = told(weeks, truths)
    return render(
        "simulation.html",
        _title(settings, weeks),
        story=story,
        tiles=_tiles(story, weeks, training),
        drawn=pictures.svg(timeline(weeks, truths)),
        columns=_COLUMNS,
        rows=[_row(week, truth) for week, truth in zip(weeks, truths, strict=True)],
        numbers=_NUMBERS,
        reasons=[(week, _noticed(week.turn.window)) for week in weeks],
        costs=_COSTS,
        cost_rows=[_cost(week, truth) for week, truth in zip(weeks, truths, strict=True)],
        cost_numbers=_COSTS[1:],
        cards=list(_cards(settings)) if weeks else [],
        settings=settings,
        training=f"{training / 60:.1f}",
    )


def summary(played: Simulation) -> dict[str, Any]:
    """What a terminal shows: sentences, and a row a week."""
    weeks, settings = played.weeks, played.settings
    truths = [quality(week.answers, settings.traffic.new_edit) for week in weeks]
    rows = [_row(week, truth) for week, truth in zip(weeks, truths, strict=True)]
    return {"sentences": list(told(weeks, truths).sentences), "columns": _COLUMNS, "rows": rows}


def _title(settings: SimulationSettings, weeks: Sequence[Week]) -> str:
    kind = "" if settings.change else ", nothing changes"
    return f"Simulation {settings.name}: {len(weeks)} weeks of traffic{kind}"


def _tiles(story: Story, weeks: Sequence[Week], training: float) -> list[tuple[str, str]]:
    sent = sum(len(week.answers) + len(week.later) for week in weeks)
    failed = sum(one.label is None for week in weeks for one in (*week.answers, *week.later))
    minutes = (training + sum(week.seconds for week in weeks)) / 60
    hours = sum(week.work.seconds for week in weeks) / 3600
    return [
        *story.tiles,
        (f"{sent:,}", f"images sent, {failed} without an answer"),
        (f"{hours:.1f} h", "of moderators' work"),
        (f"{minutes:.0f} min", "all weeks took here"),
    ]


def _row(week: Week, truth: Quality) -> list[str]:
    turn, window = week.turn, week.turn.window
    return [
        str(week.number),
        week.phase.words,
        _number(truth.auc),
        _estimate(window),
        _share(truth.recall),
        _share(truth.new_recall),
        _share(truth.false_alarms),
        f"{len(window.drifted)} of {len(window.drift)}" if window and window.drift else "-",
        turn.action or "-",
        _outcome(week),
    ]


def _cost(week: Week, truth: Quality) -> list[str]:
    work = week.work
    return [
        str(week.number),
        f"{len(week.answers):,}",
        f"{len(week.later):,}",
        str(truth.failed + sum(one.label is None for one in week.later)),
        _share(truth.handed),
        f"{work.cases} ({work.audits} audits)",
        str(work.wrong),
        f"{work.seconds / 3600:.2f}",
        str(week.backlog),
        f"{week.turn.seconds / 60:.1f}",
        f"{truth.missed_views:,}",
    ]


def _outcome(week: Week) -> str:
    """How the turn ended, in a few words."""
    turn = week.turn
    version = f"version {turn.version} " if turn.version else ""
    words = {
        "completed": f"{version}answers",
        "refused": f"{version}refused",
        "taken_back": f"{version}taken back",
        "calm": "",
        "paged": "a person is called",
    }
    return words.get(turn.state, turn.state)


def _estimate(window: WindowNumbers | None) -> str:
    if window is None or window.performance is None:
        return "-"
    found = window.performance.figures.get("auc")
    return f"{found.value:.2f} ({found.low:.2f}-{found.high:.2f})" if found else "too few labels"


def _noticed(window: WindowNumbers | None) -> list[str]:
    """The columns that moved most."""
    if window is None:
        return []
    return [
        f"{one.name} ({percent(one.effect)} of the traffic at least)" for one in window.drifted[:4]
    ]


def _cards(settings: SimulationSettings) -> Iterator[dict[str, Any]]:
    """A picture of each kind that comes."""
    kinds: dict[str, tuple[Phase, Callable[[Post], bool]]] = {
        "authentic": (Phase.CALM, lambda post: not post.edit),
        f"{settings.traffic.edits[0]}, known": (
            Phase.CALM,
            lambda post: post.edit in settings.traffic.edits,
        ),
        f"{settings.traffic.new_edit}, new": (
            Phase.NEW_MANIPULATION,
            lambda post: post.edit == settings.traffic.new_edit,
        ),
        "saved at low quality": (Phase.LOW_QUALITY, lambda post: not post.edit),
        "goes viral": (Phase.VIRAL, lambda post: post.is_viral),
    }
    for words, (phase, fits) in kinds.items():
        if phase in settings.weeks and (settings.change or phase is Phase.CALM):
            week = settings.weeks.index(phase) + 1
            found = next(filter(fits, islice(posts(settings, week), _LOOKED_AT)), None)
            if found is not None:
                yield _card(found, words)


def _card(post: Post, words: str) -> dict[str, Any]:
    shown = pictures.thumbnail(images.decode(post.data).pixels, side=160)
    return {"thumbnail": shown, "label": post.label.value, "lines": [words, post.label.value]}


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
