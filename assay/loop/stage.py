"""A stage of the loop: what is run, and how it is known that it is done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from assay.store.loops import LoopRun, StageResult


class Stage(ABC):
    """Work in a process of its own, whose result is read from what it leaves behind.

    A result that lies in the process alone would be lost with it, and the work repeated.
    """

    name: str
    seconds: float
    """After which its process is ended."""

    def is_needed(self, run: LoopRun) -> bool:
        """Whether there is anything to do, after what came before."""
        return True

    @abstractmethod
    def command(self, run: LoopRun, name: str) -> Sequence[str]:
        """What to run; ``name`` is one of its words, by which it is found after a kill."""

    @abstractmethod
    def result(self, run: LoopRun) -> StageResult | None:
        """What the store or the registry know of its effect; None while there is none.

        Asked after the process has ended, and after a kill before anything is run again.
        """

    def settle(self, run: LoopRun, result: StageResult) -> None:
        """What follows from ``result``, before it is noted; once more after a kill in between."""
        return
