"""How long each stage of a run took, as ZenML knows it."""

from zenml.enums import ExecutionStatus
from zenml.models import PipelineRunResponse, StepRunResponse

from assay.reports.terminal import Stage


def stages(run: PipelineRunResponse) -> list[Stage]:
    """The steps of ``run`` in the order in which they began."""
    steps = sorted(run.steps.values(), key=lambda step: (step.start_time is None, step.start_time))
    return [Stage(step.name, _state(step), _seconds(step)) for step in steps]


def _state(step: StepRunResponse) -> str:
    return "ran" if step.status == ExecutionStatus.COMPLETED else str(step.status)


def _seconds(step: StepRunResponse) -> float:
    if step.start_time is None or step.end_time is None:
        return 0.0
    return (step.end_time - step.start_time).total_seconds()
