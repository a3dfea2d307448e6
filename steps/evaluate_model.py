"""Step: metrics of a model on the test split, as received and with biases controlled."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from assay import evaluation
from assay.dataset import Dataset
from assay.detector import Detector
from assay.evaluation import Evaluation, EvaluationSettings
from assay.progress import bar
from materializers.evaluation import EvaluationMaterializer
from materializers.table import TableMaterializer
from steps.caching import CACHED

_STORED = {"predictions": TableMaterializer, "evaluation": EvaluationMaterializer}
