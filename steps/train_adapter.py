"""Step: fit the LoRA adapter, followed live on MLflow."""

from pathlib import Path
from typing import Annotated

import pyarrow as pa
from zenml import get_step_context, step

from assay import home, parameters, recording, training
from assay.dataset import Dataset
from assay.progress import bar
from assay.rationales import reasons
from assay.recording import Stage
from assay.training import BaseSettings, TrainingSettings
from materializers.model import ModelMaterializer
from steps import links
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"adapter": ModelMaterializer})
def train_adapter(
    dataset: Dataset,
    measurements: pa.Table,
    base_model: Path,
    warm_up_run: str,
    base_settings: BaseSettings,
    settings: TrainingSettings,
    rationales: pa.Table,
) -> tuple[Annotated[Path, "adapter"], Annotated[str, "mlflow_run"]]:
    """Return the model directory, uncalibrated, and the MLflow run that recorded its making.

    ``rationales`` are a teacher's; images that are not among them have the offline one's.
    """
    run = get_step_context().pipeline_run
    whole = {"data": dataset.settings, "base": base_settings, "training": settings}
    given = parameters.flatten({**(run.config.parameters or {}), **whole})
    made_of = dataset, measurements, base_model, base_settings, settings, home.folder("checkpoints")
    opened = recording.training_run(Stage.ADAPTER, run.name, given, dataset)
    with opened as recorder, bar() as progress:
        links.to_training(recorder.run_id)
        recording.link_warm_up(recorder.run_id, warm_up_run)
        recorder.metrics(0, reasons.account_of(rationales).figures())
        heard = progress, recorder.metrics, recorder.answers
        adapter = training.train_adapter(*made_of, *heard, reasons.learned(rationales))
    return adapter, recorder.run_id
