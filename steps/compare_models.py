"""Step: two models side by side, from what both say about the same images."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from assay import comparison, model_registry
from assay.calibration import Calibration
from assay.comparison import Comparison, ComparisonSettings
from assay.dataset import Dataset
from assay.model_folder import CALIBRATION_FILE
from assay.reports import comparison as report
from assay.reports.page import Page
from materializers.comparison import ComparisonMaterializer
from materializers.page import PageMaterializer

_STORED = {"comparison": ComparisonMaterializer, "comparison_report": PageMaterializer}


@step(enable_cache=False, output_materializers=_STORED)
def compare_models(
    dataset: Dataset,
    first: Path,
    second: Path,
    first_predictions: pd.DataFrame,
    second_predictions: pd.DataFrame,
    settings: ComparisonSettings,
) -> tuple[Annotated[Comparison, "comparison"], Annotated[Page, "comparison_report"]]:
    """Differences, verdict and flips, and the page; never cached, because the registry is asked."""
    pair = first_predictions, second_predictions
    lower, upper = (Calibration.load(m / CALIBRATION_FILE).threshold for m in (first, second))
    compared = comparison.compare(*pair, lower, upper, settings)
    described = model_registry.describe(first), model_registry.describe(second)
    compared = replace(compared, models=described)
    return compared, report.page(comparison.paired(*pair), compared, dataset)
