"""Images on their way to the service: quickly in a week, at a pace while a new model comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from itertools import takewhile
from typing import Generic, Self, TypeVar

from assay.load.client import Deployment, Reply
from assay.progress import Progress
from assay.records import Label
from assay.settings import Settings
from assay.simulation import people
from assay.simulation.settings import SimulationSettings
from assay.simulation.traffic import Post

_ATTEMPTS = 5
_PAUSE = 1.0
"""Seconds until an image is sent again that the service had no time for."""


Result = TypeVar("Result")


class Answer(Settings):
    """What came back for one image, beside the truth."""

    name: str
    truth: Label
    reach: int
    """People who see it."""
    edit: str
    is_viral: bool
    status: int
    """Of HTTP; 0 where no answer came."""
    seconds: float
    """From sending to the answer, waits and repetitions included."""
    label: Label | None = None
    score: float | None = None
    needs_review: bool = False
    model_version: str = ""
    is_repeat: bool = False
    """Answered from a pixel-equal image that was seen before."""
    is_reported: bool = False

    @property
    def is_edited(self) -> bool:
        """Whether the image is not authentic, in truth."""
        return self.truth is not Label.AUTHENTIC

    @property
    def is_flagged(self) -> bool:
        """Whether it is called something else than authentic."""
        return self.label is not None and self.label is not Label.AUTHENTIC


class Crowd:
    """Platforms that send what their users post, and report what these complain about."""

    def __init__(
        self,
        deployments: Mapping[str, Deployment],
        settings: SimulationSettings,
        truth: Mapping[str, Label],
    ) -> None:
        """``deployments`` by client, each with its key; ``truth`` of images sent before."""
        self._deployments, self._settings = deployments, settings
        self.truth = dict(truth)
        """Of the images sent so far, by name."""

    def send(
        self, posts: Iterable[Post], total: int, progress: Progress, what: str
    ) -> list[Answer]:
        """Send ``posts``, a few at once, and wait for all answers."""
        answers = []
        with ThreadPoolExecutor(self._settings.traffic.clients) as pool:
            for number, answer in enumerate(pool.map(self._sent, posts), 1):
                answers.append(answer)
                progress(number, total, what)
        return answers

    def trickle(
        self, posts: Iterator[Post], is_wanted: Callable[[], bool], is_over: Callable[[], bool]
    ) -> list[Answer]:
        """Send ``posts`` one after the other at the set pace, once it ``is_wanted``."""
        while not is_wanted() and not is_over():
            time.sleep(_PAUSE)
        answers, begun = list[Answer](), time.monotonic()
        for number, post in enumerate(takewhile(lambda _: not is_over(), posts)):
            due = begun + number / self._settings.traffic.rate
            time.sleep(max(0.0, due - time.monotonic()))
            answers.append(self._sent(post))
        return answers

    def _sent(self, post: Post) -> Answer:
        self.truth[post.name] = post.label
        deployment = self._deployments[post.client]
        begun = time.perf_counter()
        reply = self._reply(deployment, post)
        seconds = time.perf_counter() - begun
        return _answer(post, reply, seconds, self._reported(deployment, post, reply))

    def _reply(self, deployment: Deployment, post: Post) -> Reply:
        """As clients are asked to: what was turned away is sent again, under the same key."""
        fields = {"external_id": post.name, "reach": str(post.reach), "rationale": "never"}
        for _ in range(_ATTEMPTS):
            reply = deployment.detect(post.data, fields, idempotency=post.name)
            if reply.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
                break
            time.sleep(reply.retry_after or _PAUSE)
        return reply

    def _reported(self, deployment: Deployment, post: Post, reply: Reply) -> bool:
        if reply.status != HTTPStatus.OK:
            return False
        is_marked = reply.found.get("label") != Label.AUTHENTIC.value
        settings = self._settings
        if not people.reports(post, is_marked, settings.people, settings.seed):
            return False
        said = {"reporter": f"user of {post.name}", "reason": "fake"}
        told = deployment.ask("POST", f"/v1/detections/{reply.found['id']}/report", said)
        return told.status == HTTPStatus.NO_CONTENT


class Beside(Generic[Result]):
    """Runs work on a thread of its own while a context lasts; `result` is what it returned."""

    def __init__(self, work: Callable[[Callable[[], bool]], Result]) -> None:
        """``work`` is given a function that says whether it is to end."""
        self._work, self._over, self._pool = work, threading.Event(), ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._future = self._pool.submit(self._work, self._over.is_set)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()

    @property
    def result(self) -> Result:
        """Known once the context was left; raises what the work raised."""
        return self._future.result()


def _answer(post: Post, reply: Reply, seconds: float, is_reported: bool) -> Answer:
    found = reply.found if reply.status == HTTPStatus.OK else {}
    return Answer(
        name=post.name,
        truth=post.label,
        reach=post.reach,
        edit=post.edit,
        is_viral=post.is_viral,
        status=reply.status,
        seconds=round(seconds, 3),
        label=found.get("label"),
        score=found.get("score"),
        needs_review=found.get("needs_review", False),
        model_version=found.get("model_version", ""),
        is_repeat=bool(found.get("answered_from")),
        is_reported=is_reported,
    )
