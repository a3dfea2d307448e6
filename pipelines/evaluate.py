"""Judge a registered model on a test split, or the way of training on each dataset left out."""

from typing import Literal

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from assay.evaluation import EvaluationSettings
from assay.review import ReviewSettings
from assay.training import BaseSettings, TrainingSettings
from steps.build_dataset import build_dataset, fingerprint
from steps.evaluate_model import evaluate_model
from steps.fetch_model import fetch_model
from steps.judge_folds import judge_folds
from steps.measure_evidence import measure_evidence
from steps.report_evaluation import report_evaluation


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def evaluate(
    protocol: Literal["split", "lodo"] = "split",
    model: str = "champion",
    data: DataSettings = DataSettings(),
    base: BaseSettings = BaseSettings(),
    training: TrainingSettings = TrainingSettings(),
    review: ReviewSettings = ReviewSettings(),
    evaluation: EvaluationSettings = EvaluationSettings(),
) -> None:
    """Evaluate ``model``, an alias or a version of the registry, on the test split.

    With the ``protocol`` "lodo" (leave one dataset out) no registered model is used: ``base``,
    ``training`` and ``review`` make one for each dataset, which never saw any of its images.
    """
    whole = protocol == "lodo"
    dataset = build_dataset(data, fingerprint(data), for_training=whole)
    if whole:
        measurements = measure_evidence(dataset, with_test=True, engine=data.engine)
        made_by = base, training, review, evaluation
        report_evaluation(dataset, *judge_folds(dataset, measurements, *made_by))
    else:
        registered = fetch_model(model)
        judged = evaluate_model(dataset, registered, evaluation)
        report_evaluation(dataset, *judged, registered)
