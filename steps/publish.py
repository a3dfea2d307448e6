"""Step: the run's reports and predictions beside the model on MLflow."""

import pandas as pd
from zenml import log_metadata, step

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
) -> None:
    """Upload what the run of the model does not hold yet; the metadata say what that was."""
    pages = {
        "dataset": dataset_report.page(dataset),
        "validation": validation_report.page(validation),
        "evaluation": evaluation,
        "gallery": gallery,
        "summary": summary,
    }
    uploaded = publishing.publish(model_version, pages, predictions, dataset)
    log_metadata({"uploaded": uploaded})
