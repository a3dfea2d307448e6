"""A process of its own that holds a model as a recipe says, and answers what it is asked.

Whatever happens to it is a reason, never the end of who started it: a crash, a kill for want of
memory, an answer that does not come in time. What it prints goes into a file.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from assay.asking import LoadedModel
from assay.detector import Detector, Rationale
from assay.errors import WorkerLost
from assay.metrics import Floats
from assay.parallel import PRELOADED, cores, prepare_worker, worker_context
from assay.questions import Question
from assay.serving_questions import HeldOut
from assay.serving_recipe import ServingRecipe
from assay.utilisation import Utilisation, undisturbed

if TYPE_CHECKING:
    from torch import Tensor

_IMPORTED = (
    __name__,
    "torch",
    "peft",
    "transformers.models.qwen2_5_vl.modeling_qwen2_5_vl",
    "transformers.models.qwen2_vl.image_processing_pil_qwen2_vl",
)
"""Seconds of imports, once in the fork server instead of in each process."""
_MEGABYTE = 1e6
_GRACE = 10.0
"""Seconds that a process that was told to end may take."""


class Loaded(NamedTuple):
    """What loading came to."""

    seconds: float
    """Until the first question was answered."""
    size: float
    """Of the weights, in megabytes."""


class Answers(NamedTuple):
    """What the model said of some questions, and what that took."""

    words: Floats
    """Logits of the verdict words ``[n, 3]``."""
    seconds: list[float]
    """Of each batch, by `undisturbed`."""
    cpu: float
    """Seconds of all its cores."""
    gpu: float | None
    """Share of the time that a GPU was busy; None without one."""


class Asked(NamedTuple):
    """What several processes answered at the same time."""

    words: Floats
    """As of `Answers`, in the order of the questions."""
    rate: float
    """Images a second, of the fastest batch of each."""
    cores: float
    """That were busy, on average."""
    gpu: float | None
    """As of `Answers`."""


def start_fork_server(log: Path) -> None:
    """Import what the processes need, once; to be called before others start that server.

    What libraries say while they are imported goes into the file ``log``.
    """
    terminal = os.dup(2)
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 2)
    try:
        _context()
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def _context() -> BaseContext:
    return worker_context(*_IMPORTED, *PRELOADED)


class ModelProcess:
    """One process; every call raises `WorkerLost` with the reason once it has ended.

    It ends at the latest ``limit`` seconds after it began, with all processes that it started.
    """

    def __init__(
        self, model: Path, recipe: ServingRecipe, held_out: HeldOut, log: Path, limit: float
    ) -> None:
        context = _context()
        self._limit, self._log = limit, log
        self._deadline = time.monotonic() + limit
        self._connection, its_own = context.Pipe()
        work = its_own, model, recipe, held_out, log
        self._process = context.Process(target=_hold, args=work)  # type: ignore[attr-defined]
        self._process.start()
        its_own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, name: str, *arguments: Any) -> None:
        """Send a call of the method ``name`` of `Holder` without waiting for its result."""
        with suppress(BrokenPipeError, ConnectionResetError):  # `result` says why
            self._connection.send((name, arguments))

    def result(self) -> Any:
        """What the call that was sent came to."""
        try:
            if self._connection.poll(max(0.0, self._deadline - time.monotonic())):
                return self._connection.recv()
        except (EOFError, ConnectionResetError) as error:
            self._process.join(_GRACE)
            raise WorkerLost(self._ending()) from error
        self._kill()
        raise WorkerLost(f"it took more than {self._limit:g} s")

    def call(self, name: str, *arguments: Any) -> Any:
        """`begin` and `result`."""
        self.begin(name, *arguments)
        return self.result()

    @property
    def is_alive(self) -> bool:
        """Whether it can still be asked."""
        return bool(self._process.is_alive())

    def grant(self, seconds: float) -> None:
        """Let it live for ``seconds`` from now."""
        self._limit, self._deadline = seconds, time.monotonic() + seconds

    def close(self) -> None:
        """End the process, and what it started."""
        self._connection.close()
        self._process.join(_GRACE)
        self._kill()

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # its group is named after it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()

    def _ending(self) -> str:
        """Why the process ended, by its exit code and its last words."""
        code = self._process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            memory = ", most likely for want of memory" if -code == signal.SIGKILL else ""
            return f"its process was ended by {name}{memory}"
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1] if said else f"its process ended with code {code}"


class Holders:
    """As many processes as a recipe has instances; to be used as one. Raises as `ModelProcess`."""

    def __init__(
        self, model: Path, recipe: ServingRecipe, held_out: HeldOut, log: Path, limit: float
    ) -> None:
        self.recipe = recipe
        with ExitStack() as stack:
            self.processes = [
                stack.enter_context(ModelProcess(model, recipe, held_out, log, limit))
                for _ in range(recipe.instances)
            ]
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _at_once(self) -> float:
        """The share of the processes that has cores: their clocks do not count waiting for one."""
        wanted = len(self.processes) * (self.recipe.threads or 1)
        return min(1.0, cores() / wanted)

    @property
    def is_alive(self) -> bool:
        """Whether all of them can still be asked."""
        return all(process.is_alive for process in self.processes)

    def grant(self, seconds: float) -> None:
        """Let all live for ``seconds`` from now."""
        for process in self.processes:
            process.grant(seconds)

    def loaded(self) -> Loaded:
        """What loading came to; of several, the one that took longest."""
        every: list[Loaded] = self._all("loaded")
        return max(every)

    def ask(self, first: int, count: int, batch: int) -> Asked:
        """``count`` held-out questions from ``first`` on, a part to each, in batches of ``batch``.

        After the last question comes the first again. Rates are right for whole batches only.
        """
        part = math.ceil(count / len(self.processes))
        starts = range(first, first + count, part)
        for process, start in zip(self.processes, starts, strict=False):
            process.begin("ask", start, min(part, first + count - start), batch)
        every: list[Answers] = [p.result() for p, _ in zip(self.processes, starts, strict=False)]
        gpu = [answers.gpu for answers in every if answers.gpu is not None]
        return Asked(
            np.concatenate([answers.words for answers in every]),
            self._at_once * sum(min(batch, count) / min(answers.seconds) for answers in every),
            sum(answers.cpu / sum(answers.seconds) for answers in every),
            max(gpu, default=None),
        )

    def ask_alone(self, first: int, count: int) -> list[float]:
        """Seconds of each of ``count`` questions that are asked one at a time."""
        answers: Answers = self.processes[0].call("ask", first, count, 1)
        return answers.seconds

    def explain(self, count: int) -> float:
        """Images a second with written reasons, of all processes together."""
        rates: list[float] = self._all("explain", count, self.recipe.batch_size)
        return sum(rates)

    def peak_memory(self) -> float:
        """Megabytes, of all processes together."""
        every: list[float] = self._all("peak_memory")
        return sum(every)

    def close(self) -> None:
        """End all processes."""
        self._stack.close()

    def _all(self, name: str, *arguments: Any) -> list[Any]:
        for process in self.processes:
            process.begin(name, *arguments)
        return [process.result() for process in self.processes]


class Holder:
    """What runs in the process: a loaded model and the held-out questions."""

    def __init__(self, model: Path, recipe: ServingRecipe, held_out: HeldOut) -> None:
        start = time.perf_counter()
        self._detector = Detector.load(model, recipe)
        loading = time.perf_counter() - start
        self._questions = held_out.questions(self._detector.preparer.processor)
        start = time.perf_counter()
        self._detector.words(self._questions[:1])
        seconds = loading + time.perf_counter() - start
        self._loaded = Loaded(seconds, weight_bytes(self._detector) / _MEGABYTE)

    def loaded(self) -> Loaded:
        """What loading came to."""
        return self._loaded

    def ask(self, first: int, count: int, batch: int) -> Answers:
        """``count`` questions from the one at ``first`` on, and again from the beginning."""
        every = self._questions
        return self.answer([every[n % len(every)] for n in range(first, first + count)], batch)

    def answer(self, questions: Sequence[Question], batch: int) -> Answers:
        """What the model says of ``questions``, in batches of ``batch``."""
        words, seconds = [], []
        with Utilisation() as used:
            for part in _parts(questions, batch):
                start = undisturbed()
                words.append(self._detector.words(part))
                seconds.append(undisturbed() - start)
        return Answers(np.concatenate(words), seconds, used.cpu, used.gpu)

    def explain(self, count: int, batch: int) -> float:
        """Images a second with written reasons, of ``count`` questions."""
        asked = self._questions[:count]
        start = undisturbed()
        for part in _parts(asked, batch):
            self._detector.answer(part, Rationale.ALWAYS)
        return len(asked) / (undisturbed() - start)

    def peak_memory(self) -> float:
        """Megabytes: resident on the machine, or allocated on the GPU that holds the model."""
        import torch

        if torch.cuda.is_available():
            return torch.cuda.max_memory_allocated() / _MEGABYTE
        unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB elsewhere
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MEGABYTE


def weight_bytes(detector: Detector) -> int:
    """Of all parameters and buffers as they lie in memory, quantised ones by what they hold."""
    if not isinstance(detector.backend, LoadedModel):
        return 0  # a server elsewhere holds them
    model = detector.backend.model
    return sum(map(_bytes, [*model.parameters(), *model.buffers()]))


def _bytes(tensor: Tensor) -> int:
    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is None:
        return tensor.numel() * tensor.element_size()
    return sum(_bytes(getattr(tensor, name)) for name in flatten()[0])


def _parts(questions: Sequence[Question], batch: int) -> Iterator[Sequence[Question]]:
    for start in range(0, len(questions), batch):
        yield questions[start : start + batch]


def _hold(
    connection: Connection, model: Path, recipe: ServingRecipe, held_out: HeldOut, log: Path
) -> None:
    """Answer calls until the other end is closed; what goes wrong ends the process."""
    os.setsid()  # so that it is killed with all that it starts
    with log.open("ab", buffering=0) as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    prepare_worker()
    holder = Holder(model, recipe, held_out)
    with suppress(EOFError):
        while True:
            name, arguments = connection.recv()
            connection.send(getattr(holder, name)(*arguments))
