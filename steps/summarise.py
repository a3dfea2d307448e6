"""Step: what the run came to, on one page."""

from typing import Annotated

from zenml import get_step_context, step
from zenml.client import Client

from assay import tracking
from assay.dataset import Dataset
from assay.evaluation import Evaluation
from assay.promotion import PromotionDecision
from assay.reports import summary
from assay.reports.page import Page
from assay.reports.summary import Facts
from materializers.page import PageMaterializer
from steps import links, run_stages


@step(enable_cache=False, output_materializers={"summary": PageMaterializer})
def summarise(
    dataset: Dataset,
    evaluation: Evaluation,
    decision: PromotionDecision,
    model_version: str,
    mlflow_run: str,
) -> Annotated[Page, "summary"]:
    """Data, stages, headline metrics, decision, and where to look next."""
    run = Client().get_pipeline_run(get_step_context().pipeline_run.id)
    done = [stage for stage in run_stages.stages(run) if stage.name != "summarise"]
    commit = tracking.git_commit()
    made = model_version, mlflow_run, links.pages(model_version)
    return summary.page(Facts(run.name, commit, dataset, done, evaluation, decision, *made))
