"""What becomes of a new model in every pipeline that trains one: it is judged, then registered."""

from typing import Any

from assay.evaluation import EvaluationSettings
from assay.robustness import RobustnessSettings
from steps.evaluate_model import evaluate_model
from steps.measure_robustness import measure_robustness
from steps.register import register


def judge(
    dataset: Any,
    model: Any,
    mlflow_run: Any,
    evaluation: EvaluationSettings,
    robustness: RobustnessSettings,
    rationales: Any = None,
) -> tuple[Any, ...]:
    """Artifacts: dataset with predictions and evaluation, robustness, its page, the version."""
    judged = dataset, *evaluate_model(dataset, model, evaluation, rationales)
    robust, page = measure_robustness(dataset, model, robustness)
    version, _ = register(model, *judged, mlflow_run, robust)
    return judged, robust, page, version
