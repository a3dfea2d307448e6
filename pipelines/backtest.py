"""Decide a platform's own captures again: another model, another policy; changes nothing."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.backtest.settings import BacktestSettings
from assay.policy import PolicyPath
from assay.spans import SpanText
from steps.fetch_model import fetch_model
from steps.replay_policy import replay_policy


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def backtest(
    captures: SpanText = "all",
    policy: PolicyPath = "",
    model: str = "champion",
    backtest: BacktestSettings = BacktestSettings(),
) -> None:
    """Decide ``captures`` (a span) by ``model`` under the YAML file ``policy``, if one is named.

    ``model`` is an alias or a version of the registry.
    """
    replay_policy(fetch_model(model), captures, policy, backtest)
