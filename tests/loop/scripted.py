"""A small loop whose stages are real processes, and that may be killed at any moment.

The effect of a stage is a line of ``effects``. At a moment (before, early, late, after) of a stage,
the loop is killed with SIGKILL, once: by itself, or by the process of the stage.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from assay.loop.stage import Stage
from assay.loop.turn import Turn
from assay.progress import silent
from assay.store import Store, StoreSettings
from assay.store.loops import LoopRun, StageResult

NAMES = ("monitor", "learn", "optimize", "deploy")
MOMENTS = ("before", "early", "late", "after")
PYTHON = (sys.executable, "-I", "-S", "-c")
CONTEXT = multiprocessing.get_context("forkserver")
"""Children come from a clean process that has imported the loop once."""
CONTEXT.set_forkserver_preload(["tests.loop.scripted", "alembic.command", "sqlalchemy.dialects"])
WORK = """
import os, signal, sys, time
name, folder, stage, parent, moment = sys.argv[1:]
def kill():
    os.kill(int(parent), signal.SIGKILL)
    while os.getppid() == int(parent):
        time.sleep(0.01)
    time.sleep(0.3)
if moment == "early":
    kill()
with open(folder + "/effects", "a") as effects:
    effects.write(stage + "\\n")
if moment == "late":
    kill()
"""


class Scripted(Stage):
    """A process that leaves one line; its loop dies at ``moment``, unless it did before."""

    def __init__(self, name: str, folder: Path, moment: str = "") -> None:
        self.name, self.seconds = name, 30.0
        self._folder, self._moment = folder, moment

    def command(self, run: LoopRun, name: str) -> Sequence[str]:
        if self._dies("before"):
            os.kill(os.getpid(), signal.SIGKILL)
        moment = self._moment if self._dies("early", "late") else ""
        given = (name, str(self._folder), self.name, str(os.getpid()), moment)
        return (*PYTHON, WORK, *given)

    def result(self, run: LoopRun) -> StageResult | None:
        if self.name not in effects(self._folder):
            return None
        if self._dies("after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return StageResult(f"{self.name} is done", {f"by_{self.name}": run.id})

    def _dies(self, *moments: str) -> bool:
        died = self._folder / f"died-{self.name}"
        if self._moment not in moments or died.exists():
            return False
        died.touch()
        return True


class Failing(Scripted):
    """A process that leaves nothing but a message."""

    def command(self, run: LoopRun, name: str) -> Sequence[str]:
        words = "import sys; print('no disk left', sys.argv[1:]); sys.exit(3)"
        return (*PYTHON, words, name)


def effects(folder: Path) -> list[str]:
    """The stages that took effect, as often as they did."""
    file = folder / "effects"
    return file.read_text().splitlines() if file.exists() else []


def loop(folder: str, stage: str, moment: str) -> None:
    """Take a turn that is killed at ``moment`` of ``stage``."""
    os.environ["ASSAY_HOME"] = folder
    place = Path(folder)
    stages = [Scripted(name, place, moment if name == stage else "") for name in NAMES]
    with Store.open(StoreSettings(folder=place / "store"), drain=False) as store:
        Turn(store.loops, stages, "killed").take(silent)


def killed(folder: Path, stage: str, moment: str) -> int | None:
    """The exit status of `loop` in a process of its own."""
    process = CONTEXT.Process(target=loop, args=(str(folder), stage, moment))
    process.start()
    process.join()
    return process.exitcode
