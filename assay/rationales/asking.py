"""One teacher, asked about one image after the other: a few at once, answered in order.

Whatever is decided (a rejection, the end of the budget) depends on answers in the order of the
images alone, not on which came back first: a run that goes on after a kill decides alike.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from assay.rationales import instructions, kept
from assay.rationales.answers import Hints, read_hints
from assay.rationales.instructions import Case
from assay.rationales.kept import KeptAnswers
from assay.rationales.settings import TeacherSettings
from assay.teachers.asked import AskedTeacher, Reply, Request, Unanswered

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of the questions about one image."""

    answer: str | None
    """None where none came."""
    paid: tuple[tuple[Reply, bool], ...]
    """Every answer, and whether it was kept from an earlier run."""
    reason: str = ""
    """Why none came."""
    hints: str = ""
    """What the teacher said without the label, where it was asked."""


class Asking:
    """Asks, unless the same was asked before; safe among threads."""

    def __init__(
        self, teacher: AskedTeacher, answers: KeptAnswers, settings: TeacherSettings
    ) -> None:
        self._teacher, self._answers, self._settings = teacher, answers, settings
        # The size is part of what it saw: a thumbnail's answer is none about the whole image.
        self._identity = f"{teacher.identity} side={settings.image_side}"

    def about(self, image: bytes, case: Case, fault: str = "") -> Asked:
        """Ask for reasons; with ``fault``, once more. ``image`` is the file as it is stored."""
        digest, side = hashlib.sha256(image).hexdigest(), self._settings.image_side
        paid: list[tuple[Reply, bool]] = []
        hints = ""
        if self._settings.hints:
            reply = self._ask(digest, instructions.hints(case, side), paid)
            read = read_hints(reply.text) if isinstance(reply, Reply) else ""
            hints = _spoken(read) if isinstance(read, Hints) else ""
        reply = self._ask(digest, instructions.reason(case, side, hints, fault), paid)
        if isinstance(reply, Unanswered):
            return Asked(None, tuple(paid), reply.reason, hints)
        return Asked(reply.text, tuple(paid), "", hints)

    def _ask(
        self, digest: str, request: Request, paid: list[tuple[Reply, bool]]
    ) -> Reply | Unanswered:
        name = kept.key(digest, self._identity, request)
        reply: Reply | Unanswered | None = self._answers.find(name)
        is_kept = reply is not None
        if reply is None:
            reply = self._teacher.ask(request)
        if isinstance(reply, Reply):
            if not is_kept:
                self._answers.keep(name, digest, self._identity, reply)
            paid.append((reply, is_kept))
        return reply


def in_order(
    function: Callable[[T], R], items: Iterable[T], at_once: int, may_go_on: Callable[[], bool]
) -> Iterator[tuple[T, R | None]]:
    """Yield each item with what ``function`` makes of it, in order, ``at_once`` of them at a time.

    ``may_go_on`` is asked before an item is begun, when everything more than ``at_once`` before it
    has been yielded; once it says no, the rest come with None.
    """
    waiting: deque[tuple[T, Future[R] | None]] = deque()

    def first() -> tuple[T, R | None]:
        item, future = waiting.popleft()
        return item, None if future is None else future.result()

    with ThreadPoolExecutor(at_once, "teacher") as threads:
        try:
            for item in items:
                if len(waiting) >= at_once:
                    yield first()
                waiting.append((item, threads.submit(function, item) if may_go_on() else None))
            while waiting:
                yield first()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _spoken(hints: Hints) -> str:
    kinds = ", ".join(hints.kinds) or "nothing"
    return f"{kinds}; {' '.join(hints.why.split()[: instructions.MOST_WORDS])}"
