"""Step: an evaluation as pages to look at: its figures, and the images behind its errors."""

from typing import Annotated

import pandas as pd
from zenml import step

from assay.dataset import Dataset
from assay.evaluation import Evaluation
from assay.reports import evaluation as report
from assay.reports import gallery
from assay.reports.page import Page
from materializers.page import PageMaterializer
from steps.caching import CACHED

_STORED = {"evaluation_report": PageMaterializer, "gallery": PageMaterializer}


@step(cache_policy=CACHED, output_materializers=_STORED)
def report_evaluation(
    dataset: Dataset, predictions: pd.DataFrame, evaluation: Evaluation
) -> tuple[Annotated[Page, "evaluation_report"], Annotated[Page, "gallery"]]:
    """Draw ROC, reliability, scores, confusion and slices; show mistakes and abstentions."""
    return report.page(predictions, evaluation), gallery.page(predictions, dataset, evaluation)
