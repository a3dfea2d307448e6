"""Build the data, train the adapter, judge it, register it and promote it if it is better."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from assay.evaluation import EvaluationSettings
from assay.promotion import PromotionSettings
from assay.review import ReviewSettings
from assay.robustness import RobustnessSettings
from assay.training import BaseSettings, TrainingSettings
from assay.validation import ValidationSettings
from steps.accept_dataset import accept_dataset
from steps.build_dataset import build_dataset, fingerprint
from steps.calibrate import calibrate
from steps.evaluate_model import evaluate_model
from steps.measure_evidence import measure_evidence
from steps.measure_robustness import measure_robustness
from steps.promote import promote
from steps.publish import publish
from steps.register import register
from steps.report_evaluation import report_evaluation
from steps.train_adapter import train_adapter
from steps.validate_dataset import validate_dataset
from steps.warm_up_base import warm_up_base


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def train(
    data: DataSettings = DataSettings(),
    validation: ValidationSettings = ValidationSettings(),
    base: BaseSettings = BaseSettings(),
    training: TrainingSettings = TrainingSettings(),
    review: ReviewSettings = ReviewSettings(),
    evaluation: EvaluationSettings = EvaluationSettings(),
    robustness: RobustnessSettings = RobustnessSettings(),
    promotion: PromotionSettings = PromotionSettings(),
) -> None:
    """Run from samples to a decision about the new model."""
    dataset = build_dataset(data, fingerprint(data))
    report = validate_dataset(dataset, validation, data.engine)
    measurements = measure_evidence(dataset, engine=data.engine, after=accept_dataset(report))
    base_model, warm_up = warm_up_base(dataset, measurements, base)
    adapter, mlflow_run = train_adapter(dataset, measurements, base_model, warm_up, base, training)
    model = calibrate(dataset, measurements, adapter, review)
    judged = dataset, *evaluate_model(dataset, model, evaluation)
    robust, page = measure_robustness(dataset, model, robustness)
    version, _ = register(model, *judged, mlflow_run, robust)
    decision = promote(version, *judged[:2], robust, promotion)
    publish(*judged, *report_evaluation(*judged, model), page, version, decision, report)
