"""Step: store the model as a version of the registry, the challenger."""

from pathlib import Path
from typing import Annotated

from zenml import get_step_context, step

from assay import model_registry, tracking
from assay.evaluation import Evaluation
from assay.model_registry import Alias
from steps import model_versions


@step(enable_cache=False)
def register(
    model: Path, evaluation: Evaluation, mlflow_run: str
) -> Annotated[str, "model_version"]:
    """Return the version's number; a model that is registered already keeps its number."""
    version = model_registry.find(model)
    if version is None:
        metrics = {name: metric.value for name, metric in evaluation.headline().items()}
        run_id = tracking.existing_or_new(mlflow_run, get_step_context().pipeline_run.name)
        tracking.log_metrics(run_id, 0, metrics)
        version = model_registry.register(model, run_id)
    model_versions.mirror(version)
    if version != model_registry.version_of(Alias.CHAMPION):
        model_registry.set_alias(Alias.CHALLENGER, version)
        model_versions.set_stage(version, Alias.CHALLENGER)
    return version
