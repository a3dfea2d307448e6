"""Compare two models on the same test images: differences with intervals, and what flipped."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.comparison import ComparisonSettings
from assay.dataset import DataSettings
from steps.build_dataset import build_dataset, fingerprint
from steps.compare_models import compare_models
from steps.fetch_model import fetch_model
from steps.predict_test_images import predict_test_images


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def compare(
    first: str = "champion",
    second: str = "challenger",
    data: DataSettings = DataSettings(),
    comparison: ComparisonSettings = ComparisonSettings(),
) -> None:
    """Compare ``second`` with ``first``: aliases, versions, runs or model directories."""
    dataset = build_dataset(data, fingerprint(data), for_training=False)
    one = fetch_model(first, id="fetch_first")
    two = fetch_model(second, id="fetch_second")
    said = predict_test_images(dataset, one, id="predict_first")
    also_said = predict_test_images(dataset, two, id="predict_second")
    compare_models(dataset, one, two, said, also_said, comparison)
