"""Step: the run's reports and predictions beside the model on MLflow."""

from typing import Annotated

import pandas as pd
from zenml import step

from assay import publishing
from assay.dataset import Dataset
from assay.reports import dataset as dataset_report
from assay.reports import validation as validation_report
from assay.reports.page import Page
from assay.validation import Validation


@step(enable_cache=False)
def publish(
    model_version: str,
    dataset: Dataset,
    validation: Validation,
    predictions: pd.DataFrame,
    evaluation: Page,
    gallery: Page,
    summary: Page,
) -> Annotated[str, "uploaded"]:
    """Upload what the run of the model does not hold yet, and return the names of that."""
    pages = {
        "dataset": dataset_report.page(dataset),
        "validation": validation_report.page(validation),
        "evaluation": evaluation,
        "gallery": gallery,
        "summary": summary,
    }
    return ", ".join(publishing.publish(model_version, pages, predictions, dataset))
