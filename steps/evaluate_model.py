"""Step: metrics of a model on the test split, as received and with biases controlled."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from assay import evaluation
from assay.calibration import Calibration
from assay.dataset import Dataset
from assay.detector import Detector
from assay.evaluation import Evaluation, EvaluationSettings
from assay.model_folder import CALIBRATION_FILE
from assay.progress import bar
from materializers.evaluation import EvaluationMaterializer
from materializers.table import TableMaterializer
from steps.caching import CACHED

_STORED = {"predictions": TableMaterializer, "evaluation": EvaluationMaterializer}


@step(cache_policy=CACHED, output_materializers=_STORED)
def evaluate_model(
    dataset: Dataset, model: Path, settings: EvaluationSettings
) -> tuple[Annotated[pd.DataFrame, "predictions"], Annotated[Evaluation, "evaluation"]]:
    """Predict the test split and measure, overall and per slice, with a metadata baseline."""
    detector = Detector.load(model)
    calibration = Calibration.load(model / CALIBRATION_FILE)
    with bar() as progress:
        predictions, judged = evaluation.judge(detector, calibration, dataset, settings, progress)
    return predictions, judged
