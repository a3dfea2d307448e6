"""Judge a registered model on the test split of a dataset, with intervals."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from assay.evaluation import EvaluationSettings
from steps.build_dataset import build_dataset, fingerprint
from steps.evaluate_model import evaluate_model
from steps.fetch_model import fetch_model
from steps.report_evaluation import report_evaluation


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def evaluate(
    model: str = "champion",
    data: DataSettings = DataSettings(),
    evaluation: EvaluationSettings = EvaluationSettings(),
) -> None:
    """Evaluate ``model``, an alias or a version of the registry."""
    bundle = fetch_model(model)
    dataset = build_dataset(data, fingerprint(data), for_training=False)
    predictions, judged = evaluate_model(dataset, bundle, evaluation)
    report_evaluation(dataset, predictions, judged)
