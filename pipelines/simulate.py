"""Play weeks of traffic against the real service, and let the loop notice, learn and deploy."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.simulation.settings import SimulationSettings
from steps.play_weeks import play_weeks


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def simulate(simulation: SimulationSettings = SimulationSettings()) -> None:
    """All of it happens in a state folder of its own; a simulation that was killed goes on."""
    play_weeks(simulation)
