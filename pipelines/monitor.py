"""Compare the newest traffic with what the model knows, judge it, and say what follows."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.label_intake import IntakeSettings
from assay.monitoring.settings import (
    DecisionSettings,
    DriftSettings,
    PerformanceSettings,
    ReferenceSettings,
    WindowSettings,
)
from steps.choose_window import choose_window
from steps.decide_retraining import decide_retraining
from steps.fetch_model import fetch_model
from steps.measure_drift import measure_drift
from steps.measure_performance import measure_performance
from steps.record_window import record_window


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def monitor(
    model: str = "champion",
    window: WindowSettings = WindowSettings(),
    reference: ReferenceSettings = ReferenceSettings(),
    drift: DriftSettings = DriftSettings(),
    performance: PerformanceSettings = PerformanceSettings(),
    decision: DecisionSettings = DecisionSettings(),
    intake: IntakeSettings = IntakeSettings(),
) -> None:
    """Measure a window of what ``model``, an alias or a version of the registry, answered."""
    answering = fetch_model(model)
    span = choose_window(answering, window, reference)
    moved, evidently = measure_drift(answering, span, reference, drift)
    numbers = measure_performance(moved, performance)
    record_window(numbers, evidently, decide_retraining(numbers, performance, decision, intake))
