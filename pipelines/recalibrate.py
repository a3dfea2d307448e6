"""Move a registered model to another platform's images, from about a hundred of their labels."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from assay.evaluation import EvaluationSettings
from assay.label_intake import IntakeSettings
from assay.retraining import LabelledFolder, Moment
from assay.review import ReviewSettings
from assay.succession import SuccessionSettings
from steps.build_dataset import build_dataset, fingerprint
from steps.collect_captures import collect_captures
from steps.evaluate_model import evaluate_model
from steps.fetch_model import fetch_model
from steps.recalibrate_model import recalibrate_model
from steps.register import register
from steps.report_evaluation import report_evaluation
from steps.succeed import succeed


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def recalibrate(
    input: LabelledFolder = "",
    since: Moment = "",
    until: Moment = "",
    model: str = "champion",
    intake: IntakeSettings = IntakeSettings(),
    review: ReviewSettings = ReviewSettings(),
    evaluation: EvaluationSettings = EvaluationSettings(),
    succession: SuccessionSettings = SuccessionSettings(),
) -> None:
    """Register ``model`` anew with a calibration for a folder, or for labelled captures.

    The weights stay. Of the folder ``input``, the test split, or a quarter of its groups, judges
    the result, which stays the challenger; on captures it may become champion, as in `retrain`.
    """
    old, taken = fetch_model(model), None
    if input:
        data = DataSettings(source="folder", options={"path": input})
        dataset = build_dataset(data, fingerprint(data), for_training=False)
    else:
        taken, dataset = collect_captures(old, since, until, intake)
    moved = recalibrate_model(dataset, old, review, taken)
    judged = dataset, *evaluate_model(dataset, moved, evaluation)
    report_evaluation(*judged, moved)
    version, _ = register(moved, *judged, "")
    if taken is not None:
        succeed(version, moved, old, dataset, taken, judged[1], succession)
