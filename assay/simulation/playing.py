"""A simulation from its first model to its last week; a killed one goes on with the week it was in.

Every week: images come and moderators work; then the loop takes its turn while more images come.
What a week came to is on disk before the next begins. Images carry their names as idempotency keys,
so that those of a half week are answered again and kept once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Self

from assay.errors import StorageError
from assay.journal import Journal, Row
from assay.load.client import Deployment
from assay.locks import exclusive
from assay.progress import Progress
from assay.records import Label
from assay.simulation import people, turning
from assay.simulation.people import Moderators
from assay.simulation.platform import Platform, Run, SimulationFailed
from assay.simulation.record import Week
from assay.simulation.sending import Beside, Crowd
from assay.simulation.settings import SimulationSettings
from assay.simulation.traffic import CLIENTS, posts
from assay.store import Scope, Store

logger = logging.getLogger(__name__)

_MADE_FROM = "settings.json"
_JOURNAL = "weeks.jsonl"
_ENOUGH_HOURS = 1000.0
"""For any number of images to settle in on."""
_FIRST_MODEL, _SETTLED = "first model", "settled in"
_LOOK = 1.0


@dataclass(frozen=True, slots=True)
class Simulation:
    """All weeks, and what they were made from."""

    settings: SimulationSettings
    folder: Path
    training_seconds: float
    """That the first model took until it had settled in."""
    weeks: tuple[Week, ...]


def play(settings: SimulationSettings, folder: Path, progress: Progress) -> Simulation:
    """Play all weeks in ``folder``, or what is left of them.

    Raises `SimulationFailed` where a part does not come up, and `StorageError` where the folder
    holds a simulation with other settings or another process is at it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    refusal = f"another process plays the simulation in {folder}; wait for its end"
    with exclusive(folder / "lock", refusal):
        journal = _journal(settings, folder)
        platform = Platform(folder / "state", settings.audit_share)
        training = _once(journal, _FIRST_MODEL, lambda: _trained(settings, platform, progress))
        settled = _once(journal, _SETTLED, lambda: _settled(settings, platform, journal, progress))
        left = [
            week for week in range(1, len(settings.weeks) + 1) if _key(week) not in journal.done
        ]
        if left:
            with _Scene.set(settings, platform, journal) as scene:
                for number in left:
                    scene.play(number, progress)
    weeks = tuple(Week.model_validate(row["made"]) for row in journal.rows() if _is_week(row))
    seconds = training["seconds"] + settled["seconds"]
    return Simulation(settings, folder, seconds, weeks)


def _journal(settings: SimulationSettings, folder: Path) -> Journal:
    """The journal of ``folder``; raises `StorageError` where its simulation is another one."""
    file, made_from = folder / _MADE_FROM, settings.model_dump_json(indent=1)
    if not file.is_file():
        file.write_text(made_from, encoding="utf-8")
    elif file.read_text(encoding="utf-8") != made_from:
        raise StorageError(
            f"{folder} holds a simulation with other settings; delete it, or give this one another "
            "name: --set simulation.name=NAME"
        )
    return Journal(folder / _JOURNAL, {"settings": made_from})


def _once(journal: Journal, key: str, make: Callable[[], Row]) -> Row:
    """What was made under ``key``, now or before a kill."""
    if key not in journal.done:
        journal.append([{"key": key, "made": make()}])
    return next(row["made"] for row in journal.rows() if row["key"] == key)


def _trained(settings: SimulationSettings, platform: Platform, progress: Progress) -> Row:
    """Train the first champion; a training that was killed goes on where it was."""
    with platform.run("train", settings.first_model) as run:
        return {"seconds": _finished(run, "the first model", progress)}


def _settled(
    settings: SimulationSettings, platform: Platform, journal: Journal, progress: Progress
) -> Row:
    """Recalibrate the first champion on labelled images, as any platform is advised to.

    It was trained on as many edited images as authentic ones, which no platform has.
    """
    began = time.monotonic()
    with _Scene.set(settings, platform, journal) as scene:
        scene.traffic(0, progress)
    with platform.run("recalibrate", settings.settling) as run:
        _finished(run, "settling in", progress)
    return {"seconds": round(time.monotonic() - began, 1)}


