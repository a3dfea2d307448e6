"""ZenML's pages name MLflow's, and MLflow's name ZenML's, with links that keep working."""

from zenml import get_step_context, log_metadata
from zenml.metadata.metadata_types import Uri

from assay import dashboards, model_registry, tracking
from assay.model_versions import MODEL
from assay.release import Release
from assay.tracking import ZENML_PAGE_TAG

_FACTS = ("git_commit", "hardware", "dataset_version")
"""Of the training, that its ZenML page has no place of its own for."""


def to_training(run_id: str) -> None:
    """Link this ZenML run and the MLflow run of a training with each other, while it trains."""
    page = _zenml_run()
    tracking.client().set_tag(run_id, ZENML_PAGE_TAG, page)
    _name_run(run_id)
    _describe(run_id)


def to_version(version: str) -> None:
    """Link this ZenML run and a registered version, and that with the run that trained it."""
    trained = model_registry.run_of(version)
    _name_run(trained.info.run_id)
    _describe(trained.info.run_id)
    page = dashboards.addresses().mlflow_model_version(MODEL, version)
    _log({"mlflow_model": f"{MODEL} version {version}", "mlflow_model_page": Uri(page)})
    facts = {name: trained.data.tags.get(name, "") for name in _FACTS}
    _log({name: value for name, value in facts.items() if value})
    if made := trained.data.tags.get(ZENML_PAGE_TAG):
        tracking.client().set_model_version_tag(MODEL, version, ZENML_PAGE_TAG, made)


def to_release(release: Release) -> None:
    """Link this ZenML run and the version that a release packages; one of no version has none."""
    if release.model_version:
        to_version(release.model_version)


def pages(version: str) -> dict[str, str]:
    """Addresses of what this ZenML run made, by title; without a version only its own."""
    if not version:
        return {"This run on ZenML": _zenml_run()}
    info, at = model_registry.run_of(version).info, dashboards.addresses()
    return {
        "This run on ZenML": _zenml_run(),
        "The training on MLflow": at.mlflow_run(info.experiment_id, info.run_id),
        "The model on MLflow": at.mlflow_model_version(MODEL, version),
    }


def _zenml_run() -> str:
    run = get_step_context().pipeline_run
    return dashboards.addresses().zenml_run(str(run.id), run.project.name)


def _name_run(run_id: str) -> None:
    info = tracking.client().get_run(run_id).info
    page = dashboards.addresses().mlflow_run(info.experiment_id, run_id)
    _log({"mlflow_run": str(info.run_name), "mlflow_run_page": Uri(page)})


def _describe(run_id: str) -> None:
    """Begin the MLflow run's description with a link to the ZenML run that trained."""
    from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

    tags = tracking.client().get_run(run_id).data.tags
    link = f"[On ZenML]({tags.get(ZENML_PAGE_TAG)}): the graph, the data and every report."
    note = tags.get(MLFLOW_RUN_NOTE, "")
    if ZENML_PAGE_TAG in tags and link not in note:
        tracking.client().set_tag(run_id, MLFLOW_RUN_NOTE, f"{link}\n\n{note}".strip())


def _log(metadata: dict[str, str]) -> None:
    context = get_step_context()
    log_metadata(metadata, step_id=context.step_run.id)
    log_metadata(metadata, run_id_name_or_prefix=context.pipeline_run.id)
