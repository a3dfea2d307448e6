"""Simulated people: users who report what looks wrong, moderators who work through the queue.

They know the truth, and err as often as the settings say; what they do goes through the HTTP API,
with keys of their own. How long a case takes is told to the service, and not waited for.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import numpy as np

from assay.load.client import Deployment
from assay.records import Label
from assay.settings import Settings
from assay.simulation.settings import PeopleSettings
from assay.simulation.traffic import Post

MODERATORS = "ada", "ben", "cleo", "dan", "eva", "finn"
"""Names of the first few; more are numbered."""

_QUEUE = "/v1/review"
_IDLE = 0.2
"""Seconds until an empty queue is looked at again."""
_SPREAD = 0.5
"""Of the logarithm of the seconds that cases take."""
_REASONS = {
    Label.AUTHENTIC: "no_violation",
    Label.MANIPULATED: "misleading_edit",
    Label.SYNTHESIZED: "synthetic_content",
}


class Work(Settings):
    """What the moderators did in a week."""

    cases: int
    wrong: int
    """Votes that were not the truth."""
    audits: int
    """Cases judged without seeing the verdict."""
    seconds: float
    """Of all of them together, as they told the service."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A case that was claimed and voted on."""

    seconds: float
    is_wrong: bool
    is_audit: bool


@dataclass(frozen=True, slots=True)
class Moderators:
    """People who share a queue, each with so many hours a week."""

    deployments: Sequence[Deployment]
    """One each, with the key of its moderator."""
    settings: PeopleSettings
    seed: int
    truth: Mapping[str, Label]
    """Of the images sent so far, by name."""

    def work(self, is_over: Callable[[], bool]) -> Work:
        """Decide cases until the hours are spent, or the queue is empty and it ``is_over``.

        Whoever has worked least goes next.
        """
        left = dict.fromkeys(range(len(self.deployments)), 3600 * self.settings.hours)
        done: list[_Case] = []
        while max(left.values()) > 0:
            was_over = is_over()
            who = max(left, key=lambda each: left[each])
            case = self._decided(who)
            if case is not None:
                left[who] -= case.seconds
                done.append(case)
            elif was_over:
                break
            else:
                time.sleep(_IDLE)
        return Work(
            cases=len(done),
            wrong=sum(case.is_wrong for case in done),
            audits=sum(case.is_audit for case in done),
            seconds=round(sum(case.seconds for case in done), 1),
        )

    def _decided(self, who: int) -> _Case | None:
        """Claim a case and vote on it; None where none is waiting.

        A vote that is not taken leaves the case to somebody else, and costs its time all the same.
        """
        deployment = self.deployments[who]
        claimed = deployment.ask("GET", _QUEUE)
        if claimed.status != HTTPStatus.OK:
            return None
        name = claimed.found["uploads"][0]["external_id"]
        rng = _generator(self.seed, "moderator", who, name)
        seconds = float(rng.lognormal(np.log(self.settings.seconds), _SPREAD))
        is_wrong = bool(rng.random() < self.settings.errors)
        label = _mistaken(self.truth[name]) if is_wrong else self.truth[name]
        path = f"{_QUEUE}/{claimed.found['id']}/decision"
        deployment.ask("POST", path, _vote(label, seconds))
        return _Case(seconds, is_wrong, bool(claimed.found["is_audit"]))


def reports(post: Post, is_marked: bool, settings: PeopleSettings, seed: int) -> bool:
    """Whether a user reports ``post``; ``is_marked`` where it was shown with a notice."""
    drawn = _generator(seed, "user", post.name).random()
    if post.label is Label.AUTHENTIC:
        return bool(drawn < settings.false_reports)
    return bool(not is_marked and drawn < settings.reports)


def moderator(number: int) -> str:
    """The name of the client that a moderator's key belongs to."""
    named = MODERATORS[number] if number < len(MODERATORS) else str(number + 1)
    return f"moderator-{named}"


def _mistaken(truth: Label) -> Label:
    """What somebody who errs takes an image for."""
    return Label.MANIPULATED if truth is Label.AUTHENTIC else Label.AUTHENTIC


def _vote(label: Label, seconds: float) -> dict[str, str | float]:
    action = "allow" if label is Label.AUTHENTIC else "label"
    return {
        "label": label.value,
        "action": action,
        "reason_code": _REASONS[label],
        "seconds": round(seconds, 1),
    }


def _generator(*parts: object) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(repr(parts).encode()).digest()))
