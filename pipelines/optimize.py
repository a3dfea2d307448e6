"""Find the fastest way to serve a registered model on this machine that decides as it does."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from assay.serving_search import OptimiseSettings
from steps.build_dataset import build_dataset, fingerprint
from steps.fetch_model import fetch_model
from steps.measure_strategies import measure_strategies
from steps.write_serving_plan import write_serving_plan


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def optimize(
    model: str = "champion",
    data: DataSettings = DataSettings(),
    optimise: OptimiseSettings = OptimiseSettings(),
) -> None:
    """Try ways to serve ``model`` on held-out images of ``data``; attach the best as its plan."""
    dataset = build_dataset(data, fingerprint(data), for_training=False)
    registered = fetch_model(model)
    plan, mlflow_run = measure_strategies(dataset, registered, optimise)
    write_serving_plan(plan, registered, mlflow_run)
