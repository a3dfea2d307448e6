"""Play weeks of traffic against the real service, and let the loop notice, learn and deploy."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.backtest.settings import BacktestSettings
from assay.policy import PolicyPath
from assay.simulation.settings import SimulationSettings
from assay.spans import OptionalSpanText
from steps.fetch_model import fetch_model
from steps.play_weeks import play_weeks
from steps.replay_policy import replay_policy


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def simulate(
    simulation: SimulationSettings = SimulationSettings(),
    captures: OptionalSpanText = "",
    policy: PolicyPath = "",
    model: str = "champion",
    backtest: BacktestSettings = BacktestSettings(),
) -> None:
    """All of it happens in a state folder of its own; a simulation that was killed goes on.

    With ``captures``, a span, nothing is played: they are decided again, as by `backtest`.
    """
    if captures:
        replay_policy(fetch_model(model), captures, policy, backtest)
    else:
        play_weeks(simulation)
