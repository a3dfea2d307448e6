"""Monitor, and where it is decided so: learn, judge, optimise and deploy; on from any kill."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.loop.settings import LoopSettings
from steps.turn_loop import turn_loop


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def loop(loop: LoopSettings = LoopSettings()) -> None:
    """Take one turn; each stage is a pipeline of its own, run in a process of its own."""
    turn_loop(loop)
