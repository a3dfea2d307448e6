"""What a `train` run costs besides the steps' own work: imports, ZenML, storing and loading.

The run is small, because this cost does not grow with the data. It happens in a process and a state
folder of its own, as a user's first run does; the steps' own work is the time inside their bodies.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.figures import Figure, report, seconds

SMALL_RUN = (
    "data.options.crops_per_photo=2",
    "base.warm_up=false",
    "training.optimisation.max_steps=2",
)
"""Settings that leave every step something to do."""


def measure() -> list[Figure]:
    """Seconds of the whole process, and of it outside the steps' bodies."""
    work = 0.0
    with tempfile.TemporaryDirectory() as state:

        def run() -> None:
            nonlocal work
            command = [sys.executable, "-m", "benchmarks.orchestration", "inside"]
            environment = os.environ | {"ASSAY_HOME": state}
            done = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
            work = float(done.stdout.splitlines()[-1])

        total = seconds(run)
    return [
        Figure(
            "orchestration of train, all but the steps' own work", total - work, "s", at_most=10
        ),
        Figure("the steps' own work in that small run", work, "s"),
    ]


def run_train() -> float:
    """Run the pipeline here and return the seconds spent inside its steps' bodies."""
    from assay import home

    home.prepare_environment()  # before the import of zenml, as run.py does
    from zenml.steps.base_step import BaseStep

    import run

    original, spent = BaseStep.call_entrypoint, 0.0

    def timed(step: BaseStep, *args: Any, **kwargs: Any) -> Any:
        nonlocal spent
        start = time.perf_counter()
        try:
            return original(step, *args, **kwargs)
        finally:
            spent += time.perf_counter() - start

    BaseStep.call_entrypoint = timed  # type: ignore[method-assign]
    assignments = [word for setting in SMALL_RUN for word in ("--set", setting)]
    status = run.main(["--pipeline", "train", *assignments])
    if status:
        sys.exit(status)
    return spent


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        print(run_train())
    else:
        sys.exit(report(measure))
