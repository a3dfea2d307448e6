"""Links from ZenML's pages to MLflow's; `assay.dashboards` has those of the other direction."""

from zenml import get_step_context, log_metadata
from zenml.metadata.metadata_types import Uri

from assay import dashboards, model_registry, tracking
from assay.model_registry import MODEL


def to_training(mlflow_run: str) -> None:
    """Name the MLflow run ``mlflow_run`` in the metadata of this step and of its pipeline run."""
    info = tracking.client().get_run(mlflow_run).info
    page = dashboards.addresses().mlflow_run(info.experiment_id, mlflow_run)
    _log({"mlflow_run": str(info.run_name), "mlflow_run_page": Uri(page)})


def to_version(version: str) -> None:
    """Name the model version ``version`` of MLflow's registry, and the run that made it."""
    page = dashboards.addresses().mlflow_model_version(MODEL, version)
    to_training(model_registry.run_of(version).info.run_id)
    _log({"mlflow_model": f"{MODEL}, version {version}", "mlflow_model_page": Uri(page)})


def _log(metadata: dict[str, str]) -> None:
    context = get_step_context()
    log_metadata(metadata, step_id=context.step_run.id)
    log_metadata(metadata, run_id_name_or_prefix=context.pipeline_run.id)
