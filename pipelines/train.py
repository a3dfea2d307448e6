"""Build the data, train the adapter, judge it, register it and promote it if it is better."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from assay.evaluation import EvaluationSettings
from assay.promotion import PromotionSettings
from assay.rationales.settings import TeacherSettings
from assay.review import ReviewSettings
from assay.robustness import RobustnessSettings
from assay.training import BaseSettings, TrainingSettings
from assay.validation import ValidationSettings
from pipelines._judging import judge
from steps.accept_dataset import accept_dataset
from steps.build_dataset import build_dataset, fingerprint
from steps.calibrate import calibrate
from steps.measure_evidence import measure_evidence
from steps.promote import promote
from steps.publish import publish
from steps.report_evaluation import report_evaluation
from steps.train_adapter import train_adapter
from steps.validate_dataset import validate_dataset
from steps.warm_up_base import warm_up_base
from steps.write_rationales import write_rationales


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def train(
    data: DataSettings = DataSettings(),
    validation: ValidationSettings = ValidationSettings(),
    teacher: TeacherSettings = TeacherSettings(),
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
    accepted = accept_dataset(report)
    known = dataset, measure_evidence(dataset, engine=data.engine, after=accepted)
    told, _ = write_rationales(*known, teacher)
    adapter, mlflow_run = train_adapter(*known, *warm_up_base(*known, base), base, training, told)
    model = calibrate(*known, adapter, review)
    judged, robust, page, version = judge(dataset, model, mlflow_run, evaluation, robustness, told)
    decision = promote(version, *judged[:2], robust, promotion)
    publish(*judged, *report_evaluation(*judged, model), page, version, decision, report)
