"""Step: fit the LoRA adapter, followed live on MLflow."""

from functools import partial
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from zenml import get_step_context, step

from assay import home, parameters, tracking, training
from assay.dataset import Dataset
from assay.progress import bar
from assay.training import BaseSettings, TrainingSettings
from materializers.model import ModelMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"adapter": ModelMaterializer})
def train_adapter(
    dataset: Dataset,
    measurements: pa.Table,
    base_model: Path,
    base_settings: BaseSettings,
    settings: TrainingSettings,
) -> tuple[Annotated[Path, "adapter"], Annotated[str, "mlflow_run"]]:
    """Return the model directory, uncalibrated, and the MLflow run that recorded its making."""
    run = get_step_context().pipeline_run
    recorded = parameters.flatten(run.config.parameters or {})
    tags = {"dataset_version": dataset.version, "zenml_run": run.name}
    work = home.folder("checkpoints")
    with tracking.run(run.name, recorded, tags) as run_id, bar() as progress:
        listen = partial(tracking.log_metrics, run_id)
        adapter = training.train_adapter(
            dataset, measurements, base_model, base_settings, settings, work, progress, listen
        )
    return adapter, run_id
