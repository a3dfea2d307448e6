"""Measure what becomes of a registered model's decisions when photos are passed on."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from assay.robustness import RobustnessSettings
from steps.build_dataset import build_dataset, fingerprint
from steps.fetch_model import fetch_model
from steps.measure_robustness import measure_robustness


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def robustness(
    model: str = "champion",
    data: DataSettings = DataSettings(),
    robustness: RobustnessSettings = RobustnessSettings(),
) -> None:
    """Perturb test images as platforms do; ``model`` is an alias or a version of the registry."""
    dataset = build_dataset(data, fingerprint(data), for_training=False)
    measure_robustness(dataset, fetch_model(model), robustness)
