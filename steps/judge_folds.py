"""Step: leave-one-dataset-out, each dataset judged by a model that was fitted without it."""

from typing import Annotated

import pandas as pd
import pyarrow as pa
from zenml import step

from assay import home, leave_one_out
from assay.dataset import Dataset
from assay.evaluation import Evaluation, EvaluationSettings
from assay.leave_one_out import FoldSettings
from assay.progress import bar
from assay.review import ReviewSettings
from assay.training import BaseSettings, TrainingSettings
from materializers.evaluation import EvaluationMaterializer
from materializers.table import TableMaterializer
from steps.caching import CACHED

_STORED = {"predictions": TableMaterializer, "evaluation": EvaluationMaterializer}


@step(cache_policy=CACHED, output_materializers=_STORED)
def judge_folds(
    dataset: Dataset,
    measurements: pa.Table,
    base: BaseSettings,
    training: TrainingSettings,
    review: ReviewSettings,
    evaluation: EvaluationSettings,
) -> tuple[Annotated[pd.DataFrame, "predictions"], Annotated[Evaluation, "evaluation"]]:
    """Fit a model for each fold, judge all images of its left-out dataset, and pool the folds."""
    fitted_by = FoldSettings(base, training, review, evaluation)
    made_of = dataset, measurements, fitted_by, home.folder("checkpoints")
    with bar() as progress:
        predictions, judged = leave_one_out.judge_folds(*made_of, progress)
    return predictions, judged  # ZenML counts the outputs in this line
