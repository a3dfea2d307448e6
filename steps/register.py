"""Step: store the model as a version of the registry, the challenger, with its card."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import get_step_context, step

from assay import dataset_store, model_card, model_registry, publishing, tracking
from assay.dataset import Dataset
from assay.evaluation import Evaluation
from assay.model_registry import Alias
from assay.reports import model_card as cards
from assay.reports.page import Page
from assay.robustness import Robustness
from materializers.page import PageMaterializer
from steps import links, model_versions


@step(enable_cache=False, output_materializers={"model_card": PageMaterializer})
def register(
    model: Path,
    dataset: Dataset,
    predictions: pd.DataFrame,
    evaluation: Evaluation,
    mlflow_run: str,
    robustness: Robustness | None = None,
) -> tuple[Annotated[str, "model_version"], Annotated[Page, "model_card"]]:
    """Return the version's number; a model that is registered already keeps its number.

    Either way its card is written anew.
    """
    dataset_store.publish(dataset)  # one that was built before anything was shared, too
    version = model_registry.find(model) or _new_version(model, dataset, evaluation, mlflow_run)
    card = model_card.gather(model, dataset, evaluation, predictions, robustness)
    publishing.publish_card(card)
    model_versions.mirror(version, cards.note(card), cards.facts(card))
    links.to_version(version)
    if version != model_registry.version_of(Alias.CHAMPION):
        model_registry.set_alias(Alias.CHALLENGER, version)
        model_versions.set_stage(version, Alias.CHALLENGER)
    return version, cards.page(card)


def _new_version(model: Path, dataset: Dataset, evaluation: Evaluation, mlflow_run: str) -> str:
    metrics = {name: metric.value for name, metric in evaluation.headline().items()}
    name = get_step_context().pipeline_run.name
    run_id = tracking.existing_or_new(mlflow_run, name, dataset.version)
    if run_id != mlflow_run:
        links.to_training(run_id)
    tracking.log_metrics(run_id, 0, metrics)
    return model_registry.register(model, run_id)
