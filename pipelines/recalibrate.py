"""Move a registered model to another platform's images, from about a hundred of their labels."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from assay.evaluation import EvaluationSettings
from assay.review import ReviewSettings
from assay.scoring import InputPath
from steps.build_dataset import build_dataset, fingerprint
from steps.evaluate_model import evaluate_model
from steps.fetch_model import fetch_model
from steps.recalibrate_model import recalibrate_model
from steps.register import register
from steps.report_evaluation import report_evaluation


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def recalibrate(
    input: InputPath,
    model: str = "champion",
    review: ReviewSettings = ReviewSettings(),
    evaluation: EvaluationSettings = EvaluationSettings(),
) -> None:
    """Register ``model`` anew, as challenger, with a calibration for the labelled folder ``input``.

    The weights stay. The folder is one that can be trained on; its test split, or a quarter of its
    groups, judges the result.
    """
    data = DataSettings(source="folder", options={"path": input})
    bundle = fetch_model(model)
    dataset = build_dataset(data, fingerprint(data), for_training=False)
    moved = recalibrate_model(dataset, bundle, review)
    predictions, judged = evaluate_model(dataset, moved, evaluation)
    report_evaluation(dataset, predictions, judged, moved)
    register(moved, dataset, predictions, judged, "")
