"""Step: the adapter of a model goes on learning, followed live on MLflow."""

from pathlib import Path
from typing import Annotated

import pyarrow as pa
from zenml import get_step_context, step

from assay import home, parameters, recording, training
from assay.dataset import Dataset
from assay.progress import bar
from assay.recording import Stage
from assay.training import TrainingSettings
from materializers.model import ModelMaterializer
from steps import links
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"adapter": ModelMaterializer})
def continue_adapter(
    dataset: Dataset, measurements: pa.Table, model: Path, settings: TrainingSettings
) -> tuple[Annotated[Path, "adapter"], Annotated[str, "mlflow_run"]]:
    """Return the model directory, uncalibrated, and the MLflow run that recorded its making."""
    run = get_step_context().pipeline_run
    given = parameters.flatten({**(run.config.parameters or {}), "training": settings})
    made_of = dataset, measurements, model, settings, home.folder("checkpoints")
    opened = recording.training_run(Stage.ADAPTER, run.name, given, dataset)
    with opened as recorder, bar() as progress:
        links.to_training(recorder.run_id)
        heard = progress, recorder.metrics, recorder.answers
        adapter = training.continue_adapter(*made_of, *heard)
    return adapter, recorder.run_id
