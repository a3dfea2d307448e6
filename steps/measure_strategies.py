"""Step: every way to serve a model, measured on this machine, and the plan that they come to."""

from pathlib import Path
from typing import Annotated

from zenml import get_step_context, step

from assay import home, recording, serving_optimisation
from assay.dataset import Dataset
from assay.progress import bar
from assay.serving_plan import ServingPlan
from assay.serving_search import OptimiseSettings
from materializers.serving_plan import ServingPlanMaterializer
from steps import links


@step(enable_cache=False, output_materializers={"serving_plan": ServingPlanMaterializer})
def measure_strategies(
    dataset: Dataset, model: Path, settings: OptimiseSettings
) -> tuple[Annotated[ServingPlan, "serving_plan"], Annotated[str, "mlflow_run"]]:
    """Try what there is; goes on where a kill stopped it. Never cached: machines change."""
    name, work = get_step_context().pipeline_run.name, home.folder("checkpoints")
    with recording.serving_run(name, settings, dataset) as (run_id, on_trial), bar() as progress:
        links.to_training(run_id)
        made = serving_optimisation.optimise(model, dataset, settings, work, progress, on_trial)
    return made, run_id
