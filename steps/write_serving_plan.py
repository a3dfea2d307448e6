"""Step: the serving plan beside the model that it was made for, and the page about it."""

from pathlib import Path
from typing import Annotated

from zenml import step

from assay import model_registry, publishing
from assay.reports import serving_plan as report
from assay.reports.page import Page
from assay.serving_plan import ServingPlan
from materializers.page import PageMaterializer
from steps import links


@step(enable_cache=False, output_materializers={"serving_plan_report": PageMaterializer})
def write_serving_plan(
    plan: ServingPlan, model: Path, mlflow_run: str
) -> Annotated[Page, "serving_plan_report"]:
    """Attach ``plan`` to the version that holds ``model``; one never registered keeps its page."""
    page = report.page(plan)
    publishing.publish_plan(mlflow_run, plan, page)
    if version := model_registry.find(model):
        model_registry.attach_plan(version, plan)
        links.to_version(version)
    return page
