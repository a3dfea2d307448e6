"""Step: metrics of a model on the test split, as received and with biases controlled."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import pyarrow as pa
from zenml import step

from assay import evaluation
from assay.calibration import Calibration
from assay.dataset import Dataset
from assay.detector import Detector
from assay.evaluation import Evaluation, EvaluationSettings
from assay.model_folder import CALIBRATION_FILE
from assay.progress import bar
from assay.rationales import reasons
from materializers.evaluation import EvaluationMaterializer
from materializers.table import TableMaterializer
from steps.caching import CACHED

_STORED = {"predictions": TableMaterializer, "evaluation": EvaluationMaterializer}


@step(cache_policy=CACHED, output_materializers=_STORED)
def evaluate_model(
    dataset: Dataset,
    model: Path,
    settings: EvaluationSettings,
    rationales: pa.Table | None = None,
) -> tuple[Annotated[pd.DataFrame, "predictions"], Annotated[Evaluation, "evaluation"]]:
    """Predict the test split and measure, overall and per slice, with a metadata baseline.

    The model's reasons are compared with ``rationales``, or with the offline teacher's.
    """
    detector = Detector.load(model)
    calibration = Calibration.load(model / CALIBRATION_FILE)
    made_of = detector, calibration, dataset, settings
    with bar() as progress:
        predictions, judged = evaluation.judge(*made_of, progress, reasons.learned(rationales))
    return predictions, judged
