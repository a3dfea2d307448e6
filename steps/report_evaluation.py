"""Step: an evaluation as pages to look at: its figures, and the images behind its errors."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from assay.dataset import Dataset
from assay.evaluation import Evaluation
from assay.model_folder import NULL_RATES_FILE
from assay.null_rates import NullRates
from assay.progress import bar
from assay.reports import evaluation as report
from assay.reports import gallery
from assay.reports.page import Page
from materializers.page import PageMaterializer
from steps.caching import CACHED

_STORED = {"evaluation_report": PageMaterializer, "gallery": PageMaterializer}


@step(cache_policy=CACHED, output_materializers=_STORED)
def report_evaluation(
    dataset: Dataset,
    predictions: pd.DataFrame,
    evaluation: Evaluation,
    model: Path | None = None,
) -> tuple[Annotated[Page, "evaluation_report"], Annotated[Page, "gallery"]]:
    """Draw ROC, reliability, scores, confusion and slices; show hits, mistakes and abstentions.

    With the ``model`` the gallery also shows what evidence points at.
    """
    rates = NullRates.load(model / NULL_RATES_FILE) if model else None
    with bar() as progress:
        cases = gallery.page(predictions, dataset, evaluation, rates, progress=progress)
    return report.page(predictions, evaluation), cases
