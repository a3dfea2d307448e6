"""Go on training a model on what people labelled of its traffic; promote it if it is better."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.evaluation import EvaluationSettings
from assay.label_intake import IntakeSettings
from assay.retraining import Moment
from assay.review import ReviewSettings
from assay.robustness import RobustnessSettings
from assay.succession import SuccessionSettings
from assay.training import TrainingSettings
from pipelines._judging import judge
from steps.calibrate_on_traffic import calibrate_on_traffic
from steps.collect_captures import collect_captures
from steps.continue_adapter import continue_adapter
from steps.fetch_model import fetch_model
from steps.measure_evidence import measure_evidence
from steps.measure_traffic import measure_traffic
from steps.publish import publish
from steps.report_evaluation import report_evaluation
from steps.succeed import succeed


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def retrain(
    since: Moment = "",
    until: Moment = "",
    model: str = "champion",
    intake: IntakeSettings = IntakeSettings(),
    training: TrainingSettings = TrainingSettings(),
    review: ReviewSettings = ReviewSettings(),
    evaluation: EvaluationSettings = EvaluationSettings(),
    robustness: RobustnessSettings = RobustnessSettings(),
    succession: SuccessionSettings = SuccessionSettings(),
) -> None:
    """Learn from captures served or judged from ``since`` on; by default all new to ``model``."""
    old = fetch_model(model)
    taken, dataset = collect_captures(old, since, until, intake)
    measurements, traffic = measure_evidence(dataset), measure_traffic(dataset)
    adapter, mlflow_run = continue_adapter(dataset, measurements, old, training)
    new = calibrate_on_traffic(dataset, measurements, traffic, adapter, old, taken, review)
    judged, robust, page, version = judge(dataset, new, mlflow_run, evaluation, robustness)
    decision = succeed(version, new, old, dataset, taken, judged[1], succession, robust)
    publish(*judged, *report_evaluation(*judged, new), page, version, decision)