def _finished(run: Run, what: str, progress: Progress) -> float:
    """The seconds that a pipeline took; raises `SimulationFailed` where it did not succeed."""
    while run.is_running():
        progress(0, 1, f"{what} ({run.seconds:.0f} s)")
        time.sleep(_LOOK)
    if run.wait():
        raise SimulationFailed(f"{run.pipeline} failed: {run.words()} (log: {run.log})")
    progress(1, 1, what)
    return round(run.seconds, 1)


class _Scene:
    """The service and everybody around it."""

    def __init__(
        self,
        settings: SimulationSettings,
        platform: Platform,
        journal: Journal,
        store: Store,
        crowd: Crowd,
        moderators: list[Deployment],
    ) -> None:
        self._settings, self._platform, self._journal = settings, platform, journal
        self._store, self._crowd, self._moderators = store, crowd, moderators

    @classmethod
    @contextmanager
    def set(
        cls, settings: SimulationSettings, platform: Platform, journal: Journal
    ) -> Iterator[Self]:
        """With the service running, and a key for everybody."""
        with platform.serving() as url, platform.store() as store, ExitStack() as stack:

            def deployment(client: str, *scopes: Scope) -> Deployment:
                made = Deployment(url, platform.new_key(client, *scopes))
                stack.callback(made.close)
                return made

            clients = {name: deployment(name, Scope.DETECT, Scope.REPORT) for name in CLIENTS}
            names = map(people.moderator, range(settings.people.moderators))
            moderators = [deployment(name, Scope.FEEDBACK) for name in names]
            crowd = Crowd(clients, settings, _known(journal))
            yield cls(settings, platform, journal, store, crowd, moderators)

    def play(self, number: int, progress: Progress) -> None:
        """Play a week, or what is left of it."""
        began = time.monotonic()
        begun = self._once(f"{_key(number)} begun", lambda: {"since": _now()})
        traffic = self.traffic(number, progress)
        since, until = map(datetime.fromisoformat, (begun["since"], traffic["until"]))
        images = posts(self._settings, number, start=self._settings.traffic.images)
        going_on = self._crowd, images
        turn, later = turning.take(
            self._platform, self._settings, (since, until), going_on, progress
        )
        week = Week(
            number=number,
            phase=self._settings.phase(number),
            later=tuple(later),
            backlog=self._store.review.backlog(),
            turn=turn,
            seconds=round(time.monotonic() - began, 1),
            **begun,
            **traffic,
        )
        self._once(_key(number), lambda: week.model_dump(mode="json"))
        logger.info("week %d, %s: %s", number, week.phase.words, turn.state)

    def traffic(self, number: int, progress: Progress) -> Row:
        """A week's images and the moderators' work on them, as fields of a `Week`."""
        return self._once(f"{_key(number)} traffic", lambda: self._traffic(number, progress))

    def _once(self, key: str, make: Callable[[], Row]) -> Row:
        return _once(self._journal, key, make)

    def _traffic(self, number: int, progress: Progress) -> Row:
        settings = self._settings
        total = settings.traffic.images if number else settings.settling_images
        images = islice(posts(self._settings, number), total)
        staff = settings.people
        if not number:  # whoever settles in looks at all of it
            staff = staff.model_copy(update={"hours": _ENOUGH_HOURS})
        moderators = Moderators(self._moderators, staff, settings.seed, self._crowd.truth)
        with Beside(lambda over: moderators.work(lambda: over() and self._is_drained())) as working:
            answers = self._crowd.send(images, total, progress, f"week {number}: images")
        return {
            "answers": [one.model_dump(mode="json") for one in answers],
            "work": working.result.model_dump(mode="json"),
            "until": _now(),
        }

    def _is_drained(self) -> bool:
        """Whether the database holds everything that was answered."""
        return not self._store.spool.pending()


def _key(week: int) -> str:
    return f"week {week}"


def _is_week(row: Row) -> bool:
    return "turn" in row["made"]


def _known(journal: Journal) -> dict[str, Label]:
    """The truth about all images of earlier weeks: their cases may still be open."""
    answers = (
        answer
        for row in journal.rows()
        for part in ("answers", "later")
        for answer in row["made"].get(part, ())
    )
    return {answer["name"]: Label(answer["truth"]) for answer in answers}


def _now() -> str:
    return datetime.now(UTC).isoformat()
