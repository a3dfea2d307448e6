"""Step: a run's closing summary, and all its reports beside the model on MLflow."""

from typing import Annotated

import pandas as pd
from zenml import get_step_context, step
from zenml.client import Client

from assay import model_registry, publishing, tracking
from assay.dataset import Dataset
from assay.evaluation import Evaluation
from assay.promotion import PromotionDecision
from assay.reports import dataset as dataset_report
from assay.reports import summary
from assay.reports import validation as validation_report
from assay.reports.page import Page
from assay.reports.summary import Facts
from assay.validation import Validation
from materializers.page import PageMaterializer
from steps import links, run_stages


@step(enable_cache=False, output_materializers={"summary": PageMaterializer})
def publish(
    dataset: Dataset,
    predictions: pd.DataFrame,
    evaluation: Evaluation,
    evaluation_report: Page,
    gallery: Page,
    robustness_report: Page,
    model_version: str,
    decision: PromotionDecision,
    validation: Validation | None = None,
) -> Annotated[Page, "summary"]:
    """Sum the run up, and upload what the run of the model does not hold yet."""
    trained = model_registry.run_of(model_version)
    to_people = float(predictions["needs_review"].mean())
    closing = _summary(dataset, evaluation, model_version, decision, trained.info.run_id, to_people)
    pages = {
        "dataset": dataset_report.page(dataset),
        "evaluation": evaluation_report,
        "gallery": gallery,
        "robustness": robustness_report,
        "validation": None if validation is None else validation_report.page(validation),
    }
    if trained.data.tags.get("zenml_run") == get_step_context().pipeline_run.name:
        pages["summary"] = closing  # a later run's would say that everything came from the cache
    made = {name: page for name, page in pages.items() if page is not None}
    publishing.publish(model_version, made, predictions, dataset)
    return closing


def _summary(
    dataset: Dataset,
    evaluation: Evaluation,
    version: str,
    decision: PromotionDecision,
    mlflow_run: str,
    to_people: float,
) -> Page:
    context = get_step_context()
    run = Client().get_pipeline_run(context.pipeline_run.id)
    done = [stage for stage in run_stages.stages(run) if stage.name != context.step_name]
    made = version, mlflow_run, to_people, links.pages(version)
    return summary.page(
        Facts(run.name, tracking.git_commit(), dataset, done, evaluation, decision, *made)
    )
